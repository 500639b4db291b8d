"""The rules that a ranker must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from include.recommender.baselines import BASELINES, own_history, recent_popularity
from include.recommender.candidates import propose
from tests.recommender.small_world import catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings

    Order = Callable[[str, str], list[str]]

EVENTS = [
    *(event(user, "popular", 3) for user in ("v", "w", "x")),
    *(event(user, "popular too", 2) for user in ("v", "w", "x")),
    event("w", "once", 1),
    event("u", "old love", 600),
    event("u", "older love", 605),
    event("u", "new love", 1),
    event("x", "older love", 2),
]


@pytest.fixture
def order(tmp_path: Path, settings: RecommenderSettings) -> Order:
    """A user's candidates in the order of a baseline, best first."""

    def run(baseline: str, user: str) -> list[str]:
        snapshot = snapshot_from(tmp_path, EVENTS, catalogue({row["item_id"] for row in EVENTS}), settings)
        (candidates,) = propose(snapshot, np.flatnonzero(snapshot.user_ids == user), settings)
        scores = BASELINES[baseline](candidates)
        return [str(snapshot.item_ids[candidates.item[at]]) for at in np.argsort(-scores, kind="stable")]

    return run


def test_recent_popularity_counts_users_of_28_days_and_breaks_ties_by_recency(order: Order) -> None:
    expected = ["popular too", "popular", "older love", "new love", "once", "old love"]
    assert order("recent_popularity", "u") == expected
    assert order("recent_popularity", "u") == order("recent_popularity", "w")


def test_own_history_puts_own_items_first_by_recency_weight_and_fills_up_with_popularity(order: Order) -> None:
    # "older love" is more popular than "old love", but less this user's own.
    assert order("own_history", "u") == ["new love", "old love", "older love", "popular too", "popular", "once"]


@pytest.mark.parametrize("baseline", [recent_popularity, own_history])
def test_rule_3_a_score_does_not_depend_on_who_else_is_in_the_block(
    tmp_path: Path, settings: RecommenderSettings, baseline: Callable[[Candidates], np.ndarray]
) -> None:
    history = random_events(seed=4, count=200, users=9, items=20, days=40)
    snapshot = snapshot_from(tmp_path, history, random_catalogue(20), settings.model_copy())
    (together,) = propose(snapshot, np.arange(snapshot.shape[0]), settings)
    scores = baseline(together)
    for user in range(snapshot.shape[0]):
        (alone,) = propose(snapshot, np.array([user]), settings)
        assert baseline(alone).tolist() == scores[together.user == user].tolist()


def test_an_own_item_of_any_weight_beats_the_most_popular_one(
    tmp_path: Path, settings_with: Callable[..., RecommenderSettings]
) -> None:
    forgetful = settings_with(features={"half_life_days": 7})
    events = [event("u", "own", 120), *(event(f"v{n}", "popular", 1) for n in range(50))]
    snapshot = snapshot_from(tmp_path, events, catalogue(["own", "popular"]), forgetful)
    (candidates,) = propose(snapshot, np.array([0]), forgetful)
    own, popular = own_history(candidates)
    assert own > popular > 0
