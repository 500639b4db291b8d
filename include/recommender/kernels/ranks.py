"""Ranks of scores within the rows of a block, equal scores sharing the best rank among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.kernels import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def rank_rows(starts: NDArray[np.int64], scores: NDArray[np.float32], ranks: NDArray[np.float64]) -> None:
    """Rank (1 = highest) of scores above 0 within their row, which for row r begins at starts[r]; NaN for the others.

    `ranks` is filled, shape (scores,).
    """
    for row in range(len(starts) - 1):
        mine = scores[starts[row] : starts[row + 1]]
        above = np.sort(mine[mine > 0])
        for at in range(len(mine)):
            if mine[at] > 0:
                ranks[starts[row] + at] = len(above) - np.searchsorted(above, mine[at], side="right") + 1
            else:
                ranks[starts[row] + at] = np.nan
