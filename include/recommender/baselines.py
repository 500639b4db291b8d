"""What needs no model: rules that score candidates as a ranker does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.settings import ALLOWS_REPEATS
from include.recommender.sources.popularity import popularity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates

    Rule = Callable[[Candidates, int], NDArray[np.float64]]


def recent_popularity(candidates: Candidates, days: int) -> NDArray[np.float64]:
    """Users of the item in the last `days` days; recency weight breaks ties."""
    return popularity(days)(candidates.snapshot)[candidates.item]


def own_history(candidates: Candidates, days: int) -> NDArray[np.float64]:
    """Recency-weighted count of the user's own events (micro-units); recent popularity breaks ties, and fills up."""
    own = np.rint(candidates.pair_values("weight_micros", 0))
    common = popularity(days)(candidates.snapshot)
    return np.asarray(own + (common / (1 + common.max(initial=0)))[candidates.item])


BASELINES: Mapping[str, Rule] = {"recent_popularity": recent_popularity, "own_history": own_history}


def baselines_of(surface: str) -> tuple[str, ...]:
    """The baselines that make sense on a surface: without repeats, nobody's own history may be shown."""
    return tuple(BASELINES) if ALLOWS_REPEATS[surface] else ("recent_popularity",)
