"""Erased people stay out, and ids become keyed hashes where the settings say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from include.retraining.errors import SettingsError
from include.retraining.quality.erased import KEY_CHECK, erased_hashes, hash_of, is_hashed, protect_people
from include.retraining.quality.privacy import keyed_hash
from include.retraining.tables import ERASURES
from include.retraining.warehouse.local import LocalWarehouse

KEY = "for tests"
ROWS = pa.table({"user_id": pa.chunked_array([["u1", " u1 ", None], ["u2", ""]]), "n": [1, 2, 3, 4, 5]})
GONE = frozenset({keyed_hash("u1", KEY)})


def erasure(user_id: str, kind: str = "requested", key: str = KEY) -> pa.Table:
    row = {
        "user_hash": keyed_hash(user_id, key), "run_id": "run", "kind": kind, "rows": "{}", "who": "w", "why": "y",
        "key_check": keyed_hash(KEY_CHECK, key), "recorded_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=ERASURES.schema)


def test_where_nobody_asked_rows_are_left_alone() -> None:
    assert protect_people(ROWS, "user_id", frozenset(), hash_ids=False) is ROWS


def test_rows_of_an_erased_person_are_left_out_also_with_space_around_the_id() -> None:
    assert protect_people(ROWS, "user_id", GONE, hash_ids=False)["n"].to_pylist() == [3, 4, 5]


def test_ids_become_keyed_hashes_and_no_id_stays_none() -> None:
    hashed = protect_people(ROWS, "user_id", frozenset(), hash_ids=True)["user_id"].to_pylist()
    assert hashed == [keyed_hash("u1", KEY), keyed_hash("u1", KEY), None, keyed_hash("u2", KEY), ""]


def test_an_erased_person_is_left_out_where_ids_are_hashed() -> None:
    assert protect_people(ROWS, "user_id", GONE, hash_ids=True)["n"].to_pylist() == [3, 4, 5]


def test_no_rows_are_no_trouble() -> None:
    assert protect_people(ROWS.slice(0, 0), "user_id", GONE, hash_ids=True).num_rows == 0


def test_a_hash_is_not_hashed_again() -> None:
    once = hash_of("u1", KEY)
    assert is_hashed(once)
    assert hash_of(once, KEY) == once
    assert not is_hashed(f"{once}0")


def test_who_was_requested_is_erased_whether_or_not_the_rows_are_gone_yet(warehouse: LocalWarehouse) -> None:
    warehouse.append_once(ERASURES, erasure("u1"))
    warehouse.append_once(ERASURES, erasure("u1", "erased"))
    assert erased_hashes(warehouse) == GONE


def test_another_key_is_refused_as_the_erased_would_come_back(warehouse: LocalWarehouse) -> None:
    warehouse.append_once(ERASURES, erasure("u1", key="the key of before"))
    with pytest.raises(SettingsError, match="would come back"):
        erased_hashes(warehouse)
