"""Candidates and scores become lists: K places, ranks without holes, ties that never depend on chance."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recommender.baselines import BASELINES, baselines_of
from include.recommender.candidates import ordered, propose
from include.recommender.contenders import baseline
from include.recommender.lists import as_grid, popular_rows, similar_rows, top_lists, top_lists_by_surface
from include.recommender.settings import SURFACES
from include.recommender.settings import Candidates as Limits
from include.recommender.similarities import METHODS
from include.recommender.snapshot import Snapshot
from include.recommender.sources.popularity import popularity
from tests.recommender.small_world import DAY, catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.lists import Scorer, TopLists
    from include.recommender.settings import RecommenderSettings

EVENTS = random_events(seed=31, count=500, users=20, items=40, days=40)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture
def settings(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    """Lists that may hold every item."""
    return settings_with(publication={"list_size": 40})


@pytest.fixture
def snapshot(tmp_path: Path, settings: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path, EVENTS, random_catalogue(40), settings)


def everyone(snapshot: Snapshot) -> np.ndarray:
    return np.arange(snapshot.shape[0])


def scorers_of(settings: RecommenderSettings, surface: str = "for_you") -> dict[str, Scorer]:
    return {name: baseline(name, settings).scorer for name in baselines_of(surface)}


def lists_by(
    snapshot: Snapshot, settings: RecommenderSettings, scorer: str | Scorer, size: int = 10, surface: str = "for_you"
) -> TopLists:
    """Lists of everyone by a baseline or another scorer."""
    scorer = baseline(scorer, settings).scorer if isinstance(scorer, str) else scorer
    return top_lists(snapshot, everyone(snapshot), {"it": scorer}, settings, surface, size)["it"]


def by_user(lists: TopLists) -> dict[int, list[tuple[int, int, float]]]:
    found = defaultdict(list)
    for user, rank, item, score in zip(lists.user, lists.rank, lists.item, lists.score, strict=True):
        found[int(user)].append((int(rank), int(item), float(score)))
    return found


def touched_by(snapshot: Snapshot, user: int) -> set[int]:
    return set(snapshot.pair_item[snapshot.pair_user == user].tolist())


@pytest.mark.parametrize(
    ("surface", "name"), [(surface, name) for surface in SURFACES for name in baselines_of(surface)]
)
def test_every_user_gets_k_different_items_ranked_from_1_by_score(
    snapshot: Snapshot, settings: RecommenderSettings, surface: str, name: str
) -> None:
    lists = by_user(lists_by(snapshot, settings, name, surface=surface))
    assert list(lists) == everyone(snapshot).tolist()
    for user, places in lists.items():
        assert [rank for rank, _, _ in places] == list(range(1, 11))
        assert len({item for _, item, _ in places}) == 10
        assert [score for _, _, score in places] == sorted((score for _, _, score in places), reverse=True)
        assert all(snapshot.recommendable[item] for _, item, _ in places)
        repeated = touched_by(snapshot, user) & {item for _, item, _ in places}
        assert surface == "for_you" or not repeated


@pytest.mark.parametrize("surface", SURFACES)
def test_a_list_longer_than_what_may_be_shown_holds_all_of_it(
    snapshot: Snapshot, settings: RecommenderSettings, surface: str
) -> None:
    shown = set(np.flatnonzero(snapshot.recommendable).tolist())
    assert len(shown) < 40
    for user, places in by_user(lists_by(snapshot, settings, "recent_popularity", 40, surface)).items():
        left_out = touched_by(snapshot, user) if surface == "discover" else set()
        assert {item for _, item, _ in places} == shown - left_out


def test_equal_scores_go_by_popularity_then_by_item_id(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    popularity = snapshot.items["users_28d"]
    expected = sorted(np.flatnonzero(snapshot.recommendable), key=lambda item: (-popularity[item], item))[:10]
    assert len({popularity[item] for item in expected}) < 10
    for places in by_user(lists_by(snapshot, settings, lambda c: np.zeros(len(c.user)))).values():
        assert [item for _, item, _ in places] == expected


@pytest.mark.parametrize(("size", "threads"), [(1, 1), (6, 1), (6, 4)])
def test_rule_3_blocks_of_users_and_threads_give_equal_lists(
    snapshot: Snapshot, settings: RecommenderSettings, size: int, threads: int
) -> None:
    whole = lists_by(snapshot, settings, "own_history")
    training = settings.training.model_copy(update={"threads": threads})
    blocks = settings.model_copy(update={"candidates": Limits(user_block=size), "training": training})
    found = lists_by(snapshot, blocks, "own_history")
    assert found.user.tolist() == whole.user.tolist()
    assert found.item.tolist() == whole.item.tolist()
    assert found.score.tolist() == whole.score.tolist()
    assert found.sources == whole.sources


def test_scorers_do_not_disturb_each_other(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    both = top_lists(snapshot, everyone(snapshot), scorers_of(settings), settings, "for_you", 10)
    assert both.keys() == BASELINES.keys()
    for name in BASELINES:
        assert both[name].item.tolist() == lists_by(snapshot, settings, name).item.tolist()
    assert both["own_history"].item.tolist() != both["recent_popularity"].item.tolist()


def test_surfaces_together_get_the_lists_they_get_alone(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    blocks = settings.model_copy(update={"candidates": Limits(user_block=7)})
    scorers = {"for_you": scorers_of(settings)["own_history"], "discover": scorers_of(settings)["recent_popularity"]}
    together = top_lists_by_surface(snapshot, everyone(snapshot), scorers, blocks, 10)
    for surface, scorer in scorers.items():
        alone = top_lists(snapshot, everyone(snapshot), {"it": scorer}, blocks, surface, 10)["it"]
        assert together[surface].user.tolist() == alone.user.tolist()
        assert together[surface].item.tolist() == alone.item.tolist()
        assert together[surface].score.tolist() == alone.score.tolist()
        assert together[surface].sources == alone.sources
    assert together["for_you"].item.tolist() != together["discover"].item.tolist()


def test_every_block_of_candidates_is_watched_in_the_order_of_users(
    snapshot: Snapshot, settings: RecommenderSettings
) -> None:
    blocks = settings.model_copy(update={"candidates": Limits(user_block=7)})
    watched: list[Candidates] = []
    top_lists(snapshot, everyone(snapshot), {}, blocks, "discover", 10, watch=watched.append)
    expected = list(propose(snapshot, everyone(snapshot), blocks, "discover"))
    assert len(watched) == len(expected) == 3
    for found, block in zip(watched, expected, strict=True):
        assert found.user.tolist() == block.user.tolist()
        assert found.item.tolist() == block.item.tolist()


def test_every_place_names_its_sources(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    lists = lists_by(snapshot, settings, "own_history")
    assert len(lists.sources) == len(lists.user)
    known = set(zip(snapshot.pair_user.tolist(), snapshot.pair_item.tolist(), strict=True))
    for user, item, sources in zip(lists.user.tolist(), lists.item.tolist(), lists.sources.to_pylist(), strict=True):
        assert sources
        assert ("own_history" in sources) == ((user, item) in known)


def test_no_users_give_empty_lists(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    nobody = np.zeros(0, np.int64)
    lists = top_lists(snapshot, nobody, scorers_of(settings), settings, "for_you", 10)["own_history"]
    assert (len(lists.user), len(lists.sources), lists.item.dtype) == (0, 0, np.int64)


def test_a_grid_has_a_row_per_user_and_minus_one_for_empty_places(
    snapshot: Snapshot, settings: RecommenderSettings
) -> None:
    def by_position(candidates: Candidates) -> np.ndarray:
        return candidates.item.astype(float)

    users = np.array([2, 5, 11])
    lists = top_lists(snapshot, users, {"it": by_position}, settings, "for_you", 2)["it"]
    grid = as_grid(lists, users, 4)
    assert grid.shape == (3, 4)
    assert (grid[:, 2:] == -1).all()
    best = np.flatnonzero(snapshot.recommendable)[::-1][:2].tolist()
    assert grid[:, :2].tolist() == [best] * 3


@pytest.mark.parametrize("days", [1, 28])
def test_popular_items_are_listed_in_all_and_per_category(snapshot: Snapshot, days: int) -> None:
    segments: dict[str, list[tuple[int, str, float]]] = defaultdict(list)
    for segment, rank, item, score in popular_rows(snapshot, days, 5):
        segments[segment].append((rank, item, score))
    assert list(segments) == ["all", "bird", "cat", "dog"]
    category_of = {row["item_id"]: row["category"] for row in random_catalogue(40)}
    users = dict(zip(snapshot.item_ids, snapshot.items[f"users_{days}d"], strict=True))
    for segment, places in segments.items():
        assert [rank for rank, _, _ in places] == list(range(1, 6))
        assert [score for _, _, score in places] == sorted((score for _, _, score in places), reverse=True)
        assert segment == "all" or {category_of[item] for _, item, _ in places} == {segment}
        assert [int(score) for _, _, score in places] == [users[item] for _, item, _ in places]


def test_popular_items_are_scored_by_their_users_of_the_window_and_equal_ones_go_by_recency(
    tmp_path: Path, settings: RecommenderSettings
) -> None:
    events = [event(user, "a", 20) for user in "uvw"] + [event("u", "b", 3), event("u", "b", 40), event("v", "b", 40)]
    events += [event("x", "c", 2)]
    snapshot = snapshot_from(tmp_path, events, catalogue(["a", "b", "c"]), settings)

    def places(days: int) -> list[tuple[str, int, str, int]]:
        return [(segment, rank, item, int(score)) for segment, rank, item, score in popular_rows(snapshot, days, 9)]

    month = [(1, "a", 3), (2, "b", 1), (3, "c", 1)]
    assert places(28) == [(segment, *place) for segment in ("all", "cat") for place in month]
    week = [(1, "b", 1), (2, "c", 1), (3, "a", 0)]
    assert places(7) == [(segment, *place) for segment in ("all", "cat") for place in week]


def test_a_category_with_fewer_items_than_places_ends_with_what_is_popular_in_all(
    tmp_path: Path, settings: RecommenderSettings
) -> None:
    users = {"cat 1": "uvwx", "cat 2": "uvw", "cat 3": "uv", "dog": "u", "bird, gone": "uvwx", "uncategorised": "vwx"}
    items = [*catalogue(["cat 1", "cat 2", "cat 3"]), *catalogue(["dog"], category="dog")]
    items += [*catalogue(["bird, gone"], category="bird", is_active=False)]
    items += catalogue(["uncategorised"], category=None)
    events = [event(user, item, 3) for item, own in users.items() for user in own]
    snapshot = snapshot_from(tmp_path, events, items, settings)
    found = defaultdict(list)
    for segment, _, item, _ in popular_rows(snapshot, 7, 3):
        found[segment].append(item)
    popular = ["cat 1", "cat 2", "uncategorised"]
    assert found == {
        "all": popular, "bird": popular, "cat": ["cat 1", "cat 2", "cat 3"], "dog": ["dog", "cat 1", "cat 2"],
    }  # fmt: skip


def items_alone(items: int, names: list[str], seed: int) -> Snapshot:
    """Random items of random categories, some of which have none; nobody's pairs."""
    rng, nothing = np.random.default_rng(seed), np.zeros(0, np.int64)
    columns = {"users_7d": rng.integers(0, 4, items), "events": rng.integers(0, 9, items)}
    columns |= {"weight_micros": rng.integers(0, 3, items), "is_active": rng.random(items) < 0.9}
    return Snapshot(
        DAY, np.array([f"i{at:07d}" for at in range(items)], object),
        {name: values.astype(np.float64) for name, values in columns.items()},
        (rng.random(items) ** 2 * len(names)).astype(np.int64), np.array(names, object),
        nothing.astype(object), {}, nothing.astype(np.int32), {}, np.zeros(1, np.int64), {},
    )  # fmt: skip


