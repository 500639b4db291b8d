"""Items like those the user touched, by every method of similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.similarities import EASE_HALF_LIVES, recency_weights
from include.recommender.sources.source import Product, Source, profiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from include.recommender.snapshot import Snapshot
    from include.recommender.sources.source import Personal


def neighbours(method: str, half_life_days: float) -> Personal:
    """Similarities by `method`, summed over the user's items weighed by recency."""

    def scores(snapshot: Snapshot, users: NDArray[np.int64]) -> Product:
        history = profiles(snapshot, users, recency_weights(snapshot, half_life_days))
        return Product(history, snapshot.similarities[method])

    return scores


def last_basket(snapshot: Snapshot, users: NDArray[np.int64]) -> Product:
    """Items touched on the same day as those of the user's last day."""
    last = (snapshot.pairs["last_visit"] == 1) & (snapshot.pairs["events"] > 0)
    return Product(profiles(snapshot, users, last.astype(np.float64)), snapshot.similarities["basket"])


ITEM_KNN = Source(
    "item_knn", "items of the same users, by the user's last months", neighbours("cosine", 60.0), similarity="cosine"
)
ITEM_KNN_RECENT = Source(
    "item_knn_recent",
    "items of the same users, by the user's last week",
    neighbours("cosine", 7.0),
    similarity="cosine",
)
LAST_BASKET = Source(
    "last_basket", "items touched on one day with those of the user's last day", last_basket, similarity="basket"
)
NEXT_BASKET = Source(
    "next_basket",
    "what users turn to on the next day after what this one touched last",
    neighbours("next_basket", 20),
    similarity="next_basket",
)
EASE = tuple(
    Source(
        name,
        f"what is touched together with the user's items (EASE, half-life {days:.0f} days)",
        neighbours(name, days),
        similarity=name,
    )
    for name, days in EASE_HALF_LIVES.items()
)
