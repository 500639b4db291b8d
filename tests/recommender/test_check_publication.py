"""Checks of a staged publication, one fault at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from include.recommender.checks.publication import check_publication
from include.recommender.settings import SURFACES
from include.recommender.tables import (
    ITEM_STATS,
    ITEMS,
    POPULAR_ITEMS,
    SIMILAR_ITEMS,
    USER_ITEMS,
    USER_RECOMMENDATIONS,
)
from include.retraining.quality.privacy import keyed_hash
from include.retraining.quality.verdict import describe, verdict_of
from include.retraining.tables import BLOCKED_ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.recommender.settings import RecommenderSettings
    from include.retraining.quality.checks import CheckResult
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table

DAY = date(2026, 3, 1)
ITEM_COUNT, LIST_SIZE, USER_COUNT = 30, 5, 8
Rows = list[dict[str, Any]]


def item(number: int, day: date = DAY, **change: object) -> dict[str, Any]:
    row = {"snapshot_date": day, "item_id": f"i{number:02}", "category": "cats", "is_active": True}
    return {**row, "title": None, "created_at": None, **change}


def stats(number: int, **change: object) -> dict[str, Any]:
    row = dict.fromkeys(ITEM_STATS.columns) | {"as_of_date": DAY, "item_id": f"i{number:02}", "is_active": True}
    return {**row, "events": 10, **change}


def touched(user: int, number: int) -> dict[str, Any]:
    return dict.fromkeys(USER_ITEMS.columns) | {"as_of_date": DAY, "user_id": f"u{user}", "item_id": f"i{number:02}"}


def user_list(user: int | str, surface: str) -> Rows:
    """Items from the user's number on, among the first twenty; on discover ten further, as the first two are known."""
    first = (user if isinstance(user, int) else 0) + 10 * (surface == "discover")
    return [
        {
            "publication_id": "new", "as_of_date": DAY, "surface": surface, "rank": at + 1,
            "user_id": f"u{user}" if isinstance(user, int) else user, "item_id": f"i{(first + at) % 20:02}",
            "score": 1.0 - at / 10, "sources": ["popularity_28d"], "fallback_reason": None,
            "model_version": "7" if isinstance(user, int) else "baseline/recent_popularity",
        }
        for at in range(LIST_SIZE)
    ]  # fmt: skip


def popular(segment: str) -> Rows:
    row = {"publication_id": "new", "as_of_date": DAY, "segment": segment, "score": 1.0}
    return [{**row, "rank": at + 1, "item_id": f"i{at:02}"} for at in range(3)]


def similar(number: int) -> Rows:
    row = {"publication_id": "new", "as_of_date": DAY, "item_id": f"i{number:02}", "score": 0.5}
    return [{**row, "rank": at, "similar_item_id": f"i{number + at:02}"} for at in (1, 2)]


class World:
    """A sound publication `new` and an equal `old` one, to be changed and then checked."""

    def __init__(self, warehouse: LocalWarehouse, settings: RecommenderSettings) -> None:
        publication = settings.publication.model_copy(update={"list_size": LIST_SIZE})
        self.warehouse, self.settings = warehouse, settings.model_copy(update={"publication": publication})
        self.items = [item(n, day) for n in range(ITEM_COUNT) for day in (DAY - timedelta(days=1), DAY)]
        self.stats = [stats(n) for n in range(ITEM_COUNT)]
        self.touched = [touched(user, user + at) for user in range(USER_COUNT) for at in range(2)]
        users = (*range(USER_COUNT), "*")
        self.lists = [row for surface in SURFACES for user in users for row in user_list(user, surface)]
        self.popular = [row for segment in ("all", "cats") for row in popular(segment)]
        self.similar = [row for n in range(10) for row in similar(n)]
        self.old_lists = [{**row, "publication_id": "old"} for row in self.lists]
        self.blocked: Rows = []

    def list_of(self, user: int, surface: str = "for_you") -> Rows:
        return [row for row in self.lists if (row["user_id"], row["surface"]) == (f"u{user}", surface)]

    def check(self, previous: str | None = "old") -> list[CheckResult]:
        old = [{**row, "publication_id": "old"} for row in self.popular]
        self._write(ITEMS, self.items)
        self._write(ITEM_STATS, self.stats)
        self._write(USER_ITEMS, self.touched)
        self._write(USER_RECOMMENDATIONS, [*self.lists, *self.old_lists])
        self._write(POPULAR_ITEMS, [*self.popular, *old])
        self._write(SIMILAR_ITEMS, [*self.similar, *({**row, "publication_id": "old"} for row in self.similar)])
        self.warehouse.append_once(BLOCKED_ITEMS, pa.Table.from_pylist(self.blocked, schema=BLOCKED_ITEMS.schema))
        return check_publication(self.warehouse, self.settings, DAY, "new", previous)

    def _write(self, table: Table, rows: Rows) -> None:
        if rows:
            partition = {name: sorted({row[name] for row in rows}) for name in table.partition}
            self.warehouse.replace(table, partition, pa.Table.from_pylist(rows, schema=table.schema))


