"""Items are alike where the same users, or the same baskets, touched them: recency-weighted cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import matrix_of_keys
from include.recommender.parallel import parallel_map

if TYPE_CHECKING:
    from include.recommender.settings import Similarities


def cosine_similarities(matrix: sparse.csr_matrix, settings: Similarities, threads: int = 1) -> sparse.csr_matrix:
    """Item-item cosine (items x items, values in (0, 1], zero diagonal), the nearest `neighbours` of each item.

    `matrix` holds weights (rows x items), a row being a user or a basket; a row counts by the inverse square root of
    its sum, so that one who touches everything says less about what is alike. Computed in blocks of items.
    Item-based nearest neighbours: Sarwar et al. 2001, doi:10.1145/371920.372071.
    """
    return cosine_between(matrix, matrix, settings, threads)


def cosine_between(
    left: sparse.csr_matrix, right: sparse.csr_matrix, settings: Similarities, threads: int = 1
) -> sparse.csr_matrix:
    """The same between the items of `left` and those of `right`, whose rows belong together."""
    from include.recommender.kernels.products import largest_products

    unit = _unit(right, settings)
    rows = sparse.csr_matrix((unit if left is right else _unit(left, settings)).T)
    # Popular items are met most: side by side they stay in the processor's cache.
    names = np.argsort(-np.bincount(unit.indices, minlength=unit.shape[1]), kind="stable")
    place = np.empty(len(names), np.int32)
    place[names] = np.arange(len(names))
    between = (unit.indptr, place[unit.indices], unit.data)

    def block_of(start: int) -> sparse.csr_matrix:
        count = min(settings.item_block, rows.shape[0] - start)
        keys, sizes = np.empty((count, settings.neighbours), np.int64), np.empty(count, np.int64)
        largest_products(start, (rows.indptr, rows.indices, rows.data), between, names, keys, sizes)
        return matrix_of_keys(keys, sizes, len(names))

    blocks = list(parallel_map(block_of, range(0, rows.shape[0], settings.item_block), threads))
    return sparse.csr_matrix(sparse.vstack(blocks)) if blocks else sparse.csr_matrix((0, 0))


def _unit(matrix: sparse.csr_matrix, settings: Similarities) -> sparse.csr_matrix:
    """Columns of length 1; without items of few users: what is like everything that one user saw is thin evidence."""
    rows, columns = matrix.shape
    users = np.bincount(matrix.indices, minlength=columns)
    kept = (users[matrix.indices] >= settings.min_users) & (matrix.data > 0)
    row, column, data = (
        np.repeat(np.arange(rows), np.diff(matrix.indptr))[kept],
        matrix.indices[kept],
        matrix.data[kept],
    )
    sums = np.bincount(row, data, minlength=rows)
    data *= (1 / np.sqrt(np.where(sums > 0, sums, 1)))[row]
    norms = np.sqrt(np.bincount(column, data * data, minlength=columns))
    data *= (1 / np.where(norms > 0, norms, 1))[column]
    indptr = np.r_[0, np.cumsum(np.bincount(row, minlength=rows))]
    return sparse.csr_matrix((data, column, indptr), shape=matrix.shape)
