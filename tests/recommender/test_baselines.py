"""The rules that a ranker must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from include.recommender.baselines import BASELINES, baselines_of, own_history, recent_popularity
from include.recommender.candidates import propose
from tests.recommender.small_world import catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings

    Order = Callable[..., list[str]]

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

    def run(baseline: str, user: str, days: int = 28) -> list[str]:
        snapshot = snapshot_from(tmp_path, EVENTS, catalogue({row["item_id"] for row in EVENTS}), settings)
        (candidates,) = propose(snapshot, np.flatnonzero(snapshot.user_ids == user), settings, "for_you")
        scores = BASELINES[baseline](candidates, days)
        return [str(snapshot.item_ids[candidates.item[at]]) for at in np.argsort(-scores, kind="stable")]

    return run


def test_recent_popularity_counts_users_of_28_days_and_breaks_ties_by_recency(order: Order) -> None:
    expected = ["popular too", "popular", "older love", "new love", "once", "old love"]
    assert order("recent_popularity", "u") == expected
    assert order("recent_popularity", "u") == order("recent_popularity", "w")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        # Where nobody came in the window, recency weight decides.
        (1, ["new love", "once", "popular too", "popular", "older love", "old love"]),
        (3, ["popular too", "popular", "older love", "new love", "once", "old love"]),
    ],
)
def test_the_window_of_popularity_is_a_choice(order: Order, days: int, expected: list[str]) -> None:
    assert order("recent_popularity", "v", days) == expected
    own = ["popular too", "popular"]
    assert order("own_history", "v", days) == own + [item for item in expected if item not in own]


def test_own_history_puts_own_items_first_by_recency_weight_and_fills_up_with_popularity(order: Order) -> None:
    # "older love" is more popular than "old love", but less this user's own.
    assert order("own_history", "u") == ["new love", "old love", "older love", "popular too", "popular", "once"]


@pytest.mark.parametrize("baseline", [recent_popularity, own_history])
def test_rule_3_a_score_does_not_depend_on_who_else_is_in_the_block(
    tmp_path: Path, settings: RecommenderSettings, baseline: Callable[[Candidates, int], np.ndarray]
) -> None:
    history = random_events(seed=4, count=200, users=9, items=20, days=40)
    snapshot = snapshot_from(tmp_path, history, random_catalogue(20), settings)
    (together,) = propose(snapshot, np.arange(snapshot.shape[0]), settings, "for_you")
    scores = baseline(together, 7)
    for user in range(snapshot.shape[0]):
        (alone,) = propose(snapshot, np.array([user]), settings, "for_you")
        assert baseline(alone, 7).tolist() == scores[together.user == user].tolist()


def test_an_own_item_of_any_weight_beats_the_most_popular_one(
    tmp_path: Path, settings_with: Callable[..., RecommenderSettings]
) -> None:
    forgetful = settings_with(features={"half_life_long_days": 7})
    events = [event("u", "own", 120), *(event(f"v{n}", "popular", 1) for n in range(50))]
    snapshot = snapshot_from(tmp_path, events, catalogue(["own", "popular"]), forgetful)
    (candidates,) = propose(snapshot, np.array([0]), forgetful, "for_you")
    own, popular = own_history(candidates, 28)
    assert own > popular > 0


def test_rule_9_what_may_not_be_shown_twice_is_no_baseline() -> None:
    assert baselines_of("for_you") == ("recent_popularity", "own_history")
    assert baselines_of("discover") == ("recent_popularity",)
