"""Groups of users in which a ranker may do worse than in the mean: activity, newness, favourite category."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.sources.categories import affinities

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

ACTIVITY = {1: "1 event", 2: "2-9 events", 10: "10-49 events", 50: "50 events or more"}


def segments_of(snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings) -> pd.DataFrame:
    """The segment of each kind for the given users (positions), indexed by user id; null where none applies."""
    import pandas as pd

    known_days = snapshot.day - snapshot.users["first_date"][users]
    return pd.DataFrame(
        {
            "activity": activity_of(snapshot.users["events"][users]),
            "newness": newness_of(known_days, settings),
            "category": _favourites(snapshot, users),
        },
        index=snapshot.user_ids[users],
    )


def activity_of(events: NDArray[np.floating]) -> NDArray[np.object_]:
    """The segment of each number of events."""
    activity = np.searchsorted(list(ACTIVITY), np.maximum(events, 1), side="right") - 1
    return np.asarray(np.array([*ACTIVITY.values()], object)[activity])


def newness_of(known_days: NDArray[np.floating], settings: RecommenderSettings) -> NDArray[np.object_]:
    """The segment of each number of days since a user's first event."""
    return np.where(known_days <= settings.evaluation.new_user_days, "new users", "known users").astype(object)


def _favourites(snapshot: Snapshot, users: NDArray[np.int64]) -> NDArray[np.object_]:
    """The category with most of a user's recent weight, None for users without any and for items without category."""
    shares = affinities(snapshot, users)
    best = np.asarray(shares.argmax(axis=1)).ravel()
    favourites = snapshot.category_names[best].astype(object)
    favourites[(np.asarray(shares.sum(axis=1)).ravel() <= 0) | (favourites == "")] = None
    return favourites
