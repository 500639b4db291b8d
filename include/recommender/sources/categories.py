"""What is popular, and what is new, in the categories a user likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import MICROS, top_n_per_row
from include.recommender.sources.source import Product, Source, profiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from include.recommender.snapshot import Snapshot

DEPTH = 60
NEW_DAYS = 14


def affinities(snapshot: Snapshot, users: NDArray[np.int64]) -> sparse.csr_matrix:
    """Share of each given user's recency weight (half-life features.half_life_medium_days) per category."""
    items, categories = snapshot.shape[1], len(snapshot.category_names)
    membership = sparse.csr_matrix((np.ones(items), (np.arange(items), snapshot.categories)), shape=(items, categories))
    weights = sparse.csr_matrix(profiles(snapshot, users, snapshot.pairs["weight_medium_micros"] / MICROS) @ membership)
    totals = np.asarray(weights.sum(axis=1)).ravel()
    return sparse.csr_matrix(sparse.diags(1 / np.where(totals > 0, totals, 1)) @ weights)


def liked_categories(snapshot: Snapshot, users: NDArray[np.int64]) -> Product:
    """Popularity of the last 7 days, times how much the user likes the item's category."""
    return _of_liked_categories(snapshot, users, snapshot.items["users_7d"])


def new_items(snapshot: Snapshot, users: NDArray[np.int64]) -> Product:
    """The same among items first touched in the last 14 days."""
    new = snapshot.day - snapshot.items["first_date"] <= NEW_DAYS
    return _of_liked_categories(snapshot, users, np.where(new, snapshot.items["users_14d"], 0))


def _of_liked_categories(snapshot: Snapshot, users: NDArray[np.int64], score: NDArray[np.float64]) -> Product:
    """Scores of the best items of each category, times the user's affinity; empty where there is one category only."""
    if len(snapshot.category_names) < 2:
        return Product(sparse.csr_matrix((len(users), 1)), sparse.csr_matrix((1, snapshot.shape[1])))
    shown = np.flatnonzero((score > 0) & snapshot.recommendable)
    shape = (len(snapshot.category_names), snapshot.shape[1])
    best = top_n_per_row(sparse.csr_matrix((score[shown], (snapshot.categories[shown], shown)), shape=shape), DEPTH)
    return Product(affinities(snapshot, users), best)


LIKED_CATEGORIES = Source("liked_categories", "popular in the categories the user likes", liked_categories)
NEW_ITEMS = Source("new_items", "new in the categories the user likes", new_items)
