"""Arrays keyed by ids: look-ups and top-n selection whose order never depends on chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

MICROS = 1_000_000


def positions(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> NDArray[np.int64]:
    """Position of each id in `among` (unique ids), -1 where it is not there."""
    import pyarrow.compute as pc

    return np.asarray(pc.index_in(ids, value_set=among.combine_chunks()).fill_null(-1).to_numpy(), np.int64)


def rank_within(groups: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank (1 = highest score) of each element within its group; equal scores keep their order."""
    order = np.lexsort((-scores, groups))
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = position_in_group(groups[order]) + 1
    return ranks


def is_among(keys: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which keys, of any shape, are among the known ones, which are sorted."""
    if not len(known):
        return np.zeros(keys.shape, bool)
    found = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(known[found] == keys)


def position_in_group(sorted_groups: NDArray[np.integer]) -> NDArray[np.int64]:
    """0, 1, 2, ... within each run of equal values of a sorted array."""
    count = len(sorted_groups)
    starts = np.r_[True, sorted_groups[1:] != sorted_groups[:-1]] if count else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(count), 0))
    return np.arange(count) - first


def top_n_per_row(matrix: sparse.csr_matrix, n: int) -> sparse.csr_matrix:
    """The n largest entries of each row, as micro-units, equal ones by lower column. Rows end sorted by column."""
    from include.recommender.kernels.largest import largest_per_row

    matrix = sparse.csr_matrix(matrix)
    rows, columns = matrix.shape
    largest, sizes = np.empty((rows, n), np.int64), np.empty(rows, np.int64)
    largest_per_row(matrix.indptr, matrix.indices, matrix.data.astype(np.float64), columns, largest, sizes)
    return matrix_of_keys(largest, sizes, columns)


def matrix_of_keys(keys: NDArray[np.int64], sizes: NDArray[np.int64], columns: int) -> sparse.csr_matrix:
    """The entries behind keys that key_of (kernels/largest.py) made: of row r the first sizes[r] of keys[r]."""
    chosen = keys[np.arange(keys.shape[1]) < sizes[:, None]]
    values, inverted = np.divmod(chosen, columns) if columns else (chosen, chosen)
    matrix = sparse.csr_matrix(
        (values.astype(np.float64) / MICROS, columns - 1 - inverted, np.r_[0, np.cumsum(sizes)]),
        shape=(len(sizes), columns),
    )
    matrix.sort_indices()
    return matrix
