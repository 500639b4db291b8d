"""Which items are alike: recency-weighted cosine over the users who touched them, the nearest of each item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import top_n_per_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from include.recommender.settings import Similarities

METHOD = "cosine"


def cosine_similarities(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    age_days: NDArray[np.float64],
    shape: tuple[int, int],
    settings: Similarities,
) -> sparse.csr_matrix:
    """Item-item cosine (items x items, values in (0, 1], zero diagonal), the nearest `neighbours` of each item.

    A pair weighs 0.5 ** (age_days / half_life_days), age since the user's last touch. Computed in blocks of items.
    Item-based nearest neighbours: Sarwar et al. 2001, doi:10.1145/371920.372071.
    """
    weights = np.power(0.5, age_days / settings.half_life_days)
    matrix = sparse.csr_matrix((weights, (users, items)), shape=shape)
    matrix = _drop_rare(matrix, settings.min_users)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
    unit = sparse.csc_matrix(matrix @ sparse.diags(1 / np.where(norms > 0, norms, 1)))
    rows = unit.T.tocsr()
    blocks = []
    for start in range(0, shape[1], settings.item_block):
        block = sparse.csr_matrix(rows[start : start + settings.item_block] @ unit)
        blocks.append(top_n_per_row(_without_self(block, start), settings.neighbours))
    return sparse.csr_matrix(sparse.vstack(blocks)) if blocks else sparse.csr_matrix((0, 0))


def _drop_rare(matrix: sparse.csr_matrix, min_users: int) -> sparse.csr_matrix:
    """An item of one user is like everything that user saw: evidence too thin to show."""
    users = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return sparse.csr_matrix(matrix @ sparse.diags((users >= min_users).astype(float)))


def _without_self(block: sparse.csr_matrix, first_item: int) -> sparse.csr_matrix:
    coo = block.tocoo()
    keep = (coo.col != coo.row + first_item) & (coo.data > 0)
    return sparse.csr_matrix((coo.data[keep], (coo.row[keep], coo.col[keep])), shape=block.shape)
