"""What needs no model: rules that score the same candidates a ranker does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.arrays import MICROS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates


def recent_popularity(candidates: Candidates) -> NDArray[np.float64]:
    """Users of the item in the last 28 days; recency weight breaks ties."""
    return _popularity(candidates)[candidates.item]


def own_history(candidates: Candidates) -> NDArray[np.float64]:
    """Recency-weighted count of the user's own events (micro-units); recent popularity breaks ties, and fills up."""
    own = np.rint(np.nan_to_num(candidates.scores["own_history"]) * MICROS)
    return np.asarray(own + _tie_break(_popularity(candidates))[candidates.item])


def _popularity(candidates: Candidates) -> NDArray[np.float64]:
    """Of every item, so that no score depends on who else is in the block of users."""
    items = candidates.snapshot.items
    return np.asarray(items["users_28d"] + _tie_break(items["weight_micros"]))


def _tie_break(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values squeezed into [0, 1) in their order."""
    return np.asarray(values / (1 + values.max(initial=0)))


BASELINES: Mapping[str, Callable[[Candidates], NDArray[np.float64]]] = {
    "recent_popularity": recent_popularity,
    "own_history": own_history,
}
