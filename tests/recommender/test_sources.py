"""Each candidate source: on worlds small enough to see the answer, and against plain loops over a random history."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from include.recommender.features import FEATURE_NAMES
from include.recommender.settings import Candidates as Caps
from include.recommender.sources import SOURCE_NAMES, SOURCES
from include.recommender.sources.source import profiles
from tests.recommender.small_world import DAY, Rows, catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

    World = Callable[..., Snapshot]

EVENTS = random_events(seed=11, count=500, users=20, items=40, days=70)
ITEMS = random_catalogue(40)
LIKES = {"positive_event_types": ["like"]}
Scores = dict[str, float]

named = {source.name: source for source in SOURCES}


@pytest.fixture
def world(tmp_path: Path, settings_with: Callable[..., RecommenderSettings]) -> World:
    """The snapshot of a history; every event counts, and two users are enough for two items to be alike."""

    def run(events: Rows, items: Rows | None = None, **sections: Any) -> Snapshot:
        items = items or catalogue(sorted({row["item_id"] for row in events}))
        return snapshot_from(tmp_path, events, items, settings_with(**sections))

    return run


@pytest.fixture
def random_world(world: World) -> Snapshot:
    return world(EVENTS, ITEMS, business=LIKES)


def of_everybody(snapshot: Snapshot, name: str) -> dict[str, Scores]:
    """Scores above 0 that a personal source gives each user."""
    personal = named[name].personal
    assert personal is not None
    dense = personal(snapshot, np.arange(snapshot.shape[0])).toarray()
    assert (dense >= 0).all()
    return {str(user): _above_0(snapshot, row) for user, row in zip(snapshot.user_ids, dense, strict=True)}


def of_items(snapshot: Snapshot, name: str) -> Scores:
    """Scores above 0 that a source gives everybody."""
    common = named[name].common
    assert common is not None
    scores = common(snapshot)
    assert scores.shape == (snapshot.shape[1],)
    assert (scores >= 0).all()
    return _above_0(snapshot, scores)


def _above_0(snapshot: Snapshot, scores: np.ndarray) -> Scores:
    return {str(item): float(score) for item, score in zip(snapshot.item_ids, scores, strict=True) if score > 0}


def best_first(scores: Scores) -> list[str]:
    return sorted(scores, key=lambda item: (-scores[item], item))


def seen() -> Rows:
    return [row for row in EVENTS if row["arrival_date"] <= DAY]


def liked() -> Rows:
    return [row for row in seen() if row["event_type"] == "like"]


def age(row: dict[str, Any]) -> int:
    return int((DAY - row["event_date"]).days)


def last_touches() -> dict[tuple[str, str], int]:
    """Days since the last touch of any kind, for the pairs with a like."""
    pairs = {(row["user_id"], row["item_id"]) for row in liked()}
    touches: dict[tuple[str, str], int] = {}
    for row in seen():
        pair = (row["user_id"], row["item_id"])
        if pair in pairs:
            touches[pair] = min(age(row), touches.get(pair, 10**6))
    return touches


def assert_close(found: dict[str, Scores], expected: dict[str, Scores]) -> None:
    assert sum(len(scores) for scores in expected.values()) > 20
    for user, scores in found.items():
        assert scores == pytest.approx(expected.get(user, {})), user


def test_every_source_has_a_name_a_doc_a_cap_and_two_features_and_is_either_personal_or_common() -> None:
    assert len(set(SOURCE_NAMES)) == len(SOURCE_NAMES)
    assert set(Caps.model_fields) - {"user_block", "for_you_share"} == set(SOURCE_NAMES)
    for source in SOURCES:
        assert source.doc.strip()
        assert (source.personal is None) != (source.common is None)
        assert {f"{source.name}_score", f"{source.name}_rank"} <= set(FEATURE_NAMES)
    assert [source.name for source in SOURCES if source.repeats_only] == ["own_history"]


def test_profiles_hold_the_weights_of_the_given_users_in_their_order(world: World) -> None:
    snapshot = world([event("u", "a", 1), event("v", "a", 1), event("v", "b", 1), event("w", "c", 1)])
    weights = np.array([1.0, 2.0, 0.0, 4.0])  # u-a, v-a, v-b, w-c
    found = profiles(snapshot, np.array([2, 1, 2]), weights)
    assert found.toarray().tolist() == [[0, 0, 4], [2, 0, 0], [0, 0, 4]]
    assert found.nnz == 3
    assert profiles(snapshot, np.zeros(0, np.int64), weights).shape == (0, 3)


def test_own_history_is_the_users_events_weighed_by_age(world: World) -> None:
    once, twice = [event("u", "yesterday", 1), event("u", "once", 90)], [event("u", "twice", 90)] * 2
    found = of_everybody(world([*once, *twice, event("v", "other", 1)]), "own_history")["u"]
    assert found == pytest.approx({"yesterday": 0.5 ** (1 / 90), "once": 0.5, "twice": 1.0}, abs=1e-6)


def test_own_history_equals_a_plain_loop(random_world: Snapshot) -> None:
    expected: dict[str, Scores] = defaultdict(lambda: defaultdict(float))
    for row in liked():
        expected[row["user_id"]][row["item_id"]] += round(1e6 * 0.5 ** (age(row) / 90)) / 1e6
    assert_close(of_everybody(random_world, "own_history"), expected)


# Bread goes with butter and tea goes with milk, by three users each. The user took bread long ago, then tea.
PANTRY = [
    *(event(f"b{number}", item, 2) for number in range(3) for item in ("bread", "butter")),
    *(event(f"t{number}", item, 2) for number in range(3) for item in ("tea", "milk")),
    event("u", "bread", 80),
    event("u", "tea", 3),
]


def test_item_knn_finds_what_goes_with_anything_the_user_touched(world: World) -> None:
    found = of_everybody(world(PANTRY), "item_knn")
    assert found["u"].keys() >= {"butter", "milk"}
    assert found["u"]["milk"] > found["u"]["butter"]
    assert found["b0"]["butter"] > 10 * found["b0"].get("milk", 0)


def test_item_knn_recent_has_forgotten_what_the_user_touched_long_ago(world: World) -> None:
    found = of_everybody(world(PANTRY), "item_knn_recent")["u"]
    snapshot = world(PANTRY)
    ids = snapshot.item_ids.tolist()
    near_tea = snapshot.similarities["cosine"].toarray()[ids.index("tea")] * 0.5 ** (3 / 7)
    assert found == pytest.approx(_above_0(snapshot, near_tea))
    assert "milk" in found
    assert "butter" not in found


def test_last_basket_starts_from_the_users_last_day_and_goes_by_what_is_touched_on_one_day(world: World) -> None:
    # Jam is touched by all who touch tea, but never on the same day.
    events = [*PANTRY, *(event(f"t{number}", "jam", 9) for number in range(3))]
    snapshot = world(events)
    assert best_first(of_everybody(snapshot, "last_basket")["u"]) == ["milk"]
    assert set(of_everybody(snapshot, "item_knn_recent")["u"]) >= {"milk", "jam"}


@pytest.mark.parametrize(
    ("source", "method", "half_life"),
    [
        ("item_knn", "cosine", 60),
        ("item_knn_recent", "cosine", 7),
        ("next_basket", "next_basket", 20),
        ("ease_10d", "ease_10d", 10),
        ("ease_60d", "ease_60d", 60),
    ],
)
def test_neighbours_are_summed_over_the_liked_items_weighed_by_their_last_touch(
    random_world: Snapshot, source: str, method: str, half_life: int
) -> None:
    similar, ids = random_world.similarities[method].toarray(), random_world.item_ids.tolist()
    expected: dict[str, Scores] = defaultdict(lambda: defaultdict(float))
    for (user, item), days in last_touches().items():
        if days > 10 * half_life:
            continue
        for at in np.flatnonzero(similar[ids.index(item)]):
            expected[user][ids[at]] += 0.5 ** (days / half_life) * similar[ids.index(item), at]
    assert_close(of_everybody(random_world, source), expected)


def test_last_basket_equals_a_plain_loop(random_world: Snapshot) -> None:
    similar, ids = random_world.similarities["basket"].toarray(), random_world.item_ids.tolist()
    last_day: dict[str, int] = {}
    for row in seen():  # a day with views only is a day, too
        last_day[row["user_id"]] = min(age(row), last_day.get(row["user_id"], 10**6))
    expected: dict[str, Scores] = defaultdict(lambda: defaultdict(float))
    for (user, item), days in last_touches().items():
        if days == last_day[user]:
            for at in np.flatnonzero(similar[ids.index(item)]):
                expected[user][ids[at]] += similar[ids.index(item), at]
    assert_close(of_everybody(random_world, "last_basket"), expected)


@pytest.mark.parametrize("days", [1, 3, 7, 28])
def test_popularity_counts_the_users_of_its_window_and_orders_equal_ones_by_recency_weight(
    random_world: Snapshot, days: int
) -> None:
    users: dict[str, set[str]] = defaultdict(set)
    weight: dict[str, int] = defaultdict(int)
    for row in liked():
        weight[row["item_id"]] += round(1e6 * 0.5 ** (age(row) / 90))
        if age(row) <= days:
            users[row["item_id"]].add(row["user_id"])
    found = of_items(random_world, f"popularity_{days}d")
    assert {item: int(score) for item, score in found.items()} == {item: len(users[item]) for item in weight}
    assert best_first(found) == sorted(weight, key=lambda item: (-len(users[item]), -weight[item], item))


@pytest.mark.parametrize("days", [1, 3, 7, 28])
@pytest.mark.parametrize("half_life", [90, 7])
def test_popularity_scores_every_known_item_however_long_ago_it_was_touched(
    world: World, days: int, half_life: int
) -> None:
    events = [event("u", "new", 1), event("u", "old", 300), event("u", "ancient", 720)]
    items = catalogue(["new", "old", "ancient", "never touched"])
    found = of_items(world(events, items, features={"half_life_long_days": half_life}), f"popularity_{days}d")
    assert found.keys() == {"new", "old", "ancient"}
    assert best_first(found)[0] == "new"
    assert found["new"] >= 1 > found["old"] > 0


def test_rising_is_the_week_beyond_a_mean_week_before_and_never_below_0(world: World) -> None:
    ages = {"up": [1, 2, 3, 10], "steady": [1, 10, 17, 24], "down": [5, 10, 10, 10, 20, 20, 20], "old": [60]}
    events = [event(f"u{number}", item, age) for item, own in ages.items() for number, age in enumerate(own)]
    assert of_items(world(events), "rising") == pytest.approx({"up": 3 - 1 / 3})


PETS = [*catalogue(["cat 1", "cat 2"]), *catalogue(["dog 1", "dog 2"], category="dog")]


def test_liked_categories_are_popular_items_weighed_by_the_users_share_of_the_category(world: World) -> None:
    # Of one age, so that weights are as counts: three quarters cats, one quarter dogs.
    events = [*[event("u", "cat 1", 5)] * 3, event("u", "dog 1", 5)]
    events += [event(f"v{number}", "cat 2", 3) for number in range(2)]
    events += [event(f"v{number}", "dog 2", 3) for number in range(4)]
    found = of_everybody(world(events, PETS), "liked_categories")
    assert found["u"] == pytest.approx({"cat 1": 0.75, "cat 2": 1.5, "dog 1": 0.25, "dog 2": 1.0})
    assert found["v3"] == pytest.approx({"dog 1": 1.0, "dog 2": 4.0})


def test_liked_categories_equal_a_plain_loop(random_world: Snapshot) -> None:
    category = {row["item_id"]: row["category"] or "" for row in ITEMS}
    active = {row["item_id"] for row in ITEMS if row["is_active"]}
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    users: dict[str, set[str]] = defaultdict(set)
    for row in liked():
        weights[row["user_id"]][category[row["item_id"]]] += round(1e6 * 0.5 ** (age(row) / 30))
        if age(row) <= 7 and row["item_id"] in active:
            users[row["item_id"]].add(row["user_id"])
    expected = {
        user: {
            item: len(of) * own[category[item]] / sum(own.values()) for item, of in users.items() if own[category[item]]
        }
        for user, own in weights.items()
    }
    assert_close(of_everybody(random_world, "liked_categories"), expected)


@pytest.mark.parametrize("category", ["cat", None])
@pytest.mark.parametrize("source", ["liked_categories", "new_items"])
def test_where_all_items_are_of_one_category_or_none_it_says_nothing(
    world: World, source: str, category: str | None
) -> None:
    snapshot = world([event("u", "a", 1), event("v", "b", 1)], catalogue(["a", "b"], category=category))
    assert of_everybody(snapshot, source) == {"u": {}, "v": {}}


def test_new_items_are_those_first_touched_by_anybody_in_the_last_14_days(world: World) -> None:
    events = [event("u", "cat 1", 40), event("v", "cat 1", 2), event("v", "cat 2", 15), event("v", "cat 3", 14)]
    events += [event("w", "cat 3", 2), event("w", "dog 1", 1)]
    snapshot = world(events, [*PETS, *catalogue(["cat 3"])])
    found = of_everybody(snapshot, "new_items")
    assert found["u"] == pytest.approx({"cat 3": 2})  # its users, and nothing that is new in a category never touched
    assert found["w"].keys() == {"cat 3", "dog 1"}
    assert found["w"]["cat 3"] < 2


def test_a_user_without_likes_gets_nothing_personal(world: World) -> None:
    snapshot = world([*EVENTS, event("viewer", "i001", 1)], ITEMS, business=LIKES)
    for source in SOURCES:
        if source.personal:
            assert of_everybody(snapshot, source.name)["viewer"] == {}, source.name


def test_an_item_without_likes_is_found_by_nobody(world: World) -> None:
    snapshot = world([*EVENTS, event("u001", "viewed", 1)], [*ITEMS, *catalogue(["viewed"])], business=LIKES)
    for source in SOURCES:
        found = [of_items(snapshot, source.name)] if source.common else of_everybody(snapshot, source.name).values()
        assert not any("viewed" in scores for scores in found), source.name


@pytest.mark.parametrize("name", [source.name for source in SOURCES if source.personal])
def test_rule_3_what_a_user_gets_does_not_depend_on_who_else_is_asked_for(random_world: Snapshot, name: str) -> None:
    personal = named[name].personal
    assert personal is not None
    whole = personal(random_world, np.arange(random_world.shape[0])).toarray()
    for users in (np.array([3]), np.array([7, 2])):
        assert personal(random_world, users).toarray().tobytes() == whole[users].tobytes()
