"""Which items are alike: every method against plain loops over pairs and baskets."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from include.recommender.settings import ALL_ITEMS, Lists, Similarities
from include.recommender.similarities import (
    EASE_HALF_LIVES,
    METHODS,
    compute_similarities,
    each_similarity,
    recency_weights,
)
from include.recommender.similarities.cosine import cosine_similarities
from tests.recommender.small_world import DAY, Rows, catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

    World = Callable[..., Snapshot]

ROWS, ITEMS = 6, 8
Weights = dict[tuple[int, int], float]
Nearest = dict[Any, list[tuple[int, Any]]]
matrices = st.dictionaries(
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, ITEMS - 1)),
    st.integers(1, 200).map(lambda age: 0.5 ** (age / 60)),
    max_size=30,
)
EVENTS = random_events(seed=15, count=500, users=18, items=30, days=25)
LIKES = {"positive_event_types": ["like"]}


@pytest.fixture
def world(tmp_path: Path, settings_with: Callable[..., RecommenderSettings]) -> World:
    """The snapshot of a history."""

    def run(events: Rows, items: Rows | None = None, **sections: Any) -> Snapshot:
        items = items or catalogue(sorted({row["item_id"] for row in events}))
        return snapshot_from(tmp_path, events, items, settings_with(**sections))

    return run


def computed(weights: Weights, using: Similarities, shape: tuple[int, int] = (ROWS, ITEMS)) -> sparse.csr_matrix:
    rows, items = [row for row, _ in weights], [item for _, item in weights]
    return cosine_similarities(sparse.csr_matrix((list(weights.values()), (rows, items)), shape=shape), using)


def by_hand(weights: Mapping[tuple[Any, Any], float], using: Similarities) -> Nearest:
    """Per item its nearest neighbours, (score in micro-units, other item), best first; keys are (row, item)."""
    rows_of: dict[Any, set[Any]] = defaultdict(set)
    for row, item in weights:
        rows_of[item].add(row)
    kept = {item for item, rows in rows_of.items() if len(rows) >= using.min_users}
    sums: dict[Any, float] = defaultdict(float)
    for (row, item), weight in weights.items():
        sums[row] += weight * (item in kept)
    columns: dict[Any, dict[Any, float]] = defaultdict(dict)
    for (row, item), weight in weights.items():
        if item in kept:
            columns[item][row] = weight / math.sqrt(sums[row])
    norm = {item: math.hypot(*rows.values()) for item, rows in columns.items()}
    nearest = {}
    for item, rows in columns.items():
        dots = {
            other: sum(weight * theirs.get(row, 0) for row, weight in rows.items())
            for other, theirs in columns.items()
            if other != item and rows.keys() & theirs.keys()
        }
        scored = [(round(1e6 * dot / norm[item] / norm[other]), other) for other, dot in dots.items()]
        nearest[item] = sorted(scored, key=lambda pair: (-pair[0], pair[1]))[: using.neighbours]
    return {item: best for item, best in nearest.items() if best}


def rows_of(matrix: sparse.csr_matrix) -> Nearest:
    result: Nearest = defaultdict(list)
    coo = matrix.tocoo()
    for item, other, score in zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist(), strict=True):
        result[item].append((round(score * 1e6), other))
    return {item: sorted(pairs, key=lambda pair: (-pair[0], pair[1])) for item, pairs in result.items()}


def assert_alike(found: Nearest, expected: Nearest) -> None:
    assert found.keys() == expected.keys()
    for item, pairs in expected.items():
        scores = {other: score for score, other in found[item]}
        # Sums in another order may round to the next micro-unit.
        assert {other: pytest.approx(score, abs=1) for score, other in pairs} == scores


@given(matrices, st.integers(1, 3))
def test_all_neighbours_equal_a_pair_by_pair_cosine(weights: Weights, min_users: int) -> None:
    using = Similarities(min_users=min_users, neighbours=ITEMS, item_block=3)
    assert_alike(rows_of(computed(weights, using)), by_hand(weights, using))


@settings(max_examples=40)
@given(matrices, st.integers(1, 4))
def test_rule_3_block_sizes_give_equal_results(weights: Weights, neighbours: int) -> None:
    whole = computed(weights, Similarities(neighbours=neighbours, item_block=100))
    for block in (1, 3, ITEMS):
        found = computed(weights, Similarities(neighbours=neighbours, item_block=block))
        assert found.indptr.tolist() == whole.indptr.tolist()
        assert found.indices.tolist() == whole.indices.tolist()
        assert found.data.tobytes() == whole.data.tobytes()


def test_equally_near_items_go_by_their_position() -> None:
    weights = {(row, item): 0.7 for row in (0, 1) for item in (0, 5, 3, 7)}
    found = rows_of(computed(weights, Similarities(neighbours=2)))
    assert {item: [other for _, other in pairs] for item, pairs in found.items()} == {
        0: [3, 5], 3: [0, 5], 5: [0, 3], 7: [0, 3],
    }  # fmt: skip
    assert {score for pairs in found.values() for score, _ in pairs} == {1_000_000}


def test_who_touches_everything_says_less_about_what_is_alike() -> None:
    # Row 0 touched items 0 and 1 and nothing else; row 1 touched items 0, 2 and everything else.
    weights = {(0, 0): 1.0, (0, 1): 1.0, (2, 1): 1.0, (3, 2): 1.0}
    weights |= {(1, item): 1.0 for item in (0, *range(2, ITEMS))}
    found = {other: score for score, other in rows_of(computed(weights, Similarities(min_users=1)))[0]}
    assert found[1] > 2 * found[2]


@pytest.mark.parametrize(("min_users", "has_neighbours"), [(1, True), (2, True), (3, False)])
def test_an_item_of_fewer_than_min_users_has_no_neighbours(min_users: int, has_neighbours: bool) -> None:
    weights = {(0, 0): 0.9, (1, 0): 0.9, (0, 1): 0.9, (1, 1): 0.9, (2, 1): 0.9}
    assert (computed(weights, Similarities(min_users=min_users)).nnz > 0) is has_neighbours


def test_an_item_is_never_its_own_neighbour() -> None:
    weights = {(row, item): 1 / (row + item + 1) for row in range(ROWS) for item in range(ITEMS)}
    found = computed(weights, Similarities(item_block=3))
    assert not found.diagonal().any()
    assert found.nnz == ITEMS * (ITEMS - 1)
    assert 0 < found.data.min() <= found.data.max() <= 1


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3), (2, 5)])
def test_nobody_and_nothing_give_an_empty_matrix(shape: tuple[int, int]) -> None:
    found = computed({}, Similarities(), shape)
    assert (found.shape, found.nnz) == ((shape[1], shape[1]), 0)


def test_a_touch_weighs_half_after_one_half_life_and_nothing_after_ten_or_without_a_positive_event(
    world: World,
) -> None:
    ages = {"a": 7, "b": 14, "c": 70, "d": 71}
    events = [event("u", item, age, event_type="like") for item, age in ages.items()]
    # The last touch counts, of whatever kind; without a like there is no weight.
    events += [event("u", "e", 30, event_type="like"), event("u", "e", 7), event("u", "f", 1)]
    weights = recency_weights(world(events, business=LIKES), 7)
    assert weights.tolist() == [0.5, 0.25, 0.5**10, 0, 0.5, 0]


def likes_by_age() -> dict[tuple[str, str], int]:
    """Days since the last touch, of the pairs with a like."""
    seen = [row for row in EVENTS if row["arrival_date"] <= DAY]
    liked = {(row["user_id"], row["item_id"]) for row in seen if row["event_type"] == "like"}
    ages: dict[tuple[str, str], int] = {}
    for row in seen:
        pair = (row["user_id"], row["item_id"])
        ages[pair] = min((DAY - row["event_date"]).days, ages.get(pair, 10**6))
    return {pair: age for pair, age in ages.items() if pair in liked}


def ages_of_likes() -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Days since the first and since the last touch, of the pairs with a like."""
    last = likes_by_age()
    first = dict(last)
    for row in EVENTS:
        pair = (row["user_id"], row["item_id"])
        if row["arrival_date"] <= DAY and pair in first:
            first[pair] = max((DAY - row["event_date"]).days, first[pair])
    return first, last


