"""What people see who look up a user or an item is what readers get: blocked, unknown, for everybody, hashed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from benchmarks.simulated_history import SimulatedHistory, item_id, user_id
from include.recommender.current import current_user_recommendations
from include.recommender.look_up import RecommenderLookUp
from include.recommender.settings import SURFACES
from include.recommender.tables import BLOCKED_LISTS, ITEMS, USER_RECOMMENDATIONS
from include.recommender.workspace import recommender_to_read
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.quality.privacy import hash_key, keyed_hash
from include.retraining.tables import BLOCKED_ITEMS
from tests.conftest import put_in_place

if TYPE_CHECKING:
    from pathlib import Path

    from include.recommender.look_up import Answer
    from include.retraining.warehouse.local import LocalWarehouse

TODAY = datetime.now(UTC).date()
USER, OTHER = user_id(0), user_id(1)


@pytest.fixture
def history(warehouse: LocalWarehouse, two_days: tuple[Path, SimulatedHistory]) -> SimulatedHistory:
    written, simulated = two_days
    put_in_place(written, warehouse)
    return simulated


def user(name: str) -> Answer:
    return RecommenderLookUp().of_user(recommender_to_read(), name)


def item(name: str) -> Answer:
    return RecommenderLookUp().of_item(recommender_to_read(), name)


def block(warehouse: LocalWarehouse, item: str) -> None:
    row = {"item_id": item, "number": 1, "kind": "block", "who": "yuki", "why": "x", "recorded_at": None, "run_id": "r"}
    warehouse.append_once(BLOCKED_ITEMS, pa.Table.from_pylist([row], schema=BLOCKED_ITEMS.schema))


def block_list(warehouse: LocalWarehouse, **names: str) -> None:
    empty = dict.fromkeys(("surface", "user_id", "segment", "item_id"), "")
    row = empty | names | {"number": 1, "kind": "block", "who": "yuki", "why": "x", "recorded_at": None, "run_id": "r"}
    warehouse.append_once(BLOCKED_LISTS, pa.Table.from_pylist([row], schema=BLOCKED_LISTS.schema))


@pytest.mark.usefixtures("history")
def test_a_users_lists_are_those_that_applications_read_with_titles_and_sources(warehouse: LocalWarehouse) -> None:
    answer = user(USER)
    assert [shown.name for shown in answer.lists] == list(SURFACES)
    for shown in answer.lists:
        rows = current_user_recommendations(warehouse, USER, shown.name).to_pylist()
        assert [(each.rank, each.item_id) for each in shown.entries] == [(row["rank"], row["item_id"]) for row in rows]
        assert shown.told == f"Their own list, made by recommender_{shown.name}/2."
        assert shown.entries[0].title == "A cat at dusk, 0"
        assert shown.entries[0].category == "cats"
        assert [name for name, _ in shown.entries[0].sources] == ["own history", "ease 10d"]
    assert answer.notes == ()
    assert answer.facts["History"].startswith("40 events on 12 days")


def test_reasons_are_what_the_user_did_and_what_moved_the_score(history: SimulatedHistory) -> None:
    for_you, discover = user(USER).lists
    first, second = for_you.entries[0].reasons, for_you.entries[1].reasons
    assert first[0] == f"2 events on 2 days with it, the last on {history.last}"
    assert first[1:] == second
    assert second[0].startswith("+0.27: ")
    assert len(second) == 3
    assert discover.entries[1].reasons == (
        "no history; proposed by: recency-weighted count of the user's own events with the item (half-life "
        "features.half_life_long_days); what is touched together with the user's items (EASE, half-life 10 days)",
    )
    assert not for_you.entries[1].command
    assert discover.entries[1].command == (  # explanations are kept for for_you only
        f".venv/bin/python -m include.recommender.explain --surface discover --user {USER} --rank 2"
    )
    assert [name for name, _ in discover.legend] == ["own history", "ease 10d", "rising"]


@pytest.mark.usefixtures("history")
def test_an_unknown_user_is_told_apart_and_gets_the_list_for_everybody() -> None:
    answer = user("u-nobody")
    assert "Nobody with the id 'u-nobody' had done anything" in answer.notes[0]
    for shown in answer.lists:
        assert shown.told.startswith("The list for everybody, as they have none of their own; made by ")
        assert shown.entries
        assert not any(each.reasons for each in shown.entries)


@pytest.mark.usefixtures("history")
def test_the_list_for_everybody_can_be_asked_for() -> None:
    answer = user("*")
    assert answer.notes == ()
    assert {shown.told.partition(",")[0] for shown in answer.lists} == {"The list for everybody"}


@pytest.mark.usefixtures("history")
def test_blocked_items_and_lists_are_not_shown(warehouse: LocalWarehouse) -> None:
    block(warehouse, item_id(1))
    block_list(warehouse, surface="discover", user_id=USER)
    for_you, discover = user(USER).lists
    assert [each.rank for each in for_you.entries][:2] == [1, 3]
    assert for_you.told.endswith("without what is blocked.")
    assert discover.told.startswith("The list for everybody, as their own is blocked")
    assert "as their own is blocked" not in user(OTHER).lists[1].told


@pytest.mark.usefixtures("history")
def test_a_list_of_which_every_item_is_blocked_is_told_from_none_at_all(warehouse: LocalWarehouse) -> None:
    current = {"publication_id": read_switch_log(warehouse).current}
    rows = warehouse.read(USER_RECOMMENDATIONS, current).to_pylist()
    theirs = [row | {"item_id": "p-own"} for row in rows if (row["user_id"], row["surface"]) == (USER, "discover")]
    others = [row for row in rows if (row["user_id"], row["surface"]) != (USER, "discover")]
    warehouse.replace(
        USER_RECOMMENDATIONS, current, pa.Table.from_pylist(others + theirs, schema=USER_RECOMMENDATIONS.schema)
    )
    block(warehouse, "p-own")
    for_you, discover = user(USER).lists
    assert for_you.told.startswith("Their own list")
    assert discover.told.startswith("The list for everybody, as all items of their own are blocked; made by ")
    assert "as they have none of their own" in user("u-nobody").lists[1].told


@pytest.mark.usefixtures("history")
def test_an_item_is_told_with_what_is_like_it(warehouse: LocalWarehouse) -> None:
    answer = item(item_id(3))
    assert answer.facts["Title"] == "A otter at dusk, 3"
    assert answer.facts["Category"] == "otters"
    assert answer.facts["Popular in all"] == "rank 3"
    assert [each.item_id for each in answer.lists[0].entries] == [item_id(3 + rank) for rank in range(1, 11)]
    assert answer.lists[0].entries[0].title == "A capybara at dusk, 4"
    block(warehouse, item_id(3))
    blocked = item(item_id(3))
    assert "no reader gets it in any list" in blocked.notes[0]
    assert blocked.lists[0].entries == []


@pytest.mark.usefixtures("history")
def test_a_list_of_similar_items_that_is_blocked_says_so(warehouse: LocalWarehouse) -> None:
    block_list(warehouse, item_id=item_id(3))
    answer = item(item_id(3))
    assert answer.notes == ["What is similar to it is blocked as a list."]
    assert answer.lists[0].entries == []


@pytest.mark.usefixtures("history")
def test_an_item_is_looked_up_without_the_key_of_hashed_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_PRIVACY__HASH_USER_IDS", "true")
    monkeypatch.delenv("HIGAWARI_HASH_KEY")
    assert "check the spelling" in item("p-nothing").notes[0]


@pytest.mark.usefixtures("history")
def test_an_item_that_left_the_catalogue_says_that_it_is_blocked(warehouse: LocalWarehouse) -> None:
    block(warehouse, "p-gone")
    gone, blocked = item("p-gone").notes
    assert "has left the catalogue" in gone
    assert "no reader gets it in any list" in blocked


@pytest.mark.usefixtures("history")
def test_an_unknown_item_is_told_in_words() -> None:
    assert "check the spelling" in item("p-nothing").notes[0]


@pytest.mark.usefixtures("history")
def test_an_id_of_the_other_kind_is_recognised() -> None:
    assert "a user has this id: look it up as a user" in item(USER).notes[0]
    assert "An item has this id: look it up as an item." in user(item_id(3)).notes[0]
    assert "An item has this id" not in user("u-nobody").notes[0]


@pytest.mark.usefixtures("warehouse")
def test_before_the_first_publication_there_is_no_list() -> None:
    for answer in (user(USER), item("p1")):
        assert answer.notes == ("Nothing has been published yet, so readers get no list.",)
        assert answer.lists == ()


def test_titles_are_those_of_the_newest_catalogue_that_the_publication_knew(
    warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    rows = warehouse.read(ITEMS).to_pylist()
    for day, title in ((history.last - timedelta(days=3), "old"), (history.last + timedelta(days=1), "too new")):
        again = [row | {"snapshot_date": day, "title": title} for row in rows]
        warehouse.replace(ITEMS, {"snapshot_date": day}, pa.Table.from_pylist(again, schema=ITEMS.schema))
    assert user(USER).lists[0].entries[0].title == "A cat at dusk, 0"
    warehouse.delete(ITEMS, {"snapshot_date": history.last})
    assert user(USER).lists[0].entries[0].title == "old"


def test_where_ids_are_kept_as_hashes_a_person_is_found_by_the_landed_id(
    warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = keyed_hash("tama", hash_key())
    simulated = SimulatedHistory(TODAY, days=2, users=3, items=40)
    monkeypatch.setattr("benchmarks.simulated_history.user_id", lambda number: hashed if not number else f"u{number}")
    simulated.write(warehouse)
    assert user("tama").notes != ()
    monkeypatch.setenv("HIGAWARI_PRIVACY__HASH_USER_IDS", "true")
    for name in ("tama", hashed):
        assert user(name).notes == ()
        assert user(name).lists[0].told.startswith("Their own list")
