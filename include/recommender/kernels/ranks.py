"""Ranks of scores within the rows of a block, equal scores sharing the best rank among them.

Between the two loops NumPy sorts one integer per score: several times quicker than a sort of each row in a loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.kernels import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

# A float above 0 has 31 bits without its sign, and they order as it does. The other 32 of a key tell the place.
BITS, PLACE_BITS = 31, 32
LARGEST = (1 << BITS) - 1


def rank_rows(starts: Ints, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rank (1 = highest) of scores above 0 within their row, which for row r begins at starts[r]; NaN for the others.

    Shape (scores,). Raises OverflowError where a row is longer than 2**32.
    """
    ranks, keys = np.full(len(scores), np.nan), np.empty(len(scores), np.int64)
    width = int(np.diff(starts).max(initial=0)).bit_length()
    if width > PLACE_BITS:
        raise OverflowError(f"a row of {np.diff(starts).max()} scores")
    bits, rows_at_once = scores.view(np.int32), 1 << (PLACE_BITS - width)
    for first in range(0, len(starts) - 1, rows_at_once):
        rows = starts[first : first + rows_at_once + 1]
        count = _keys_of(rows, scores, bits, width, keys)
        keys[:count].sort()
        _number(rows, keys[:count], width, ranks)
    return ranks


@compiled
def _keys_of(starts: Ints, scores: NDArray[np.float32], bits: NDArray[np.int32], width: int, keys: Ints) -> int:
    """Fill `keys` with one per score above 0 that orders by row, then from the highest score; how many there are."""
    count = 0
    for row in range(len(starts) - 1):
        for at in range(starts[row], starts[row + 1]):
            if scores[at] > 0:
                keys[count] = ((row << BITS | LARGEST - np.int64(bits[at])) << width) | (at - starts[row])
                count += 1
    return count


@compiled
def _number(starts: Ints, keys: Ints, width: int, ranks: NDArray[np.float64]) -> None:
    """Write the rank of each key, which come sorted, to its place."""
    row, number, last = -1, 0, -1
    for place, key in enumerate(keys):
        if key >> (BITS + width) != row:
            row, first = key >> (BITS + width), place
        if key >> width != last:
            number, last = place - first + 1, key >> width
        ranks[starts[row] + (key & ((1 << width) - 1))] = number
