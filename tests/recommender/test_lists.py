"""Candidates and scores become lists: K places, ranks without holes, ties that never depend on chance."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest

from include.recommender.baselines import BASELINES
from include.recommender.lists import as_grid, popular_rows, similar_rows, top_lists
from include.recommender.settings import Candidates as Limits
from tests.recommender.small_world import catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.lists import TopLists
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

EVENTS = random_events(seed=31, count=500, users=20, items=40, days=60)


@pytest.fixture
def snapshot(tmp_path: Path, settings: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path, EVENTS, random_catalogue(40), settings)


def everyone(snapshot: Snapshot) -> np.ndarray:
    return np.arange(snapshot.shape[0])


def lists_by(snapshot: Snapshot, settings: RecommenderSettings, scorer: object, size: int = 10) -> TopLists:
    return top_lists(snapshot, everyone(snapshot), {"it": scorer}, settings, size)["it"]  # type: ignore[dict-item]


def by_user(lists: TopLists) -> dict[int, list[tuple[int, int, float]]]:
    found = defaultdict(list)
    for user, rank, item, score in zip(lists.user, lists.rank, lists.item, lists.score, strict=True):
        found[int(user)].append((int(rank), int(item), float(score)))
    return found


@pytest.mark.parametrize("baseline", list(BASELINES))
def test_every_user_gets_k_different_items_ranked_from_1_by_score(
    snapshot: Snapshot, settings: RecommenderSettings, baseline: str
) -> None:
    lists = by_user(lists_by(snapshot, settings, BASELINES[baseline]))
    assert sorted(lists) == everyone(snapshot).tolist()
    for places in lists.values():
        assert [rank for rank, _, _ in places] == list(range(1, 11))
        assert len({item for _, item, _ in places}) == 10
        assert [score for _, _, score in places] == sorted((score for _, _, score in places), reverse=True)
        assert all(snapshot.recommendable[item] for _, item, _ in places)


def test_a_list_longer_than_what_may_be_shown_holds_all_of_it(
    snapshot: Snapshot, settings: RecommenderSettings
) -> None:
    shown = int(snapshot.recommendable.sum())
    assert shown < 40
    lists = by_user(lists_by(snapshot, settings, BASELINES["recent_popularity"], 40))
    assert {len(places) for places in lists.values()} == {shown}


def test_equal_scores_go_by_popularity_then_by_item_id(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    popularity = snapshot.items["users_28d"]
    expected = sorted(np.flatnonzero(snapshot.recommendable), key=lambda item: (-popularity[item], item))[:10]
    assert len({popularity[item] for item in expected}) < 10
    for places in by_user(lists_by(snapshot, settings, lambda c: np.zeros(len(c.user)))).values():
        assert [item for _, item, _ in places] == expected


def test_rule_3_blocks_of_users_give_equal_lists(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    whole = lists_by(snapshot, settings, BASELINES["own_history"])
    for size in (1, 6):
        blocks = settings.model_copy(update={"candidates": Limits(user_block=size)})
        found = lists_by(snapshot, blocks, BASELINES["own_history"])
        assert found.user.tolist() == whole.user.tolist()
        assert found.item.tolist() == whole.item.tolist()
        assert found.score.tolist() == whole.score.tolist()
        assert found.sources == whole.sources


def test_scorers_do_not_disturb_each_other(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    both = top_lists(snapshot, everyone(snapshot), BASELINES, settings, 10)
    for name, scorer in BASELINES.items():
        alone = lists_by(snapshot, settings, scorer)
        assert both[name].item.tolist() == alone.item.tolist()
    assert both["own_history"].item.tolist() != both["recent_popularity"].item.tolist()


def test_every_place_names_its_sources(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    lists = lists_by(snapshot, settings, BASELINES["own_history"])
    assert len(lists.sources) == len(lists.user)
    known = set(zip(snapshot.pair_user.tolist(), snapshot.pair_item.tolist(), strict=True))
    for user, item, sources in zip(lists.user.tolist(), lists.item.tolist(), lists.sources, strict=True):
        assert sources
        assert ("own_history" in sources) == ((user, item) in known)


def test_no_users_give_empty_lists(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    lists = top_lists(snapshot, np.zeros(0, np.int64), BASELINES, settings, 10)["own_history"]
    assert (len(lists.user), lists.sources, lists.item.dtype) == (0, [], np.int64)


def test_a_grid_has_a_row_per_user_and_minus_one_for_empty_places(
    snapshot: Snapshot, settings: RecommenderSettings
) -> None:
    def only_two(candidates: Candidates) -> np.ndarray:
        return candidates.item.astype(float)

    users = np.array([2, 5, 11])
    lists = top_lists(snapshot, users, {"it": only_two}, settings, 2)["it"]
    grid = as_grid(lists, users, 4)
    assert grid.shape == (3, 4)
    assert (grid[:, 2:] == -1).all()
    best = np.flatnonzero(snapshot.recommendable)[::-1][:2].tolist()
    assert grid[:, :2].tolist() == [best] * 3


def test_popular_items_are_listed_in_all_and_per_category(snapshot: Snapshot) -> None:
    rows = popular_rows(snapshot, 5)
    segments: dict[str, list[tuple[int, str, float]]] = defaultdict(list)
    for segment, rank, item, score in rows:
        segments[segment].append((rank, item, score))
    assert set(segments) == {"all", "cat", "dog", "bird"}
    category_of = {row["item_id"]: row["category"] for row in random_catalogue(40)}
    for segment, places in segments.items():
        assert [rank for rank, _, _ in places] == list(range(1, 6))
        assert [score for _, _, score in places] == sorted((score for _, _, score in places), reverse=True)
        assert segment == "all" or {category_of[item] for _, item, _ in places} == {segment}


def test_popular_items_are_scored_by_their_users_of_28_days(tmp_path: Path, settings: RecommenderSettings) -> None:
    events = [event(user, "a", 3) for user in "uvw"] + [event("u", "b", 3), event("u", "b", 40), event("v", "b", 40)]
    snapshot = snapshot_from(tmp_path, events, catalogue(["a", "b"]), settings)
    assert popular_rows(snapshot, 9) == [("all", 1, "a", 3), ("all", 2, "b", 1), ("cat", 1, "a", 3), ("cat", 2, "b", 1)]


def test_similar_items_are_the_nearest_that_may_be_shown_without_holes(snapshot: Snapshot) -> None:
    item, rank, similar, score = similar_rows(snapshot, 4)
    dense = snapshot.similarities.toarray()
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


def test_a_blocked_item_is_neither_popular_nor_similar(snapshot: Snapshot) -> None:
    blocked = popular_rows(snapshot, 1)[0][2]
    at = snapshot.item_ids.tolist().index(blocked)
    assert at in similar_rows(snapshot, 60)[2]
    served = snapshot.without([blocked])
    assert blocked not in {item for _, _, item, _ in popular_rows(served, 50)}
    item, _, similar, _ = similar_rows(served, 60)
    assert at not in {*item.tolist(), *similar.tolist()}
