"""Which items are worth ranking for a user: a few sources, each proposing its best, joined into pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import MICROS, position_in_group, rank_within, top_n_per_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

Triples = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float64]"]


@dataclass(frozen=True)
class Candidates:
    """Pairs to rank, sorted by (user, item); scores and ranks of a source are NaN where it did not propose the pair."""

    snapshot: Snapshot
    user: NDArray[np.int64]
    item: NDArray[np.int64]
    scores: Mapping[str, NDArray[np.float64]]
    ranks: Mapping[str, NDArray[np.float64]]

    @cached_property
    def pair(self) -> NDArray[np.int64]:
        """Index into the snapshot's pairs, -1 where the user never touched the item."""
        wide = self.snapshot.shape[1]
        known = self.snapshot.pair_user * wide + self.snapshot.pair_item
        keys = self.user * wide + self.item
        if not len(known):
            return np.full(len(keys), -1, np.int64)
        found = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[found] == keys, found, -1)

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """The ranking features, shape (pairs, features); made once, however many rankers look at them."""
        from include.recommender.features import feature_matrix

        return feature_matrix(self)

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        """Only the chosen pairs."""
        return Candidates(
            self.snapshot,
            self.user[chosen],
            self.item[chosen],
            {name: values[chosen] for name, values in self.scores.items()},
            {name: values[chosen] for name, values in self.ranks.items()},
        )

    def sources(self) -> list[list[str]]:
        """For each pair the names of the sources that proposed it."""
        names = list(self.scores)
        proposed = np.stack([~np.isnan(self.ranks[name]) for name in names], axis=1)
        return [[name for name, hit in zip(names, row, strict=True) if hit] for row in proposed]


def own_history(snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings) -> Triples:
    """What the user touched before, by recency-weighted count (half-life features.half_life_days)."""
    matrix = _history(snapshot, users, snapshot.pairs["weight_micros"] / MICROS)
    return _triples(top_n_per_row(matrix, settings.candidates.own_history), users)


def similar_items(snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings) -> Triples:
    """Items like those the user touched: similarities summed over a recency-weighted history."""
    age = snapshot.day - snapshot.pairs["last_date"]
    weights = np.power(0.5, age / settings.similarities.half_life_days) * (snapshot.pairs["events"] > 0)
    history = _history(snapshot, users, weights)
    return _triples(
        top_n_per_row(sparse.csr_matrix(history @ snapshot.similarities), settings.candidates.similar_items), users
    )


def popularity_7d(snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings) -> Triples:
    """What most users touched in the last 7 days."""
    return _popularity(snapshot, users, "users_7d", settings.candidates.popularity)


def popularity_28d(snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings) -> Triples:
    """What most users touched in the last 28 days."""
    return _popularity(snapshot, users, "users_28d", settings.candidates.popularity)


SOURCES: tuple[Callable[[Snapshot, NDArray[np.int64], RecommenderSettings], Triples], ...] = (
    own_history,
    similar_items,
    popularity_7d,
    popularity_28d,
)


def propose(snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings) -> Iterator[Candidates]:
    """Recommendable candidates of the given users (positions in snapshot.user_ids), in blocks of user_block users."""
    for start in range(0, len(users), settings.candidates.user_block):
        yield _propose_block(snapshot, users[start : start + settings.candidates.user_block], settings)


def _propose_block(snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings) -> Candidates:
    wide = snapshot.shape[1]
    proposed = {}
    for source in SOURCES:
        user, item, score = source(snapshot, users, settings)
        keep = snapshot.recommendable[item]
        user, item, score = user[keep], item[keep], score[keep]
        proposed[source.__name__] = (user * wide + item, score, rank_within(user, score))
    keys = np.unique(np.concatenate([key for key, _, _ in proposed.values()]))
    scores, ranks = {}, {}
    for name, (key, score, rank) in proposed.items():
        at = np.searchsorted(keys, key)
        scores[name], ranks[name] = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
        scores[name][at], ranks[name][at] = score, rank
    return Candidates(snapshot, keys // wide, keys % wide, scores, ranks)


def _history(snapshot: Snapshot, users: NDArray[np.int64], weights: NDArray[np.float64]) -> sparse.csr_matrix:
    """Weights of the given users' pairs as a matrix (given users x items), zero weights left out."""
    starts, ends = snapshot.pair_start[users], snapshot.pair_start[users + 1]
    lengths = ends - starts
    rows = np.repeat(np.arange(len(users)), lengths)
    at = np.repeat(starts, lengths) + position_in_group(rows)
    keep = weights[at] > 0
    shape = (len(users), snapshot.shape[1])
    return sparse.csr_matrix((weights[at][keep], (rows[keep], snapshot.pair_item[at][keep])), shape=shape)


def _popularity(snapshot: Snapshot, users: NDArray[np.int64], column: str, count: int) -> Triples:
    popular = most_popular(snapshot, column, count)
    score = snapshot.items[column][popular]
    return np.repeat(users, len(popular)), np.tile(popular, len(users)), np.tile(score, len(users))


def most_popular(
    snapshot: Snapshot, column: str, count: int, inside: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Recommendable items (`inside` a mask) by a column of item_stats, then by recency weight, then by id."""
    may_show = snapshot.recommendable if inside is None else snapshot.recommendable & inside
    order = np.lexsort((np.arange(snapshot.shape[1]), -snapshot.items["weight_micros"], -snapshot.items[column]))
    return order[may_show[order]][:count]


def _triples(matrix: sparse.csr_matrix, users: NDArray[np.int64]) -> Triples:
    coo = matrix.tocoo()
    return users[coo.row], coo.col.astype(np.int64), coo.data
