"""Which items are alike, by several methods. Each gives a matrix (items x items) of the nearest of every item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import sparse

from include.recommender.arrays import position_in_group
from include.recommender.parallel import parallel_map
from include.recommender.similarities.cosine import cosine_between, cosine_similarities
from include.recommender.similarities.ease import ease_similarities, warn_of_cap

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

# Half-lives stand side by side and the ranker weighs them: what is recent differs from shop to shop.
EASE_HALF_LIVES = {"ease_10d": 10.0, "ease_60d": 60.0}

# Half-lives after which a touch says nothing more; days within which the next basket comes; more days than dates have.
FORGOTTEN, NEXT_DAYS, DAYS = 10, 60, 100_000


class Method(Protocol):
    """A way to tell which items are alike; more threads change the time it takes, and nothing else."""

    def __call__(self, snapshot: Snapshot, settings: RecommenderSettings, threads: int = 1) -> sparse.csr_matrix:
        """Values above 0 (items x items) of the nearest of every item, zero diagonal."""


def over_users(snapshot: Snapshot, settings: RecommenderSettings, threads: int = 1) -> sparse.csr_matrix:
    """Items of the same users."""
    weights = _weights(snapshot, settings, "last_date", settings.similarities.half_life_days)
    return cosine_similarities(_user_matrix(snapshot, weights), settings.similarities, threads)


def over_baskets(snapshot: Snapshot, settings: RecommenderSettings, threads: int = 1) -> sparse.csr_matrix:
    """Items that the same users first, or last, touched on the same day."""
    matrices = [_baskets(snapshot, settings, column)[1] for column in ("first_date", "last_date")]
    return cosine_similarities(sparse.csr_matrix(sparse.vstack(matrices)), settings.similarities, threads)


def over_next_baskets(snapshot: Snapshot, settings: RecommenderSettings, threads: int = 1) -> sparse.csr_matrix:
    """Items that users first touched on a day, and those they first touched on the next."""
    keys, matrix = _baskets(snapshot, settings, "first_date")
    follows = np.flatnonzero((keys[1:] // DAYS == keys[:-1] // DAYS) & (keys[1:] - keys[:-1] <= NEXT_DAYS))
    return cosine_between(matrix[follows], matrix[follows + 1], settings.similarities, threads)


def _baskets(
    snapshot: Snapshot, settings: RecommenderSettings, column: str
) -> tuple[NDArray[np.int64], sparse.csr_matrix]:
    """Keys user * DAYS + day, ascending, and weights (baskets x items) of the pairs with that date.

    Items of fewer than `min_users` users are left out here: one user may fill several baskets.
    """
    weights = _weights(snapshot, settings, column, settings.similarities.half_life_days)
    users = np.bincount(snapshot.pair_item[weights > 0], minlength=snapshot.shape[1])
    keep = (weights > 0) & (users >= settings.similarities.min_users)[snapshot.pair_item]
    days = snapshot.pairs[column][keep].astype(np.int64)
    keys, row = np.unique(snapshot.pair_user[keep] * DAYS + days, return_inverse=True)
    shape = (len(keys), snapshot.shape[1])
    return keys, sparse.csr_matrix((weights[keep], (row, snapshot.pair_item[keep])), shape=shape)


def ease_over_users(half_life_days: float) -> Method:
    """EASE over users' items, weighed by how recent the last touch is."""

    def similarities(
        snapshot: Snapshot,
        settings: RecommenderSettings,
        threads: int = 1,  # noqa: ARG001 (the order of sums)
    ) -> sparse.csr_matrix:
        matrix = _user_matrix(snapshot, recency_weights(snapshot, half_life_days))
        popularity = snapshot.items["users_90d"]
        return ease_similarities(matrix, popularity, settings.ease.regularisation[0], settings.ease)

    return similarities


