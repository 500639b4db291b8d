"""Candidates and scores become top-K lists: per user, for everybody else, per category, per item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.arrays import MICROS, position_in_group, rank_within
from include.recommender.candidates import Proposer, blocks_of, ordered
from include.recommender.parallel import parallel_map
from include.recommender.sources.popularity import popularity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

    Scorer = Callable[[Candidates], NDArray[np.float64]]

ALL = "all"


@dataclass(frozen=True)
class TopLists:
    """Rows of lists, sorted by (user, rank): positions of user and item in the snapshot, score, sources (names)."""

    user: NDArray[np.int64]
    rank: NDArray[np.int64]
    item: NDArray[np.int64]
    score: NDArray[np.float64]
    sources: pa.ListArray


def top_lists(
    snapshot: Snapshot,
    users: NDArray[np.int64],
    scorers: Mapping[str, Scorer],
    settings: RecommenderSettings,
    surface: str,
    size: int,
    watch: Callable[[Candidates], None] = lambda _: None,
) -> dict[str, TopLists]:
    """The best `size` candidates of each user, by each scorer. Equal scores go by popularity, then by item id.

    `watch` sees each block of candidates.
    """
    proposer = Proposer(snapshot, settings, (surface,))

    def best_of(block: NDArray[np.int64]) -> tuple[Candidates, dict[str, TopLists]]:
        candidates = proposer.of_block(block)[surface]
        return candidates, {name: top_block(candidates, scorer(candidates), size) for name, scorer in scorers.items()}

    blocks = []
    for candidates, lists in parallel_map(best_of, blocks_of(users, settings), settings.training.threads):
        watch(candidates)
        blocks.append(lists)
    return {name: _joined([lists[name] for lists in blocks]) for name in scorers}


def top_lists_by_surface(
    snapshot: Snapshot,
    users: NDArray[np.int64],
    scorers: Mapping[str, Scorer],
    settings: RecommenderSettings,
    size: int,
) -> dict[str, TopLists]:
    """The same with one scorer for each surface."""
    proposer = Proposer(snapshot, settings, tuple(scorers))

    def best_of(block: NDArray[np.int64]) -> dict[str, TopLists]:
        found = proposer.of_block(block)
        return {surface: top_block(ours, scorers[surface](ours), size) for surface, ours in found.items()}

    blocks = list(parallel_map(best_of, blocks_of(users, settings), settings.training.threads))
    return {surface: _joined([lists[surface] for lists in blocks]) for surface in scorers}


def _joined(blocks: list[TopLists]) -> TopLists:
    import pyarrow as pa

    empty = np.zeros(0, np.int64)
    return TopLists(
        np.concatenate([empty, *(block.user for block in blocks)]),
        np.concatenate([empty, *(block.rank for block in blocks)]),
        np.concatenate([empty, *(block.item for block in blocks)]),
        np.concatenate([np.zeros(0), *(block.score for block in blocks)]),
        pa.concat_arrays([pa.array([], pa.list_(pa.string())), *(block.sources for block in blocks)]),
    )


def top_block(candidates: Candidates, scores: NDArray[np.float64], size: int) -> TopLists:
    """The best `size` of each user's candidates by score, shape (pairs,)."""
    within = np.flatnonzero(scores >= _thresholds(candidates.row, scores, size)[candidates.row])
    user, item, popularity = candidates.user[within], candidates.item[within], candidates.snapshot.items["users_28d"]
    by_item = np.lexsort((item, -popularity[item]))
    ranks = np.empty(len(within), np.int64)
    ranks[by_item] = rank_within(user[by_item], scores[within][by_item])
    best = np.flatnonzero(ranks <= size)
    best = best[np.lexsort((ranks[best], user[best]))]
    chosen = candidates.take(within[best])
    return TopLists(chosen.user, ranks[best], chosen.item, scores[within[best]], chosen.sources())


def _thresholds(row: NDArray[np.int64], scores: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The size-th best score of each row, shape (rows,); less than any where there are fewer. `row` is ascending."""
    counts = np.bincount(row)
    if not len(counts) or counts.max() <= size:
        return np.full(len(counts), -np.inf)
    grid = np.full((len(counts), counts.max()), -np.inf)
    grid[row, position_in_group(row)] = scores
    at = grid.shape[1] - size
    grid.partition(at, axis=1)
    return grid[:, at]


def as_grid(lists: TopLists, users: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Items of the lists, shape (users, size), -1 for empty places."""
    grid = np.full((len(users), size), -1, np.int64)
    row = np.searchsorted(users, lists.user)
    grid[row, lists.rank - 1] = lists.item
    return grid


def popular_rows(snapshot: Snapshot, days: int, size: int) -> list[tuple[str, int, str, float]]:
    """(segment, rank, item_id, score) of `all` and of each category: users of the last `days` days.

    Recency weight orders items of equally many users, and fills up where few had any. A category with fewer items than
    places ends with what is popular in all, so that a page is never half empty. A category named `all` has no segment.
    """
    score = popularity(days)(snapshot)
    return [
        (segment, rank, str(snapshot.item_ids[item]), float(score[item]))
        for segment, items in _popular_places(snapshot, ordered(score, snapshot.recommendable), size)
        for rank, item in enumerate(items, start=1)
    ]


def _popular_places(
    snapshot: Snapshot, best_first: NDArray[np.int64], size: int
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Each segment with its items (positions), at most `size`. One sort finds those of all categories."""
    yield ALL, best_first[:size]
    by_category = best_first[np.argsort(snapshot.categories[best_first], kind="stable")]
    starts = np.searchsorted(snapshot.categories[by_category], np.arange(len(snapshot.category_names) + 1))
    # Enough to fill up any category that has fewer than `size`, after its own are taken out.
    popular = best_first[: 2 * size]
    for category, name in enumerate(snapshot.category_names):
        if name not in ("", ALL):
            own = by_category[starts[category] : starts[category + 1]][:size]
            others = popular[snapshot.categories[popular] != category]
            yield str(name), np.r_[own, others][:size]


def similar_rows(
    snapshot: Snapshot, method: str, size: int, items: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(item, rank, similar item, score) positions: the nearest neighbours that may be shown, ranks without holes.

    Of all items, or of some (positions, ascending, each once).
    """
    matrix, may_show = snapshot.similarities[method], snapshot.recommendable
    coo = (matrix if items is None else matrix[items]).tocoo()
    row = coo.row if items is None else items[coo.row]
    keep = may_show[coo.col] & may_show[row]
    item, similar, score = row[keep].astype(np.int64), coo.col[keep].astype(np.int64), coo.data[keep]
    rank = rank_within(item, np.rint(score * MICROS))
    top = rank <= size
    order = np.lexsort((rank[top], item[top]))
    return item[top][order], rank[top][order], similar[top][order], score[top][order]