def failed(results: list[CheckResult]) -> set[str]:
    assert not [result for result in results if result.outcome == "crashed"]
    return {result.name for result in results if result.outcome == "failed"}


@pytest.fixture
def world(warehouse: LocalWarehouse, quality_settings: RecommenderSettings) -> World:
    return World(warehouse, quality_settings)


def short_list(world: World) -> None:
    world.lists.remove(world.list_of(3)[-1])


def short_list_of_new_items(world: World) -> None:
    world.lists.remove(world.list_of(3, "discover")[-1])


def known_item_among_the_new(world: World) -> None:
    world.list_of(3, "discover")[-1]["item_id"] = "i04"


def hole_in_ranks(world: World) -> None:
    world.list_of(3)[-1]["rank"] = LIST_SIZE + 1


def repeated_item(world: World) -> None:
    rows = world.list_of(3)
    rows[-1]["item_id"] = rows[0]["item_id"]


def inactive_item(world: World) -> None:
    world.items = [item(n, is_active=n != 3) for n in range(ITEM_COUNT)]


def item_gone(world: World) -> None:
    world.items = [
        item(n, day) for n in range(ITEM_COUNT) for day in (DAY - timedelta(days=1), DAY) if day < DAY or n != 3
    ]


def blocked_item(world: World) -> None:
    world.blocked = [block("i03", 1, "unblock"), block("i03", 2, "block")]


def block(item_id: str, number: int, kind: str) -> dict[str, Any]:
    when = datetime(2026, 3, 1, tzinfo=UTC)
    return {"item_id": item_id, "number": number, "kind": kind, "who": "me", "why": "test", "recorded_at": when}


def constant_scores(world: World) -> None:
    for row in world.list_of(3):
        row["score"] = 0.5


def constant_scores_of_new_items(world: World) -> None:
    for row in world.list_of(3, "discover"):
        row["score"] = 0.5


def nobody_else(world: World) -> None:
    world.lists = [row for row in world.lists if row["user_id"] != "*"]


def nobody_else_on_one_surface(world: World) -> None:
    world.lists = [row for row in world.lists if (row["user_id"], row["surface"]) != ("*", "discover")]


def fewer_lists(world: World) -> None:
    world.old_lists += [{**row, "user_id": f"more-{row['user_id']}"} for row in world.old_lists]


def many_more_lists(world: World) -> None:
    world.old_lists = [row for row in world.old_lists if row["user_id"] in {"u0", "u1", "u7"}]


def less_covered(world: World) -> None:
    for row in world.lists:
        row["item_id"] = f"i{row['rank'] + 20:02}"  # nobody has touched these


def nothing_popular(world: World) -> None:
    world.popular = []


def hole_in_popular(world: World) -> None:
    world.popular[1]["rank"] = 9


def like_itself(world: World) -> None:
    world.similar[0]["similar_item_id"] = world.similar[0]["item_id"]


