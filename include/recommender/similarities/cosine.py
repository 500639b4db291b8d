"""Items are alike where the same users, or the same baskets, touched them: recency-weighted cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import top_n_per_row

if TYPE_CHECKING:
    from include.recommender.settings import Similarities


def cosine_similarities(matrix: sparse.csr_matrix, settings: Similarities) -> sparse.csr_matrix:
    """Item-item cosine (items x items, values in (0, 1], zero diagonal), the nearest `neighbours` of each item.

    `matrix` holds weights (rows x items), a row being a user or a basket; a row counts by the inverse square root of
    its sum, so that one who touches everything says less about what is alike. Computed in blocks of items.
    Item-based nearest neighbours: Sarwar et al. 2001, doi:10.1145/371920.372071.
    """
    return cosine_between(matrix, matrix, settings)


def cosine_between(left: sparse.csr_matrix, right: sparse.csr_matrix, settings: Similarities) -> sparse.csr_matrix:
    """The same between the items of `left` and those of `right`, whose rows belong together."""
    rows, unit = _unit(left, settings).T.tocsr(), _unit(right, settings)
    blocks = []
    for start in range(0, left.shape[1], settings.item_block):
        block = sparse.csr_matrix(rows[start : start + settings.item_block] @ unit)
        blocks.append(top_n_per_row(_without_self(block, start), settings.neighbours))
    return sparse.csr_matrix(sparse.vstack(blocks)) if blocks else sparse.csr_matrix((0, 0))


def _unit(matrix: sparse.csr_matrix, settings: Similarities) -> sparse.csc_matrix:
    """Columns of length 1."""
    matrix = _drop_rare(sparse.csr_matrix(matrix), settings.min_users)
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    matrix = sparse.csr_matrix(sparse.diags(1 / np.sqrt(np.where(sums > 0, sums, 1))) @ matrix)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
    return sparse.csc_matrix(matrix @ sparse.diags(1 / np.where(norms > 0, norms, 1)))


def _drop_rare(matrix: sparse.csr_matrix, min_users: int) -> sparse.csr_matrix:
    """An item of one user is like everything that user saw: evidence too thin to show."""
    users = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return sparse.csr_matrix(matrix @ sparse.diags((users >= min_users).astype(float)))


def _without_self(block: sparse.csr_matrix, first_item: int) -> sparse.csr_matrix:
    rows = np.repeat(np.arange(first_item, first_item + block.shape[0]), np.diff(block.indptr))
    block.data[block.indices == rows] = 0
    block.eliminate_zeros()
    return block
