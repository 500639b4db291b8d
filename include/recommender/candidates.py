"""Which items are worth ranking for a user: every source proposes its best, and scores what the others proposed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import rank_of_equals, sorted_unique, top_n_per_row
from include.recommender.settings import ALLOWS_REPEATS
from include.recommender.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.recommender.sources.source import Source

# What fills a list up where the others find too little: it knows every item that may be shown.
FILLER = "popularity_28d"


@dataclass(frozen=True)
class Candidates:
    """Pairs to rank, sorted by (user, item), each proposed by one source at least.

    `user` and `item` are positions in `snapshot`; `block` is what it knows of these users alone, `row` their position
    there, and `pair` that of what the user did with the item, -1 where nothing. `scores` of a source are 0 where it
    says nothing about a pair; `ranks` are those of its scores, and of RANKED, among
    all candidates of the user, NaN where there is nothing; `proposed` says whether a pair is among a source's best.
    """

    snapshot: Snapshot
    block: Snapshot
    surface: str
    user: NDArray[np.int64]
    row: NDArray[np.int64]
    item: NDArray[np.int64]
    pair: NDArray[np.int64]
    scores: Mapping[str, NDArray[np.float64]]
    ranks: Mapping[str, NDArray[np.float64]]
    proposed: Mapping[str, NDArray[np.bool_]]
    _matrices: dict[tuple[str, ...] | None, NDArray[np.float32]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @property
    def features(self) -> NDArray[np.float32]:
        """The ranking features, shape (pairs, features); made once, however many rankers look at them."""
        return self.features_named(None)

    def features_named(self, names: tuple[str, ...] | None) -> NDArray[np.float32]:
        """Some of them (all: None), in the given order."""
        from include.recommender.features import feature_matrix

        if names not in self._matrices:
            self._matrices[names] = feature_matrix(self, names)
        return self._matrices[names]

    def pair_values(self, column: str, missing: float = np.nan) -> NDArray[np.float64]:
        """A column of the block's pairs, `missing` where the user never touched the item."""
        values = self.block.pairs[column]
        known = values[self.pair] if len(values) else np.full(len(self.pair), missing)
        return np.asarray(np.where(self.pair >= 0, known, missing))

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        """Only the chosen pairs, with the ranks they had among all."""
        return Candidates(
            self.snapshot,
            self.block,
            self.surface,
            self.user[chosen],
            self.row[chosen],
            self.item[chosen],
            self.pair[chosen],
            {name: values[chosen] for name, values in self.scores.items()},
            {name: values[chosen] for name, values in self.ranks.items()},
            {name: values[chosen] for name, values in self.proposed.items()},
        )

    def sources(self) -> pa.ListArray:
        """For each pair the names of the sources that proposed it, list<string>."""
        import pyarrow as pa

        proposed = np.stack(list(self.proposed.values()), axis=1)
        ends = np.cumsum(proposed.sum(axis=1), dtype=np.int32)
        names = pa.array(list(self.proposed), pa.string()).take(pa.array(np.nonzero(proposed)[1]))
        return pa.ListArray.from_arrays(pa.array(np.r_[np.int32(0), ends]), names)


# Values of a user's own pairs whose rank among the user's candidates says more than the value itself.
RANKED: Mapping[str, Callable[[Candidates], NDArray[np.float64]]] = {
    "pair_recency": lambda c: c.pair_values("last_date", 0),
    "pair_weight_short": lambda c: c.pair_values("weight_short_micros", 0),
    "pair_weight_medium": lambda c: c.pair_values("weight_medium_micros", 0),
    "pair_visit_share": lambda c: c.pair_values("active_days", 0) / c.pair_values("first_visit", 1),
}


@dataclass(frozen=True)
class Proposer:
    """Finds candidates of one snapshot on some surfaces; what is the same for every user is computed once."""

    snapshot: Snapshot
    settings: RecommenderSettings
    surfaces: tuple[str, ...]

    @cached_property
    def caps(self) -> dict[str, dict[Source, int]]:
        """By surface, the sources in use with how many items each may propose."""
        return {surface: caps(self.settings, surface) for surface in self.surfaces}

    @cached_property
    def in_use(self) -> list[Source]:
        """The sources of any surface."""
        return list({source: None for of_surface in self.caps.values() for source in of_surface})

    @cached_property
    def common(self) -> dict[str, NDArray[np.float64]]:
        """Scores of the sources that say the same to everybody, shape (items,)."""
        return {source.name: source.common(self.snapshot) for source in self.in_use if source.common}

    @cached_property
    def order(self) -> dict[str, NDArray[np.int64]]:
        """The items that such a source may propose, best first."""
        may_show = self.snapshot.recommendable
        return {name: ordered(scores, may_show & (scores > 0)) for name, scores in self.common.items()}

    def of_block(self, users: NDArray[np.int64]) -> dict[str, Candidates]:
        """Candidates of one block of users (positions in snapshot.user_ids), by surface."""
        block = self.snapshot.only(users)
        own = np.arange(len(users))
        personal = {s.name: _shown(s.personal(block, own), block) for s in self.in_use if s.personal}
        return {surface: self._candidates(surface, users, block, personal) for surface in self.surfaces}

    def _candidates(
        self, surface: str, users: NDArray[np.int64], block: Snapshot, personal: Mapping[str, sparse.csr_matrix]
    ) -> Candidates:
        wide = block.shape[1]
        touched = None if ALLOWS_REPEATS[surface] else _touched(block)
        said, best = {}, {}
        for source, cap in self.caps[surface].items():
            name = source.name
            if name in personal:
                said[name] = personal[name] if touched is None else _without(personal[name], touched)
                top = top_n_per_row(said[name], cap).tocoo()
                best[name] = np.asarray(top.row * np.int64(wide) + top.col)
            else:
                best[name] = _most_common(self.order[name], wide, len(users), cap, touched)
        keys = sorted_unique(np.concatenate(list(best.values())))
        row, item = keys // wide, keys % wide
        scores = {name: _entries(said[name], row, item) if name in said else self.common[name][item] for name in best}
        proposed = {name: _flags(np.searchsorted(keys, own), len(keys)) for name, own in best.items()}
        pair = _pairs(block, row, item)
        found = Candidates(self.snapshot, block, surface, users[row], row, item, pair, scores, {}, proposed)
        ranked = scores | {name: values(found) for name, values in RANKED.items()}
        return replace(found, ranks={name: _ranks(row, values) for name, values in ranked.items()})