def popular_rows_one_by_one(snapshot: Snapshot, days: int, size: int) -> list[tuple[str, int, str, float]]:
    """What popular_rows says of itself, by a mask over all items for each category."""
    score, rows = popularity(days)(snapshot), []
    everything = ordered(score, snapshot.recommendable)
    for segment in ("all", *(name for name in snapshot.category_names if name not in ("", "all"))):
        inside = snapshot.category_names[snapshot.categories[everything]] == segment
        items = everything if segment == "all" else np.r_[everything[inside], everything[~inside]]
        for rank, item in enumerate(items[:size], start=1):
            rows.append((segment, rank, snapshot.item_ids[item], float(score[item])))
    return rows


@given(st.integers(0, 60), st.sets(st.sampled_from(["", "all", *"abcdefgh"]), min_size=1), st.integers(1, 70), seeds)
def test_popular_items_of_categories_are_those_that_a_mask_for_each_would_find(
    items: int, names: set[str], size: int, seed: int
) -> None:
    snapshot = items_alone(items, sorted(names), seed)
    assert popular_rows(snapshot, 7, size) == popular_rows_one_by_one(snapshot, 7, size)


def test_popular_items_of_many_categories_take_no_pass_over_all_items_for_each() -> None:
    """A pass over 200,000 items for each of 5,000 categories takes a minute at least."""
    snapshot = items_alone(200_000, [f"c{at:04d}" for at in range(5000)], seed=1)
    before = time.process_time()
    assert len(popular_rows(snapshot, 7, 3)) == 3 * 5001
    assert time.process_time() - before < 10


