"""EASE: the linear model that best rebuilds every user's items from the user's other items, in closed form."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import MICROS, top_n_per_row
from include.recommender.similarities.lapack import invert_positive_definite
from include.retraining.errors import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from include.recommender.settings import Ease

logger = logging.getLogger(__name__)


def ease_similarities(
    matrix: sparse.csr_matrix, popularity: NDArray[np.float64], regularisation: float, settings: Ease
) -> sparse.csr_matrix:
    """Positive weights of EASE (items x items, zero diagonal), the `neighbours` largest of each item.

    `matrix` holds recency weights (users x items). Only the `max_items` items of highest `popularity`, touched by
    `min_users` at least, take part: the closed form inverts a matrix of that many rows. `regularisation` is in units of
    the mean diagonal of that matrix, so that one number fits every half-life and every size of data.
    Steck 2019, doi:10.1145/3308558.3313710.
    """
    items = eligible_items(matrix, popularity, settings)
    if not len(items):
        return sparse.csr_matrix((matrix.shape[1], matrix.shape[1]))
    chosen = sparse.csr_matrix(matrix[:, items], dtype=np.float32)
    gram = (chosen.T @ chosen).toarray(order="F")
    diagonal = np.einsum("ii->i", gram)
    diagonal += np.float32(regularisation * diagonal.mean())
    blocks = [
        top_n_per_row(_largest(block, settings.neighbours), settings.neighbours)
        for block in _closed_form(gram, settings.item_block)
    ]
    small = sparse.coo_matrix(sparse.vstack(blocks))
    shape = (matrix.shape[1], matrix.shape[1])
    return sparse.csr_matrix((small.data, (items[small.row], items[small.col])), shape=shape)


def warn_of_cap(matrix: sparse.csr_matrix, settings: Ease) -> None:
    """Say in the log how many items do not take part, if any."""
    able = int((np.bincount(matrix.indices, minlength=matrix.shape[1]) >= settings.min_users).sum())
    if able > settings.max_items:
        logger.warning(
            "EASE: the %d most popular of %d items take part (ease.max_items); the others are found by cosine, baskets "
            "and popularity. A higher cap takes 12 bytes x its square of memory, and time by its cube.",
            settings.max_items, able,
        )  # fmt: skip


def eligible_items(matrix: sparse.csr_matrix, popularity: NDArray[np.float64], settings: Ease) -> NDArray[np.int64]:
    """Positions, ascending, of the items that take part; equal popularity goes by position."""
    users = np.bincount(matrix.indices, minlength=matrix.shape[1])
    able = np.flatnonzero(users >= settings.min_users)
    order = np.lexsort((able, -popularity[able]))
    return np.sort(able[order][: settings.max_items])


def _closed_form(gram: NDArray[np.float32], rows: int) -> Iterator[NDArray[np.float32]]:
    """B = I - P / diag(P), some rows at a time; P is the inverse of the regularised Gram matrix, which is lost.

    The Gram matrix is symmetric and positive definite; only what stands on and below its diagonal is read.
    """
    if failed := invert_positive_definite(gram):
        raise TrainingDataError(
            "EASE's matrix of items by items to be positive definite",
            f"its leading {failed} rows are not",
            "raise ease.regularisation in the settings, then clear the task",
        )
    for column in range(1, len(gram)):
        gram[:column, column] = 0
    diagonal = np.diag(gram).copy()
    for start in range(0, len(gram), rows):
        block = gram[:, start : start + rows].T + gram[start : start + rows]
        block /= -diagonal
        own = np.arange(len(block))
        block[own, start + own] = 0
        yield block


def _largest(block: NDArray[np.float32], neighbours: int) -> sparse.csr_matrix:
    """The entries of each row that may be among its largest positive ones, as many as are equal in micro-units."""
    least = max(block.shape[1] - neighbours, 0)
    threshold = np.partition(block, least, axis=1)[:, least, None] - np.float32(1 / MICROS)
    rows, columns = np.nonzero((block >= threshold) & (block > 0))
    return sparse.csr_matrix((block[rows, columns], (rows, columns)), shape=block.shape)
