"""What many users touch now, in several windows, and what is rising."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.sources.source import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from include.recommender.snapshot import Snapshot
    from include.recommender.sources.source import Common

WINDOWS = (1, 3, 7, 28)


def popularity(days: int) -> Common:
    """Users of the item in the last `days` days; recency weight breaks ties, so that every known item has a score."""

    def scores(snapshot: Snapshot) -> NDArray[np.float64]:
        # One micro-unit more: the weight of what was touched long ago may round to 0.
        weight = snapshot.items["weight_micros"] + (snapshot.items["events"] > 0)
        return np.asarray(snapshot.items[f"users_{days}d"] + weight / (1 + weight.max(initial=0)))

    return scores


def rising(snapshot: Snapshot) -> NDArray[np.float64]:
    """How many more users the item had in the last 7 days than in a mean week of the three before; 0 where fewer."""
    week, month = snapshot.items["users_7d"], snapshot.items["users_28d"]
    return np.asarray(np.maximum(week - (month - week) / 3, 0))


POPULARITY = tuple(
    Source(f"popularity_{days}d", f"users of the item in the last {days} days", common=popularity(days))
    for days in WINDOWS
)
RISING = Source("rising", "users of the last 7 days beyond those of a mean week before", common=rising)
