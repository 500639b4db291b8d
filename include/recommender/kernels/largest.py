"""The largest of many keys, without sorting them all: a heap whose least key stands first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.kernels import compiled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.integer]
    Keys = NDArray[np.int64]


@compiled
def keep(heap: Keys, size: int, key: int) -> int:
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
def largest_per_row(starts: Ints, keys: Keys, largest: Keys, sizes: Keys) -> None:
    """Of each row of keys (those of row r begin at starts[r]) the largest, in any order.

    `largest` has shape (rows, n), of which `sizes` says how many are filled.
    """
    for row in range(len(starts) - 1):
        size = 0
        for at in range(starts[row], starts[row + 1]):
            size = keep(largest[row], size, keys[at])
        sizes[row] = size
