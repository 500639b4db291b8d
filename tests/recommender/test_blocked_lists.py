"""A whole list is taken away from readers: who had it falls back as documented, and no person is named in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from include.recommender.blocked_lists import plan_list_blocking
from include.recommender.current import current_popular_items, current_similar_items, current_user_recommendations
from include.recommender.operations import block_items, forget_user
from include.recommender.settings import SURFACES
from include.recommender.tables import BLOCKED_LISTS, EVERYBODY, ITEMS, SIMILAR_ITEMS
from include.retraining.errors import OperationError
from include.retraining.operation import Operation, perform
from include.retraining.quality.privacy import keyed_hash
from tests.byte_search import files_with
from tests.recommender.published_lists import OTHER, USER, publish, put_statistics

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

MON, TUE = date(2026, 3, 9), date(2026, 3, 10)
OPERATION = Operation("run-1", "hana", "a complaint", dry_run=False)
HASH = keyed_hash(USER, "for tests")
NOTHING: dict[str, Any] = {"item_ids": None, "surface": "all", "user_ids": None, "segments": None, "similar_to": None}


@pytest.fixture
def recommender(workspace: Recommender) -> Recommender:
    publish(workspace.warehouse, MON)
    return workspace


def do(recommender: Recommender, action: str = "block", run_id: str = "run-1", **fields: Any) -> str:
    return block_items(replace(OPERATION, run_id=run_id), recommender, action, **NOTHING | fields)  # type: ignore[arg-type]


def served(recommender: Recommender, user: str, surface: str = "for_you") -> str:
    """Whose list a user gets."""
    (row,) = current_user_recommendations(recommender.warehouse, user, surface).to_pylist()
    return str(row["user_id"])


def test_a_user_whose_list_is_blocked_gets_that_of_everybody_at_once(recommender: Recommender) -> None:
    said = do(recommender, user_ids=[f" {USER} "], surface="for_you")
    assert f"the list of user {HASH} on for_you vanishes (1 rows)" in said
    assert USER not in said
    assert (served(recommender, USER), served(recommender, OTHER)) == (EVERYBODY, OTHER)
    assert served(recommender, USER, "discover") == USER
    assert recommender.warehouse.read(BLOCKED_LISTS)["who"].to_pylist() == ["hana"]


def test_later_publications_honour_it_until_it_is_unblocked(recommender: Recommender) -> None:
    do(recommender, user_ids=[USER])
    publish(recommender.warehouse, TUE, score=2.0)
    assert [served(recommender, USER, surface) for surface in SURFACES] == [EVERYBODY, EVERYBODY]
    assert "is read again" in do(recommender, "unblock", "run-2", user_ids=[USER])
    assert [served(recommender, USER, surface) for surface in SURFACES] == [USER, USER]


def test_a_segment_and_what_is_similar_to_an_item_vanish_alone(recommender: Recommender) -> None:
    do(recommender, segments=["cats"], similar_to=["i1"])
    assert current_popular_items(recommender.warehouse, "cats").num_rows == 0
    assert current_popular_items(recommender.warehouse, "all").num_rows == 1
    assert current_similar_items(recommender.warehouse, "i1").num_rows == 0
    assert current_similar_items(recommender.warehouse, "i2").num_rows == 1
    do(recommender, "unblock", "run-2", segments=["cats"], similar_to=["i1"])
    assert current_popular_items(recommender.warehouse, "cats").num_rows == 1
    assert current_similar_items(recommender.warehouse, "i1").num_rows == 1


def test_a_dry_run_says_the_same_and_changes_nothing(recommender: Recommender) -> None:
    version = recommender.warehouse.version(BLOCKED_LISTS)
    plan = plan_list_blocking(recommender.warehouse, OPERATION, "block", "all", [USER], ["cats"], ["i1"])
    shown = perform(replace(OPERATION, dry_run=True), plan)
    assert recommender.warehouse.version(BLOCKED_LISTS) == version
    assert shown.splitlines()[1:] == perform(OPERATION, plan).splitlines()[1:]
    assert len(shown.splitlines()) == 5


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"segments": ["cat"]}, "cat; near cat: cats"),
        ({"similar_to": ["i"]}, "i; near i: nothing"),
        ({"user_ids": ["person-7"]}, "none of h:"),
        ({"user_ids": [EVERYBODY]}, "which the others fall back on"),
        ({}, "an empty form"),
    ],
)
def test_what_there_is_not_is_refused_and_nothing_is_written(
    recommender: Recommender, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(OperationError, match=says) as refused:
        do(recommender, **fields)
    assert "person-" not in str(refused.value)
    assert recommender.warehouse.read(BLOCKED_LISTS).num_rows == 0


@pytest.mark.parametrize("field", ["item_ids", "segments", "similar_to"])
def test_a_user_in_a_field_of_items_is_told_by_a_hash(recommender: Recommender, field: str) -> None:
    """What an error says is kept in tables, mails and chats, where no erasure looks."""
    put_statistics(recommender.warehouse, MON, USER, OTHER)
    item = dict.fromkeys(ITEMS.columns) | {"snapshot_date": MON, "item_id": "i1"}
    recommender.warehouse.replace(ITEMS, {"snapshot_date": MON}, pa.Table.from_pylist([item], schema=ITEMS.schema))
    with pytest.raises(OperationError) as refused:
        do(recommender, **{field: ["i1", USER]})
    assert USER not in str(refused.value)
    assert f"{HASH}: a user has this id" in refused.value.found
    assert "users in the field Users" in refused.value.next_step


def test_one_wrong_name_keeps_the_right_ones_from_being_blocked(recommender: Recommender) -> None:
    with pytest.raises(OperationError):
        do(recommender, user_ids=[USER], segments=["cat"])
    assert recommender.warehouse.read(BLOCKED_LISTS).num_rows == 0


def test_rule_3_a_retry_adds_nothing(recommender: Recommender) -> None:
    for _ in range(2):
        do(recommender, user_ids=[USER], segments=["cats"])
    assert recommender.warehouse.read(BLOCKED_LISTS).num_rows == 3
    assert "is blocked already" in do(recommender, run_id="run-2", segments=["cats"])


def test_a_list_that_is_gone_can_be_unblocked(recommender: Recommender) -> None:
    do(recommender, similar_to=["i1"])
    rows = recommender.warehouse.read(SIMILAR_ITEMS)
    recommender.warehouse.delete(SIMILAR_ITEMS, {"publication_id": rows["publication_id"][0].as_py()})
    assert "is read again" in do(recommender, "unblock", "run-2", similar_to=["i1"])


def test_no_trace_of_a_blocked_user_is_left_once_forgotten(recommender: Recommender, warehouse: LocalWarehouse) -> None:
    do(recommender, user_ids=[USER, OTHER])
    forget_user(replace(OPERATION, run_id="run-2"), recommender, USER)
    assert files_with(warehouse.folder, USER) == []
    assert set(warehouse.read(BLOCKED_LISTS)["user_id"].to_pylist()) == {OTHER}
    assert served(recommender, OTHER) == EVERYBODY