FAULTS: list[tuple[Callable[[World], None], str, str]] = [
    (short_list, "stop", "lists.length_wrong"),
    (short_list_of_new_items, "stop", "lists.length_wrong"),
    (known_item_among_the_new, "stop", "lists.item_not_new"),
    (hole_in_ranks, "stop", "lists.ranks_with_holes"),
    (repeated_item, "stop", "lists.item_repeated"),
    (inactive_item, "stop", "items.inactive"),
    (item_gone, "stop", "items.not_in_catalogue"),
    (blocked_item, "stop", "items.blocked"),
    (constant_scores, "stop", "lists.scores_all_equal.for_you"),
    (constant_scores_of_new_items, "stop", "lists.scores_all_equal.discover"),
    (nobody_else, "stop", "lists.none_for_everybody"),
    (nobody_else_on_one_surface, "stop", "lists.none_for_everybody"),
    (fewer_lists, "stop", "user_recommendations.size_unlike_before"),
    (many_more_lists, "stop", "user_recommendations.size_unlike_before"),
    (less_covered, "warn", "user_recommendations.coverage_shrank"),
    (nothing_popular, "stop", "popular_items.empty"),
    (hole_in_popular, "stop", "popular_items.ranks_with_holes"),
    (like_itself, "stop", "similar_items.item_like_itself"),
]


def test_a_sound_publication_passes(world: World) -> None:
    results = world.check()
    assert (verdict_of(results), failed(results)) == ("pass", set())


def test_the_first_publication_has_nothing_to_compare_with(world: World) -> None:
    results = world.check(previous=None)
    assert (verdict_of(results), failed(results)) == ("pass", set())
    compared = [result for result in results if result.name.endswith(("size_unlike_before", "coverage_shrank"))]
    assert {(result.severity, result.observed) for result in compared} == {("info", "nothing to compare with")}


@pytest.mark.parametrize(("fault", "verdict", "name"), FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS])
def test_each_fault_fails_its_check_alone(
    world: World, fault: Callable[[World], None], verdict: str, name: str
) -> None:
    fault(world)
    results = world.check()
    assert (verdict_of(results), failed(results)) == (verdict, {name})


def test_an_empty_publication_stops(world: World) -> None:
    world.lists, world.similar, world.popular = [], [], []
    assert {"lists.none_for_everybody", "popular_items.empty"} <= failed(world.check())


def test_a_small_catalogue_makes_short_lists(world: World) -> None:
    """No list is longer than the items with an event."""
    world.stats = [stats(n, events=10 if n < 4 else 0) for n in range(ITEM_COUNT)]
    world.touched = []
    world.lists = [row for row in world.lists if row["rank"] < LIST_SIZE]
    assert failed(world.check()) == set()


def test_who_touched_nearly_everything_gets_a_short_list_of_new_items_only(world: World) -> None:
    """The user knows all but one item; an inactive and a blocked one of those could not be shown anyway."""
    world.stats[28] = stats(28, is_active=False)
    world.blocked = [block("i29", 1, "block")]
    world.touched += [touched(3, number) for number in range(ITEM_COUNT) if number not in (3, 4, 13)]
    assert failed(world.check()) == {"lists.length_wrong", "lists.item_not_new"}
    world.lists = [row for row in world.lists if row not in world.list_of(3, "discover")[1:]]
    assert failed(world.check()) == set()


def test_an_item_that_was_touched_may_be_shown_again_where_repeats_are_allowed(world: World) -> None:
    world.touched += [touched(3, number) for number in range(5, 8)]
    assert {row["item_id"] for row in world.list_of(3)} == {"i03", "i04", "i05", "i06", "i07"}
    assert failed(world.check()) == set()


def test_the_message_about_an_item_that_is_not_new_tells_which_and_for_whom(world: World) -> None:
    known_item_among_the_new(world)
    (line,) = describe(world.check())
    assert line == (
        "lists.item_not_new [critical]: 1 items; expected at most 0 "
        f"(for example discover/{keyed_hash('u3', 'test')}/i04)"
    )


def test_constant_scores_of_baselines_are_fine(world: World) -> None:
    for row in world.lists:
        row.update(model_version="baseline/own_history", score=1.0)
    assert failed(world.check()) == set()


def test_an_item_may_come_back(world: World) -> None:
    world.blocked = [block("i03", 1, "block"), block("i03", 2, "unblock")]
    assert failed(world.check()) == set()


def test_messages_name_users_by_keyed_hash(world: World) -> None:
    short_list(world)
    (line,) = describe(world.check())
    assert line.startswith("lists.length_wrong [critical]: 1 lists; expected at most 0 (for example for_you/h:")
    assert keyed_hash("u3", "test") in line
    assert "u3" not in line