@pytest.mark.parametrize("method", METHODS)
def test_similar_items_are_the_nearest_that_may_be_shown_without_holes(snapshot: Snapshot, method: str) -> None:
    item, rank, similar, score = similar_rows(snapshot, method, 4)
    dense = snapshot.similarities[method].toarray()
    found = defaultdict(list)
    for at in range(len(item)):
        found[int(item[at])].append((int(rank[at]), int(similar[at]), float(score[at])))
    for source in range(snapshot.shape[1]):
        nearest = [
            other for other in range(snapshot.shape[1]) if dense[source, other] and snapshot.recommendable[other]
        ]
        nearest.sort(key=lambda other: (-round(dense[source, other] * 1e6), other))
        if not snapshot.recommendable[source]:
            nearest = []
        expected = [(at, other, dense[source, other]) for at, other in enumerate(nearest[:4], start=1)]
        assert found[source] == expected
    assert not snapshot.recommendable.all()
    assert len(item) > 20


@pytest.mark.parametrize("method", METHODS)
def test_similar_items_of_some_items_are_the_same(snapshot: Snapshot, method: str) -> None:
    whole = similar_rows(snapshot, method, 4)
    for some in ([], [3], [0, 2, 3, 7], list(range(snapshot.shape[1]))):
        of_these = np.isin(whole[0], some)
        for found, expected in zip(similar_rows(snapshot, method, 4, np.array(some, np.int64)), whole, strict=True):
            assert found.tolist() == expected[of_these].tolist()


@pytest.mark.parametrize("method", METHODS)
def test_a_blocked_item_is_neither_popular_nor_similar(snapshot: Snapshot, method: str) -> None:
    item, _, similar, _ = similar_rows(snapshot, method, 60)
    at = int(np.bincount(similar).argmax())
    blocked = str(snapshot.item_ids[at])
    assert at in item
    assert blocked in {name for _, _, name, _ in popular_rows(snapshot, 28, 50)}
    served = snapshot.without([blocked])
    assert blocked not in {name for _, _, name, _ in popular_rows(served, 28, 50)}
    item, _, similar, _ = similar_rows(served, method, 60)
    assert at not in {*item.tolist(), *similar.tolist()}
