"""A person takes items out of the lists: all of those named or none, recorded once (rule 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from include.recommender.tables import POPULAR_ITEMS, SIMILAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.errors import CommitConflictError, OperationError
from include.retraining.operation import Operation, Plan, perform
from include.retraining.publication.blocked import blocked_items
from include.retraining.publication.blocking import Action, plan_blocking
from include.retraining.publication.reader import read_current
from include.retraining.tables import BLOCKED_ITEMS
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.publication.test_reader import mark
from tests.retraining.publishing import publish

MON = date(2026, 3, 9)
COLUMNS = {
    USER_RECOMMENDATIONS: ("item_id",),
    POPULAR_ITEMS: ("item_id",),
    SIMILAR_ITEMS: ("item_id", "similar_item_id"),
}
USER = "u000042"
CATALOGUE = {"i1", "i2", "p000645", "p000654"}
OPERATION = Operation("run-1", "hana", "taken down", dry_run=False)


def plan(warehouse: LocalWarehouse, *items: str, action: Action = "block", run_id: str = "run-1") -> Plan:
    operation = replace(OPERATION, run_id=run_id)
    return plan_blocking(warehouse, operation, action, items, CATALOGUE, COLUMNS, {USER}.intersection)


def do(warehouse: LocalWarehouse, *items: str, action: Action = "block", run_id: str = "run-1") -> str:
    return perform(OPERATION, plan(warehouse, *items, action=action, run_id=run_id))


def test_a_blocked_item_is_gone_from_the_next_read_until_it_is_unblocked(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    do(warehouse, "i1", "i2")
    assert read_current(warehouse, USER_RECOMMENDATIONS)["item_id"].to_pylist() == ["i3"]
    do(warehouse, "i2", action="unblock", run_id="run-2")
    assert read_current(warehouse, USER_RECOMMENDATIONS)["item_id"].to_pylist() == ["i2", "i3"]
    (row,) = warehouse.read(BLOCKED_ITEMS, {"item_id": "i2", "kind": "unblock"}).to_pylist()
    assert (row["number"], row["who"], row["why"], row["run_id"]) == (2, "hana", "taken down", "run-2")


def test_a_dry_run_says_the_same_and_changes_nothing(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    version = warehouse.version(BLOCKED_ITEMS)
    shown = perform(replace(OPERATION, dry_run=True), plan(warehouse, "i1", "p000645"))
    assert warehouse.version(BLOCKED_ITEMS) == version
    assert shown.splitlines()[1:] == do(warehouse, "i1", "p000645").splitlines()[1:]
    assert "i1 vanishes from 1 rows of user_recommendations, 1 rows of popular_items, 0 rows of similar_items" in shown
    assert "p000645 vanishes from 0 rows of user_recommendations" in shown


def test_nothing_is_blocked_where_one_name_is_wrong(warehouse: LocalWarehouse) -> None:
    with pytest.raises(OperationError, match=r"p00645; near p00645: p000645, p000654"):
        plan(warehouse, "i1", "p00645")
    with pytest.raises(OperationError, match="near zebra: nothing"):
        plan(warehouse, "zebra")
    assert warehouse.read(BLOCKED_ITEMS).num_rows == 0


def test_a_user_among_the_items_is_named_by_a_hash_with_the_field_to_use(warehouse: LocalWarehouse) -> None:
    with pytest.raises(OperationError, match="a user has this id") as refused:
        plan(warehouse, "i1", USER)
    assert USER not in str(refused.value)
    assert "users in the field Users" in refused.value.next_step


def test_an_item_that_left_the_catalogue_can_be_blocked_while_lists_hold_it(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    do(warehouse, "i3")
    assert blocked_items(warehouse) == {"i3"}


def test_an_item_that_left_the_catalogue_can_be_unblocked(warehouse: LocalWarehouse) -> None:
    mark(warehouse, "gone", 1, "block")
    do(warehouse, "gone", action="unblock")
    assert blocked_items(warehouse) == frozenset()


@pytest.mark.parametrize(
    ("action", "said"), [("block", "i1 is blocked already"), ("unblock", "i2 is unblocked already")]
)
def test_what_is_so_already_is_not_recorded(warehouse: LocalWarehouse, action: Action, said: str) -> None:
    mark(warehouse, "i1", 1, "block")
    assert said in do(warehouse, said.split()[0], action=action)
    assert warehouse.read(BLOCKED_ITEMS).num_rows == 1


def test_only_what_changes_is_recorded(warehouse: LocalWarehouse) -> None:
    mark(warehouse, "i1", 1, "block")
    do(warehouse, "i1", " i2 ", "i2", "")
    assert [(row["item_id"], row["number"]) for row in warehouse.read(BLOCKED_ITEMS).to_pylist()] == [
        ("i1", 1),
        ("i2", 1),
    ]


def test_rule_3_a_retry_adds_nothing_even_after_somebody_unblocked(warehouse: LocalWarehouse) -> None:
    do(warehouse, "i1")
    do(warehouse, "i1", action="unblock", run_id="run-2")
    do(warehouse, "i1")
    assert blocked_items(warehouse) == frozenset()
    assert warehouse.read(BLOCKED_ITEMS).num_rows == 2


def test_who_loses_a_race_decides_anew(warehouse: LocalWarehouse) -> None:
    planned = plan(warehouse, "i1", "i2")
    mark(warehouse, "i1", 1, "block")
    with pytest.raises(CommitConflictError, match="at the same moment"):
        perform(OPERATION, planned)
    do(warehouse, "i1", "i2")
    assert blocked_items(warehouse) == {"i1", "i2"}
    assert warehouse.read(BLOCKED_ITEMS).num_rows == 2


def test_an_empty_form_is_refused(warehouse: LocalWarehouse) -> None:
    with pytest.raises(OperationError, match="at least one item id"):
        plan(warehouse, " ", "")