METHODS: Mapping[str, Method] = {
    "cosine": over_users,
    "basket": over_baskets,
    "next_basket": over_next_baskets,
    **{name: ease_over_users(days) for name, days in EASE_HALF_LIVES.items()},
}


def compute_similarities(
    snapshot: Snapshot, settings: RecommenderSettings, methods: Collection[str] = tuple(METHODS), threads: int = 1
) -> dict[str, sparse.csr_matrix]:
    """The matrix of each of the methods."""
    return dict(each_similarity(snapshot, settings, methods, threads))


def each_similarity(
    snapshot: Snapshot, settings: RecommenderSettings, methods: Collection[str] = tuple(METHODS), threads: int = 1
) -> Iterator[tuple[str, sparse.csr_matrix]]:
    """Names and matrices of the methods, by name; those to come are computed while whoever asked looks at one.

    At most two at once, whatever the threads, which they share: each takes memory of its own.
    """
    names = sorted(methods)
    at_once = min(threads, 2, max(len(names), 1))
    found = parallel_map(lambda name: METHODS[name](snapshot, settings, threads // at_once), names, at_once)
    for name in names:
        yield name, next(found)


def settings_of(method: str, settings: RecommenderSettings) -> str:
    """The settings that a method looks at, as JSON; block sizes change nothing."""
    if method not in EASE_HALF_LIVES:
        return settings.similarities.model_dump_json(exclude={"item_block"})
    first = {"regularisation": settings.ease.regularisation[:1]}
    return settings.ease.model_copy(update=first).model_dump_json(exclude={"item_block"})


def warn_of_ease_cap(snapshot: Snapshot, settings: RecommenderSettings) -> None:
    """Say in the log how many items EASE leaves out, if any."""
    longest = max(EASE_HALF_LIVES.values())
    warn_of_cap(_user_matrix(snapshot, recency_weights(snapshot, longest)), settings.ease)


def recency_weights(snapshot: Snapshot, half_life_days: float) -> NDArray[np.float64]:
    """0.5 ** (days since the last touch / half-life) per pair; 0 after ten half-lives, or if nothing was positive."""
    return _decayed(snapshot, "last_date", half_life_days)


def _decayed(snapshot: Snapshot, column: str, half_life_days: float) -> NDArray[np.float64]:
    half_lives = (snapshot.day - snapshot.pairs[column]) / half_life_days
    return np.asarray(np.power(0.5, half_lives) * ((snapshot.pairs["events"] > 0) & (half_lives <= FORGOTTEN)))


def _weights(
    snapshot: Snapshot, settings: RecommenderSettings, column: str, half_life_days: float
) -> NDArray[np.float64]:
    """Recency by the date in `column` of the pairs that count, shape (pairs,); 0 for the others."""
    return _decayed(snapshot, column, half_life_days) * _counted(snapshot, settings.similarities.items_per_user)


def _counted(snapshot: Snapshot, items_per_user: int) -> NDArray[np.bool_]:
    """Of each user the positive pairs touched last, shape (pairs,); of those of one day the first by item."""
    counted = snapshot.pairs["events"] > 0
    many = np.bincount(snapshot.pair_user[counted], minlength=snapshot.shape[0]) > items_per_user
    theirs = np.flatnonzero(counted & many[snapshot.pair_user])
    user = snapshot.pair_user[theirs]
    order = np.lexsort((-snapshot.pairs["last_date"][theirs], user))
    counted[theirs[order[position_in_group(user[order]) >= items_per_user]]] = False
    return counted


def _user_matrix(snapshot: Snapshot, weights: NDArray[np.float64]) -> sparse.csr_matrix:
    """Weights above 0 as a matrix (users x items): pairs have the order that its rows have."""
    keep = weights > 0
    starts = np.r_[0, np.cumsum(keep)][snapshot.pair_start]
    return sparse.csr_matrix((weights[keep], snapshot.pair_item[keep], starts), shape=snapshot.shape)
