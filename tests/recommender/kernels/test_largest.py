"""The largest entries of each row: by value in micro-units, and of equal ones the lower columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recommender.arrays import MICROS
from include.recommender.kernels.largest import key_of, largest_per_row

COLUMNS = 15
# A few distinct values, two of them equal in micro-units, so that ties are common.
values = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.5000004, 3.0])
rows_of_values = st.lists(st.lists(values, max_size=COLUMNS), max_size=4)


def chosen(rows: list[list[float]], n: int) -> list[set[int]]:
    """Columns of the entries that were kept; row r holds values in the columns 0, 1, 2, ..."""
    largest, sizes = np.empty((len(rows), n), np.int64), np.empty(len(rows), np.int64)
    starts = np.cumsum([0, *map(len, rows)])
    at = np.array([column for row in rows for column in range(len(row))], np.int32)
    largest_per_row(starts, at, np.array([value for row in rows for value in row], float), COLUMNS, largest, sizes)
    kept = [found[:size].tolist() for found, size in zip(largest, sizes, strict=True)]
    return [{COLUMNS - 1 - key % COLUMNS for key in keys} for keys in kept]


@given(rows_of_values, st.integers(1, 5))
def test_the_n_largest_are_kept_and_of_equal_ones_the_lower_columns(rows: list[list[float]], n: int) -> None:
    for row, found in zip(rows, chosen(rows, n), strict=True):
        best = sorted(range(len(row)), key=lambda column: (-round(row[column] * MICROS), column))
        assert found == set(best[:n])


@pytest.mark.parametrize(("row", "n"), [([0.5, 3.0], 0), ([], 1)])
def test_none_are_kept_where_there_is_no_room_or_no_value(row: list[float], n: int) -> None:
    assert chosen([row], n) == [set()]


def test_a_key_holds_sums_of_millions_over_many_columns_exactly() -> None:
    columns = 10_000_000
    assert key_of(500_000.0, 7, columns) == 500_000 * MICROS * columns + columns - 8
