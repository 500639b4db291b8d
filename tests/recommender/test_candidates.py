"""Each candidate source against plain loops over the same history."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from include.recommender.candidates import SOURCES, most_popular, propose
from include.recommender.settings import Candidates as Limits
from tests.recommender.small_world import DAY, catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

EVENTS = random_events(seed=11, count=500, users=20, items=40, days=70)
ITEMS = random_catalogue(40)
LIMITS = {"own_history": 4, "similar_items": 7, "popularity": 21}
Proposal = dict[str, tuple[float, int]]  # item_id -> score, rank


@pytest.fixture
def some(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(business={"positive_event_types": ["like"]}, candidates=LIMITS)


@pytest.fixture
def snapshot(tmp_path: Path, some: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path, EVENTS, ITEMS, some)


def everyone(snapshot: Snapshot) -> np.ndarray:
    return np.arange(snapshot.shape[0])


def proposals(candidates: Candidates, source: str) -> dict[str, Proposal]:
    """What a source proposed to each user."""
    found: dict[str, Proposal] = defaultdict(dict)
    rows = zip(candidates.user, candidates.item, candidates.scores[source], candidates.ranks[source], strict=True)
    for user, item, score, rank in rows:
        assert np.isnan(score) == np.isnan(rank)
        if not np.isnan(rank):
            ids = candidates.snapshot
            found[str(ids.user_ids[user])][str(ids.item_ids[item])] = (float(score), int(rank))
    return found


def ranked(scores: dict[str, float], limit: int, may_show: set[str]) -> Proposal:
    """The best `limit` by micro-units, then by id; of those the ones that may be shown, ranked."""
    best = sorted(scores, key=lambda item: (-round(scores[item] * 1e6), item))[:limit]
    shown = [item for item in best if item in may_show]
    return {item: (pytest.approx(scores[item], abs=2e-6), rank) for rank, item in enumerate(shown, start=1)}


def likes() -> list[dict[str, Any]]:
    return [row for row in EVENTS if row["event_type"] == "like" and row["arrival_date"] <= DAY]


def ages(row: dict[str, Any]) -> int:
    return int((DAY - row["event_date"]).days)


@pytest.fixture
def may_show() -> set[str]:
    active = {row["item_id"] for row in ITEMS if row["is_active"]}
    return active & {row["item_id"] for row in likes()}


@pytest.fixture
def block(snapshot: Snapshot, some: RecommenderSettings) -> Candidates:
    (candidates,) = propose(snapshot, everyone(snapshot), some)
    return candidates


def test_own_history_is_the_recency_weighted_count_of_what_the_user_liked(
    block: Candidates, some: RecommenderSettings, may_show: set[str]
) -> None:
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in likes():
        weights[row["user_id"]][row["item_id"]] += 0.5 ** (ages(row) / some.features.half_life_days)
    found = proposals(block, "own_history")
    for user, scores in weights.items():
        assert found[user] == ranked(scores, LIMITS["own_history"], may_show), user
    assert found.keys() <= weights.keys()


def test_similar_items_sums_similarities_over_the_recency_weighted_history(
    block: Candidates, snapshot: Snapshot, some: RecommenderSettings, may_show: set[str]
) -> None:
    last_touch: dict[tuple[str, str], int] = {}
    for row in EVENTS:  # the last touch of any kind of the items that were liked
        if row["arrival_date"] <= DAY:
            key = (row["user_id"], row["item_id"])
            last_touch[key] = min(ages(row), last_touch.get(key, 10**6))
    liked = {(row["user_id"], row["item_id"]) for row in likes()}
    similar = snapshot.similarities.toarray()
    ids = [str(item) for item in snapshot.item_ids]
    expected: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for user, item in liked:
        weight = 0.5 ** (last_touch[user, item] / some.similarities.half_life_days)
        for other, similarity in zip(ids, similar[ids.index(item)], strict=True):
            if similarity:
                expected[user][other] += weight * similarity
    found = proposals(block, "similar_items")
    assert sum(len(rows) for rows in found.values()) > 50
    for user, scores in expected.items():
        assert found[user] == ranked(scores, LIMITS["similar_items"], may_show), user


@pytest.mark.parametrize("days", [7, 28])
def test_popularity_counts_the_users_of_the_window_and_is_the_same_for_everyone(
    block: Candidates, some: RecommenderSettings, may_show: set[str], days: int
) -> None:
    users: dict[str, set[str]] = defaultdict(set)
    weight: dict[str, int] = defaultdict(int)
    for row in likes():
        weight[row["item_id"]] += round(1e6 * 0.5 ** (ages(row) / some.features.half_life_days))
        if ages(row) <= days:
            users[row["item_id"]].add(row["user_id"])
    order = sorted(may_show, key=lambda item: (-len(users[item]), -weight[item], item))[: LIMITS["popularity"]]
    expected = {item: (len(users[item]), rank) for rank, item in enumerate(order, start=1)}
    found = proposals(block, f"popularity_{days}d")
    assert len(found) == block.snapshot.shape[0]
    assert all(proposal == expected for proposal in found.values())


def test_a_user_without_likes_is_proposed_what_is_popular(tmp_path: Path, some: RecommenderSettings) -> None:
    events = [*EVENTS, event("viewer", "i001", 1)]
    snapshot = snapshot_from(tmp_path, events, ITEMS, some)
    viewer = np.flatnonzero(snapshot.user_ids == "viewer")
    (candidates,) = propose(snapshot, viewer, some)
    assert np.isnan(candidates.ranks["own_history"]).all()
    assert np.isnan(candidates.ranks["similar_items"]).all()
    assert len(candidates.user) >= LIMITS["popularity"]


def test_candidates_are_sorted_unique_and_may_be_shown(block: Candidates) -> None:
    keys = block.user * block.snapshot.shape[1] + block.item
    assert (np.diff(keys) > 0).all()
    assert block.snapshot.recommendable[block.item].all()
    assert all(block.sources())


def test_sources_names_who_proposed_a_pair(block: Candidates) -> None:
    for at, names in enumerate(block.sources()):
        assert names == [source.__name__ for source in SOURCES if not np.isnan(block.ranks[source.__name__][at])]


def test_pair_finds_what_the_user_did_with_the_item(block: Candidates) -> None:
    known = {
        (int(user), int(item)): at
        for at, (user, item) in enumerate(zip(block.snapshot.pair_user, block.snapshot.pair_item, strict=True))
    }
    expected = [known.get((int(user), int(item)), -1) for user, item in zip(block.user, block.item, strict=True)]
    assert block.pair.tolist() == expected
    assert {at >= 0 for at in expected} == {True, False}


@pytest.mark.parametrize("size", [1, 7, 20])
def test_rule_3_blocks_of_users_give_what_one_block_gives(
    snapshot: Snapshot, some: RecommenderSettings, block: Candidates, size: int
) -> None:
    limits = Limits(**LIMITS, user_block=size)
    parts = list(propose(snapshot, everyone(snapshot), some.model_copy(update={"candidates": limits})))
    assert len(parts) == -(-snapshot.shape[0] // size)
    assert np.concatenate([part.user for part in parts]).tolist() == block.user.tolist()
    assert np.concatenate([part.item for part in parts]).tolist() == block.item.tolist()
    for name in block.scores:
        for of in ("scores", "ranks"):
            joined = np.concatenate([getattr(part, of)[name] for part in parts])
            assert joined.tobytes() == getattr(block, of)[name].tobytes()
    assert np.concatenate([part.features for part in parts]).tobytes() == block.features.tobytes()


def test_take_keeps_the_chosen_pairs_only(block: Candidates) -> None:
    chosen = np.array([4, 0, 9])
    part = block.take(chosen)
    assert part.item.tolist() == block.item[chosen].tolist()
    np.testing.assert_array_equal(part.ranks["popularity_7d"], block.ranks["popularity_7d"][chosen])
    np.testing.assert_array_equal(part.features, block.features[chosen])


def test_a_blocked_item_is_proposed_to_nobody(snapshot: Snapshot, some: RecommenderSettings) -> None:
    blocked = str(snapshot.item_ids[most_popular(snapshot, "users_28d", 1)[0]])
    served = snapshot.without([blocked])
    (candidates,) = propose(served, everyone(served), some)
    assert blocked not in set(served.item_ids[candidates.item])
    assert np.nanmin(candidates.ranks["popularity_28d"]) == 1


def test_no_users_give_no_blocks(snapshot: Snapshot, some: RecommenderSettings) -> None:
    assert list(propose(snapshot, np.zeros(0, np.int64), some)) == []


def test_most_popular_goes_by_column_then_weight_then_id(tmp_path: Path, settings: RecommenderSettings) -> None:
    events = [event("u", "d", 1), event("u", "c", 5), event("u", "b", 5), event("v", "a", 20), event("u", "a", 20)]
    snapshot = snapshot_from(tmp_path, events, catalogue("abcd"), settings)
    ids = snapshot.item_ids
    assert ids[most_popular(snapshot, "users_28d", 9)].tolist() == ["a", "d", "b", "c"]
    assert ids[most_popular(snapshot, "users_7d", 3)].tolist() == ["d", "b", "c"]
    assert ids[most_popular(snapshot, "users_28d", 9, ids > "b")].tolist() == ["d", "c"]
