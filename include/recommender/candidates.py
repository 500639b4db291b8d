"""Which items are worth ranking for a user: every source proposes its best, and scores what the others proposed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.settings import ALLOWS_REPEATS
from include.recommender.sources import SOURCE_NAMES, SOURCES
from include.recommender.sources.source import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.kernels.proposals import Csr, Scores
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.recommender.sources.source import Source

# The sources as the kernel numbers them: those that say something of each user, then the others.
PERSONAL = tuple(source for source in SOURCES if source.personal)
NUMBERED = (*PERSONAL, *(source for source in SOURCES if source.common))
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
    def most(self) -> NDArray[np.int64]:
        """How many items each of NUMBERED may propose, 0 where it is not in use, shape (surfaces, sources)."""
        return np.array([[of_surface.get(source, 0) for source in NUMBERED] for of_surface in self.caps.values()])

    @cached_property
    def common(self) -> dict[str, NDArray[np.float64]]:
        """Scores of the sources in use that say the same to everybody, shape (items,)."""
        used = [source for source, of in zip(NUMBERED, self.most.T, strict=True) if of.any()]
        return {source.name: source.common(self.snapshot) for source in used if source.common}

    @cached_property
    def orders(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each source that says the same to everybody the items it may propose, best first.

        Where each begins, shape (sources + 1,), and the items, one order after the other.
        """
        may_show, nothing = self.snapshot.recommendable, np.zeros(0, np.int64)
        order = {name: ordered(scores, may_show & (scores > 0)) for name, scores in self.common.items()}
        orders = [order.get(source.name, nothing) for source in NUMBERED[len(PERSONAL) :]]
        return np.cumsum([0, *map(len, orders)], dtype=np.int64), np.concatenate([nothing, *orders])

    def of_block(self, users: NDArray[np.int64]) -> dict[str, Candidates]:
        """Candidates of one block of users (positions in snapshot.user_ids), by surface."""
        from include.recommender.kernels.proposals import propose_all

        block = self.snapshot.only(users)
        surfaces, places = len(self.surfaces), len(users) * int(self.most.sum(axis=1).max(initial=0))
        found, counts = np.empty((surfaces, 4, places), np.int64), np.empty(surfaces, np.int64)
        said = np.empty((surfaces, len(PERSONAL), places))
        propose_all(
            self._personal(block), self.orders, self.most, self.snapshot.recommendable,
            (block.pair_start, block.pair_item), np.array([ALLOWS_REPEATS[surface] for surface in self.surfaces]),
            found, said, counts,
        )  # fmt: skip
        return {
            surface: self._candidates(surface, users, block, found[at, :, :count].copy(), said[at, :, :count])
            for at, (surface, count) in enumerate(zip(self.surfaces, counts.tolist(), strict=True))
        }

    def _personal(self, block: Snapshot) -> tuple[Scores, ...]:
        """The scores of PERSONAL as the kernel reads them, of all: it is compiled for a number of sources."""
        users = np.arange(block.shape[0])
        return tuple(
            _scores(source.personal(block, users) if source.personal and of.any() else sparse.csr_matrix(block.shape))
            for source, of in zip(PERSONAL, self.most.T, strict=False)
        )

    def _candidates(
        self,
        surface: str,
        users: NDArray[np.int64],
        block: Snapshot,
        places: NDArray[np.int64],
        said: NDArray[np.float64],
    ) -> Candidates:
        row, item, bits, pair = places
        scores, proposed = {}, {}
        for source in self.caps[surface]:
            at = NUMBERED.index(source)
            scores[source.name] = said[at].copy() if source.personal else self.common[source.name][item]
            proposed[source.name] = (bits >> at) & 1 > 0
        found = Candidates(self.snapshot, block, surface, users[row], row, item, pair, scores, {}, proposed)
        ranked = scores | {name: values(found) for name, values in RANKED.items()}
        starts = np.searchsorted(row, np.arange(len(users) + 1))
        return replace(found, ranks={name: _ranks(starts, values) for name, values in ranked.items()})


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
    share = settings.candidates.for_you_share if ALLOWS_REPEATS[surface] else 1.0
    found = {source: ceil(share * getattr(settings.candidates, source.name)) for source in SOURCES}
    filler = next(source for source in SOURCES if source.name == FILLER)
    found[filler] = max(found[filler], settings.publication.list_size)
    return {
        source: cap for source, cap in found.items() if cap and (ALLOWS_REPEATS[surface] or not source.repeats_only)
    }


def only_from(settings: RecommenderSettings, most: Mapping[str, int]) -> RecommenderSettings:
    """The settings with some sources alone, which propose so many items on every surface; the filler fills up."""
    own = {**dict.fromkeys(SOURCE_NAMES, 0), **most, "for_you_share": 1.0}
    return settings.model_copy(update={"candidates": settings.candidates.model_copy(update=own)})


def propose_block(
    snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings, surface: str
) -> Candidates:
    """Candidates of one block of users."""
    return Proposer(snapshot, settings, (surface,)).of_block(users)[surface]


def _scores(said: sparse.csr_matrix | Product) -> Scores:
    if isinstance(said, Product):
        return _csr(said.weights), _csr(said.said)
    return _csr(said), (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0))


def _csr(matrix: sparse.csr_matrix) -> Csr:
    return (
        matrix.indptr.astype(np.int64, copy=False),
        matrix.indices.astype(np.int32, copy=False),
        matrix.data.astype(np.float64, copy=False),
    )


def _ranks(starts: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank (1 = highest) of values above 0 within each user, equal ones (as float32) alike; NaN for the others."""
    from include.recommender.kernels.ranks import rank_rows

    return rank_rows(starts, values.astype(np.float32))


def ordered(scores: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Items of the mask `inside` by score, equal ones by position."""
    order = np.lexsort((np.arange(len(scores)), -scores))
    return order[inside[order]]