def test_cosine_is_over_users_weighed_by_recency(
    world: World, settings_with: Callable[..., RecommenderSettings]
) -> None:
    using = settings_with(business=LIKES, similarities={"half_life_days": 5, "neighbours": 30})
    snapshot = world(EVENTS, random_catalogue(30), business=LIKES)
    at = {item: position for position, item in enumerate(snapshot.item_ids.tolist())}
    weights = {(user, at[item]): 0.5 ** (age / 5) for (user, item), age in likes_by_age().items()}
    expected = by_hand(weights, using.similarities)
    assert sum(len(pairs) for pairs in expected.values()) > 20
    assert_alike(rows_of(METHODS["cosine"](snapshot, using)), expected)


def test_baskets_are_what_a_user_first_and_what_a_user_last_touched_on_a_day(
    world: World, settings_with: Callable[..., RecommenderSettings]
) -> None:
    using = settings_with(business=LIKES, similarities={"half_life_days": 5, "neighbours": 30})
    snapshot = world(EVENTS, random_catalogue(30), business=LIKES)
    at = {item: position for position, item in enumerate(snapshot.item_ids.tolist())}
    users_of = Counter(item for _, item in likes_by_age())
    assert using.similarities.min_users in users_of.values()
    assert using.similarities.min_users - 1 in users_of.values()
    weights = {
        ((which, user, age), at[item]): 0.5 ** (age / 5)
        for which, ages in enumerate(ages_of_likes())
        for (user, item), age in ages.items()
        if users_of[item] >= using.similarities.min_users
    }
    expected = by_hand(weights, using.similarities)
    assert sum(len(pairs) for pairs in expected.values()) > 20
    assert_alike(rows_of(METHODS["basket"](snapshot, using)), expected)


