"""The largest entries of a product of two sparse matrices, row by row: the product itself is never held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.arrays import MICROS
from include.recommender.kernels import compiled
from include.recommender.kernels.largest import keep, key_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.integer]
    Floats = NDArray[np.float64]
    Keys = NDArray[np.int64]
    Csr = tuple[Ints, Ints, Floats]


@compiled
def largest_products(first: int, left: Csr, right: Csr, names: Keys, largest: Keys, sizes: Keys) -> None:
    """Keys of the largest entries of left[first : first + len(sizes)] @ right, without those on the diagonal.

    A matrix is (indptr, indices, data) of its rows, its data above 0. Column c of `right` is called names[c], a number
    below len(names): columns that are met often may lie side by side, which is quicker.
    `largest` has shape (rows, n), of which `sizes` says how many are filled. Each sum is added in the order of its row,
    as SciPy does: Gustavson 1978, doi:10.1145/355791.355796.
    """
    left_starts, left_at, left_values = left
    right_starts, right_at, right_values = right
    columns = len(names)
    sums, touched = np.zeros(columns), np.empty(columns, np.int32)
    for row in range(len(sizes)):
        count = 0
        for one in range(left_starts[first + row], left_starts[first + row + 1]):
            between, value = left_at[one], left_values[one]
            for other in range(right_starts[between], right_starts[between + 1]):
                column = right_at[other]
                if sums[column] == 0:
                    touched[count] = column
                    count += 1
                sums[column] += value * right_values[other]
        size, least = 0, 0.0
        for column in touched[:count]:
            # Most sums are too small for any place: that is seen without making their key.
            if sums[column] >= least and names[column] != first + row:
                size = keep(largest[row], size, key_of(sums[column], names[column], columns))
                if size == len(largest[row]) and size > 0:
                    least = (largest[row][0] // columns - 1) / MICROS
            sums[column] = 0
        sizes[row] = size
