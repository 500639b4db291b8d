"""The last row of an item says whether it is blocked."""

from __future__ import annotations

import pytest

from include.retraining.publication.blocked import blocked_items
from include.retraining.tables import BLOCKED_ITEMS
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.publication.test_reader import mark


@pytest.mark.parametrize(
    ("kinds", "blocked"),
    [([], False), (["block"], True), (["block", "unblock"], False), (["block", "unblock", "block"], True)],
)
def test_the_last_row_of_an_item_counts(warehouse: LocalWarehouse, kinds: list[str], blocked: bool) -> None:
    for number, kind in reversed(list(enumerate(kinds, start=1))):
        mark(warehouse, "i1", number, kind)
    mark(warehouse, "i2", 1, "block")
    assert blocked_items(warehouse) == ({"i1", "i2"} if blocked else {"i2"})


def test_the_tenth_row_comes_after_the_ninth(warehouse: LocalWarehouse) -> None:
    mark(warehouse, "i1", 10, "unblock")
    mark(warehouse, "i1", 9, "block")
    assert blocked_items(warehouse) == frozenset()


def test_rule_3_blocking_twice_under_one_number_is_one_row(warehouse: LocalWarehouse) -> None:
    mark(warehouse, "i1", 1, "block")
    mark(warehouse, "i1", 1, "block")
    assert warehouse.read(BLOCKED_ITEMS).num_rows == 1
