"""Groups of users: activity, newness, favourite category."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from include.recommender.segments import ACTIVITY, segments_of
from tests.recommender.small_world import LONG_AGO, catalogue, event, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from include.recommender.settings import RecommenderSettings
    from tests.recommender.small_world import Rows

ITEMS = [
    *catalogue(["tabby"], category="cat"),
    *catalogue(["poodle"], category="dog"),
    *catalogue(["mystery"], category=None),
]


@pytest.fixture
def segments(tmp_path: Path, settings: RecommenderSettings) -> Callable[..., pd.DataFrame]:
    def of_all(events: Rows, own: RecommenderSettings = settings, items: Rows = ITEMS) -> pd.DataFrame:
        snapshot = snapshot_from(tmp_path, events, items, own)
        return segments_of(snapshot, np.arange(snapshot.shape[0]), own)

    return of_all


def favourites(found: pd.DataFrame) -> list[str | None]:
    """The column `category`; pandas writes null in several ways."""
    return [name if known else None for name, known in zip(found["category"], found["category"].notna(), strict=True)]


def test_a_row_per_asked_user_in_the_order_asked(tmp_path: Path, settings: RecommenderSettings) -> None:
    events = [event("ann", "tabby", 3), event("bob", "poodle", 40), event("cid", "tabby", 3)]
    snapshot = snapshot_from(tmp_path, events, ITEMS, settings)
    found = segments_of(snapshot, np.array([1, 0]), settings)
    assert found.index.tolist() == ["bob", "ann"]
    assert found.to_dict("list") == {
        "activity": ["1 event", "1 event"], "newness": ["known users", "new users"], "category": ["dog", "cat"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("count", "segment"),
    [
        (1, "1 event"),
        (2, "2-9 events"),
        (9, "2-9 events"),
        (10, "10-49 events"),
        (49, "10-49 events"),
        (50, "50 events or more"),
        (200, "50 events or more"),
    ],
)
def test_activity_is_the_number_of_events(segments: Callable[..., pd.DataFrame], count: int, segment: str) -> None:
    (found,) = segments([event("ann", "tabby", 3)] * count)["activity"]
    assert found == segment
    assert segment in ACTIVITY.values()


def test_events_that_are_not_positive_are_activity_too(
    segments: Callable[..., pd.DataFrame], settings_with: Callable[..., RecommenderSettings]
) -> None:
    """But no liking: such a user has no favourite."""
    likes_only = settings_with(business={"positive_event_types": ["like"]})
    events = [event("ann", "tabby", 3), event("ann", "tabby", 2), event("bob", "tabby", 2, event_type="like")]
    found = segments(events, likes_only)
    assert found["activity"].tolist() == ["2-9 events", "1 event"]
    assert favourites(found) == [None, "cat"]


def test_new_users_first_came_within_the_days_of_the_settings(
    segments: Callable[..., pd.DataFrame], settings_with: Callable[..., RecommenderSettings]
) -> None:
    events = [event("ann", "tabby", 10), event("bob", "tabby", 11), event("bob", "tabby", 1)]
    ten = settings_with(evaluation={"new_user_days": 10})
    assert segments(events, ten)["newness"].tolist() == ["new users", "known users"]
    assert segments(events)["newness"].tolist() == ["new users", "new users"]


def test_the_favourite_category_has_most_of_the_recent_weight(segments: Callable[..., pd.DataFrame]) -> None:
    """Five times dogs half a year ago, two cats lately: with a half-life of 30 days it is cats."""
    events = [event("ann", "poodle", 180) for _ in range(5)] + [event("ann", "tabby", 2) for _ in range(2)]
    assert favourites(segments(events)) == ["cat"]


def test_there_is_no_favourite_where_most_is_without_category(segments: Callable[..., pd.DataFrame]) -> None:
    events = [
        event("ann", "mystery", 2),
        event("ann", "mystery", 1),
        event("ann", "tabby", 2),
        event("bob", "tabby", 2),
    ]
    assert favourites(segments(events)) == [None, "cat"]


def test_there_is_no_favourite_in_a_catalogue_without_categories(segments: Callable[..., pd.DataFrame]) -> None:
    found = segments([event("ann", "x", 2)], items=catalogue(["x", "y"], LONG_AGO, category=None))
    assert favourites(found) == [None]
