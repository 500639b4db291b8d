"""What needs no model: rules that score the same candidates a ranker does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates


def recent_popularity(candidates: Candidates) -> NDArray[np.float64]:
    """Users of the item in the last 28 days; recency weight breaks ties."""
    items = candidates.snapshot.items
    return (items["users_28d"] + _tie_break(items["weight_micros"]))[candidates.item]


def own_history(candidates: Candidates) -> NDArray[np.float64]:
    """Recency-weighted count of the user's own events; recent popularity fills up the list, below any own item."""
    own = np.nan_to_num(candidates.scores["own_history"])
    return own * 1000 + _tie_break(recent_popularity(candidates))


def _tie_break(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values squeezed into [0, 1) in their order."""
    return np.asarray(values / (1 + values.max(initial=0)))


BASELINES: Mapping[str, Callable[[Candidates], NDArray[np.float64]]] = {
    "recent_popularity": recent_popularity,
    "own_history": own_history,
}
