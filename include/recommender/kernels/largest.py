"""The largest of many values, without sorting them all: keys in a heap whose least one stands first.

A key orders by value in micro-units, and equal values by the lower column, so that no choice depends on an algorithm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.arrays import MICROS
from include.recommender.kernels import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.integer]
    Keys = NDArray[np.int64]


@compiled
def key_of(value: float, column: int, columns: int) -> np.int64:
    """The key of a value in one of so many columns; matrix_of_keys (arrays.py) reads it."""
    return np.int64(np.rint(value * MICROS)) * columns + (columns - 1 - column)


@compiled
def keep(heap: Keys, size: int, key: np.int64) -> int:
    """Put the key into the heap if there is room or it is larger than the least one; the new size."""
    if size == len(heap):
        if size == 0 or key <= heap[0]:
            return size
        at = 0
        while 2 * at + 1 < size:
            child = 2 * at + 1
            if child + 1 < size and heap[child + 1] < heap[child]:
                child += 1
            if heap[child] >= key:
                break
            heap[at] = heap[child]
            at = child
        heap[at] = key
        return size
    at = size
    while at > 0 and heap[(at - 1) // 2] > key:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = key
    return size + 1


@compiled
def largest_per_row(
    starts: Ints, at: Ints, values: NDArray[np.float64], columns: int, largest: Keys, sizes: Keys
) -> None:
    """Keys of the largest entries of each row of a sparse matrix (indptr, indices, data), in any order.

    `largest` has shape (rows, n), of which `sizes` says how many are filled.
    """
    for row in range(len(starts) - 1):
        size = 0
        for entry in range(starts[row], starts[row + 1]):
            size = keep(largest[row], size, key_of(values[entry], at[entry], columns))
        sizes[row] = size
