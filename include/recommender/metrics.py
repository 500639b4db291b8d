"""Ranking metrics of top lists, per user: NDCG@10, recall@20, hit rate@10, MAP@10; coverage and novelty over all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER_USER = ("ndcg@10", "recall@20", "hitrate@10", "map@10")
# The last place of a list that a metric looks at.
DEPTH = 20
DISCOUNT = 1 / np.log2(np.arange(2, 12))


def per_user_metrics(hits: NDArray[np.bool_], wanted: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Metrics of each user, shape (users,), from hits, shape (users, >= DEPTH) in list order, and number of targets.

    NDCG with binary gain, ideal list of min(targets, 10): Jarvelin and Kekalainen 2002, doi:10.1145/582415.582418.
    MAP@10 divides by min(targets, 10).
    """
    top = hits[:, :10].astype(np.float64)
    ideal = np.cumsum(DISCOUNT)[np.minimum(wanted, 10) - 1]
    precision = np.cumsum(top, axis=1) / np.arange(1, 11)
    return {
        "ndcg@10": top @ DISCOUNT / ideal,
        "recall@20": hits[:, :DEPTH].sum(axis=1) / wanted,
        "hitrate@10": top.max(axis=1, initial=0),
        "map@10": (precision * top).sum(axis=1) / np.minimum(wanted, 10),
    }


def coverage(items: NDArray[np.int64], catalogue: int) -> float:
    """Distinct items in the lists (shape (users, k), -1 for empty places) over items that could be shown."""
    shown = np.unique(items[items >= 0])
    return len(shown) / max(catalogue, 1)


def novelty(items: NDArray[np.int64], item_users: NDArray[np.float64], users: int) -> float:
    """Mean of -log2 of the share of users who touched a shown item, add-one smoothed."""
    shown = items[items >= 0]
    return float(np.mean(-np.log2((item_users[shown] + 1) / (users + 1)))) if len(shown) else 0.0