@pytest.mark.parametrize("method", ["cosine", "basket", "next_basket"])
@pytest.mark.parametrize(("users", "alike"), [("u", False), ("uv", True)])
def test_what_one_user_alone_touched_is_alike_to_nothing_however_often(
    world: World, settings: RecommenderSettings, method: str, users: str, alike: bool
) -> None:
    ages = {"bread": (9, 3), "butter": (9, 3), "jam": (6, 1)}
    snapshot = world([event(user, item, age) for user in users for item, own in ages.items() for age in own])
    assert settings.similarities.min_users == 2
    assert (METHODS[method](snapshot, settings).nnz > 0) is alike


def test_the_next_basket_is_what_the_same_user_first_touched_on_the_next_day_and_never_the_one_before(
    world: World, settings: RecommenderSettings
) -> None:
    events = [event(user, "bread", age) for user, age in (("u", 9), ("v", 30))]
    events += [event(user, "butter", age) for user, age in (("u", 3), ("v", 5))]
    events += [event(user, "jam", 1) for user in "uv"]
    snapshot = world(events)
    names = snapshot.item_ids.tolist()
    found = rows_of(METHODS["next_basket"](snapshot, settings))
    follow = {names[item]: [names[other] for _, other in pairs] for item, pairs in found.items()}
    assert follow == {"bread": ["butter"], "butter": ["jam"]}


@pytest.mark.parametrize(("days", "follows"), [(60, True), (61, False)])
def test_a_next_basket_comes_within_sixty_days(
    world: World, settings: RecommenderSettings, days: int, follows: bool
) -> None:
    snapshot = world([event(user, item, age) for user in "uv" for item, age in (("tent", 1 + days), ("stove", 1))])
    assert (METHODS["next_basket"](snapshot, settings).nnz == 1) is follows


def test_a_basket_is_of_one_user_and_one_day(world: World, settings: RecommenderSettings) -> None:
    events = [event(user, item, age) for user, age in (("u", 3), ("v", 9)) for item in ("bread", "butter")]
    events += [event(user, "jam", age + 1) for user, age in (("u", 3), ("v", 9))]
    events += [event(user, "tea", 3) for user in ("x", "y")]  # the same day, but other users
    snapshot = world(events)
    names = snapshot.item_ids.tolist()
    found = rows_of(METHODS["basket"](snapshot, settings))
    together = {names[item]: [names[other] for _, other in pairs] for item, pairs in found.items()}
    assert together == {"bread": ["butter"], "butter": ["bread"]}
    assert METHODS["cosine"](snapshot, settings).nnz == 6


