"""The largest keys of each row, whatever their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recommender.kernels.largest import largest_per_row

keys = st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 3), max_size=15)


@given(st.lists(keys, max_size=4), st.integers(1, 5))
def test_the_n_largest_of_each_row_are_kept(rows: list[list[int]], n: int) -> None:
    largest, sizes = np.empty((len(rows), n), np.int64), np.empty(len(rows), np.int64)
    starts = np.cumsum([0, *map(len, rows)])
    largest_per_row(starts, np.array([key for row in rows for key in row], np.int64), largest, sizes)
    for row, found, size in zip(rows, largest, sizes, strict=True):
        assert sorted(found[:size].tolist()) == sorted(row)[-n:]


@pytest.mark.parametrize("n", [0, 1])
def test_none_are_kept_where_there_is_no_room_or_no_key(n: int) -> None:
    sizes = np.full(1, 9, np.int64)
    largest_per_row(np.array([0, n - 1 if n > 1 else 0]), np.zeros(1, np.int64), np.empty((1, n), np.int64), sizes)
    assert sizes.tolist() == [0]
