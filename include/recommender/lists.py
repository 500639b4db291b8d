"""Candidates and scores become top-K lists: per user, for everybody else, per category, per item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.arrays import MICROS, rank_within
from include.recommender.candidates import blocks_of, ordered, propose_block, propose_for_surfaces
from include.recommender.parallel import parallel_map
from include.recommender.sources.popularity import popularity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

    Scorer = Callable[[Candidates], NDArray[np.float64]]

EVERYBODY, ALL = "*", "all"


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

    def best_of(block: NDArray[np.int64]) -> tuple[Candidates, dict[str, TopLists]]:
        candidates = propose_block(snapshot, block, settings, surface)
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

    def best_of(block: NDArray[np.int64]) -> dict[str, TopLists]:
        found = propose_for_surfaces(snapshot, block, settings, scorers)
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
    popularity = candidates.snapshot.items["users_28d"][candidates.item]
    by_item = np.lexsort((candidates.item, -popularity))
    ranks = np.empty(len(scores), np.int64)
    ranks[by_item] = rank_within(candidates.user[by_item], scores[by_item])
    kept = np.flatnonzero(ranks <= size)
    kept = kept[np.lexsort((ranks[kept], candidates.user[kept]))]
    chosen = candidates.take(kept)
    return TopLists(chosen.user, ranks[kept], chosen.item, scores[kept], chosen.sources())


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
    everything = ordered(score, snapshot.recommendable)
    rows = []
    for segment in (ALL, *(name for name in snapshot.category_names if name not in ("", ALL))):
        inside = snapshot.category_names[snapshot.categories[everything]] == segment
        items = everything if segment == ALL else np.r_[everything[inside], everything[~inside]]
        for rank, item in enumerate(items[:size], start=1):
            rows.append((str(segment), rank, str(snapshot.item_ids[item]), float(score[item])))
    return rows


def similar_rows(
    snapshot: Snapshot, method: str, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(item, rank, similar item, score) positions: the nearest neighbours that may be shown, ranks without holes."""
    may_show = snapshot.recommendable
    coo = snapshot.similarities[method].tocoo()
    keep = may_show[coo.col] & may_show[coo.row]
    item, similar, score = coo.row[keep].astype(np.int64), coo.col[keep].astype(np.int64), coo.data[keep]
    rank = rank_within(item, np.rint(score * MICROS))
    top = rank <= size
    order = np.lexsort((rank[top], item[top]))
    return item[top][order], rank[top][order], similar[top][order], score[top][order]