def propose(
    snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings, surface: str
) -> Iterator[Candidates]:
    """Recommendable candidates of the given users (positions in snapshot.user_ids), in blocks of user_block users.

    On a surface without repeats, items that the user touched in any way are left out.
    """
    proposer = Proposer(snapshot, settings, (surface,))
    for block in blocks_of(users, settings):
        yield proposer.of_block(block)[surface]


def blocks_of(users: NDArray[np.int64], settings: RecommenderSettings) -> Iterator[NDArray[np.int64]]:
    """The users, candidates.user_block at a time."""
    for start in range(0, len(users), settings.candidates.user_block):
        yield users[start : start + settings.candidates.user_block]


def caps(settings: RecommenderSettings, surface: str) -> dict[Source, int]:
    """The sources in use on a surface, with how many items each may propose."""
    found = {source: getattr(settings.candidates, source.name) for source in SOURCES}
    filler = next(source for source in SOURCES if source.name == FILLER)
    found[filler] = max(found[filler], settings.publication.list_size)
    return {
        source: cap for source, cap in found.items() if cap and (ALLOWS_REPEATS[surface] or not source.repeats_only)
    }


def propose_block(
    snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings, surface: str
) -> Candidates:
    """Candidates of one block of users."""
    return Proposer(snapshot, settings, (surface,)).of_block(users)[surface]


def _flags(places: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """True at the given places, shape (count,)."""
    flags = np.zeros(count, bool)
    flags[places] = True
    return flags


def _entries(matrix: sparse.csr_matrix, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float64]:
    """matrix[row, column] as an array; of no entries SciPy makes a matrix."""
    return np.asarray(matrix[row, column]).ravel() if len(row) else np.zeros(0)


def _pairs(block: Snapshot, row: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index into the block's pairs, -1 where the user never touched the item."""
    wide = block.shape[1]
    known, keys = block.pair_user * wide + block.pair_item, row * wide + item
    if not len(known):
        return np.full(len(keys), -1, np.int64)
    found = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[found] == keys, found, -1)


def _ranks(user: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank (1 = highest) of values above 0 within each user, equal ones alike; NaN for the others."""
    ranks = np.full(len(values), np.nan)
    above = values > 0
    ranks[above] = rank_of_equals(user[above], values[above])
    return ranks


def _touched(block: Snapshot) -> sparse.csr_matrix:
    """Ones where a user had any event with an item (users x items)."""
    return sparse.csr_matrix((np.ones(len(block.pair_item)), block.pair_item, block.pair_start), shape=block.shape)


def _shown(scores: sparse.csr_matrix, snapshot: Snapshot) -> sparse.csr_matrix:
    """Scores of items that may be shown."""
    scores.data = scores.data * snapshot.recommendable[scores.indices]
    scores.eliminate_zeros()
    scores.sort_indices()
    return scores


def _without(scores: sparse.csr_matrix, touched: sparse.csr_matrix) -> sparse.csr_matrix:
    """Scores of the items that the user did not touch."""
    new = sparse.csr_matrix(scores - scores.multiply(touched))
    new.eliminate_zeros()
    new.sort_indices()
    return new


def _most_common(
    order: NDArray[np.int64], wide: int, users: int, cap: int, touched: sparse.csr_matrix | None
) -> NDArray[np.int64]:
    """Keys (row * items + item) of the first `cap` items of an order for every user, without those touched."""
    if touched is None:
        return np.asarray((np.arange(users)[:, None] * wide + order[:cap]).ravel())
    # Nobody needs to look further down than the cap and all that the user touched.
    order = order[: cap + int(np.diff(touched.indptr).max(initial=0))]
    new = touched[:, order].toarray() == 0
    row, place = np.nonzero(new & (np.cumsum(new, axis=1) <= cap))
    return np.asarray(row * wide + order[place])


def ordered(scores: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Items of the mask `inside` by score, equal ones by position."""
    order = np.lexsort((np.arange(len(scores)), -scores))
    return order[inside[order]]