@pytest.mark.parametrize("method", ["cosine", "basket", "next_basket"])
@pytest.mark.parametrize("most", [2, 4, 7, 30])
def test_of_each_user_the_items_touched_last_count_and_no_others(
    world: World, settings_with: Callable[..., RecommenderSettings], method: str, most: int
) -> None:
    ages = likes_by_age()
    latest: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for (user, item), age in ages.items():
        latest[user].append((age, item))
    kept = {(user, item) for user, own in latest.items() for _, item in sorted(own)[:most]}
    assert (len(kept) < len(ages)) is (most < 30)
    items, using = random_catalogue(30), settings_with(business=LIKES, similarities={"items_per_user": most})
    all_count = settings_with(business=LIKES, similarities={"items_per_user": ALL_ITEMS})
    whole = world(EVENTS, items, business=LIKES)
    found = METHODS[method](whole, using)
    names = list(zip(whole.user_ids[whole.pair_user], whole.item_ids[whole.pair_item], strict=True))
    counted = np.array([name in kept for name in names])
    of_them = {**whole.pairs, "events": whole.pairs["events"] * counted}
    assert (found != METHODS[method](replace(whole, pairs=of_them), all_count)).nnz == 0
    assert (found.nnz > 0) or most == 2


def test_every_method_may_be_chosen_and_gives_a_matrix_of_the_items(
    world: World, settings: RecommenderSettings
) -> None:
    snapshot = world(EVENTS, random_catalogue(30))
    found = compute_similarities(snapshot, settings)
    assert set(found) == set(METHODS)
    assert set(EASE_HALF_LIVES) < set(METHODS)
    assert Lists(similar_method=list(METHODS)).similar_method == tuple(METHODS)
    for matrix in found.values():
        assert matrix.shape == (30, 30)
        assert matrix.has_sorted_indices
        assert matrix.nnz > 20
        assert not matrix.diagonal().any()
        assert (matrix.data >= 0).all()


def test_rule_3_the_same_snapshot_gives_the_same_bytes(world: World, settings: RecommenderSettings) -> None:
    snapshot = world(EVENTS, random_catalogue(30))
    blocks = settings.similarities.model_copy(update={"item_block": 7})
    in_blocks = settings.model_copy(update={"similarities": blocks})
    first, again = compute_similarities(snapshot, settings), compute_similarities(snapshot, in_blocks, threads=3)
    for method, matrix in first.items():
        assert matrix.data.tobytes() == again[method].data.tobytes()
        np.testing.assert_array_equal(matrix.indices, again[method].indices)


@pytest.mark.parametrize(("threads", "shared"), [(1, 1), (2, 1), (3, 1), (8, 4)])
def test_at_most_two_methods_are_computed_at_once_and_share_the_threads(
    world: World, settings: RecommenderSettings, monkeypatch: pytest.MonkeyPatch, threads: int, shared: int
) -> None:
    snapshot = world(EVENTS, random_catalogue(30))
    running: set[str] = set()
    seen: list[tuple[int, int]] = []

    def counted(name: str) -> Callable[..., sparse.csr_matrix]:
        def method(snapshot: Snapshot, settings: RecommenderSettings, threads: int = 1) -> sparse.csr_matrix:
            running.add(name)
            seen.append((len(running), threads))
            found = METHODS[name](snapshot, settings, threads)
            running.discard(name)
            return found

        return method

    monkeypatch.setattr("include.recommender.similarities.METHODS", {name: counted(name) for name in METHODS})
    found = [name for name, _ in each_similarity(snapshot, settings, METHODS, threads)]
    assert found == sorted(METHODS)
    assert max(at_once for at_once, _ in seen) <= min(threads, 2)
    assert {each for _, each in seen} == {shared}
    seen.clear()
    assert [name for name, _ in each_similarity(snapshot, settings, ["cosine"], threads)] == ["cosine"]
    assert seen == [(1, threads)]


@pytest.mark.parametrize("method", METHODS)
def test_a_world_without_positive_events_has_nothing_alike(
    world: World, settings: RecommenderSettings, method: str
) -> None:
    snapshot = world([event(user, item, 1) for user in "uv" for item in "ab"], business=LIKES)
    found = METHODS[method](snapshot, settings)
    assert (found.shape, found.nnz) == ((2, 2), 0)
