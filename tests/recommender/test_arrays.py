"""Look-ups and top-n selection whose order never depends on chance."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from include.recommender.arrays import (
    MICROS,
    is_among,
    position_in_group,
    positions,
    rank_within,
    top_n_per_row,
)

# A few distinct values, so that ties are common.
scores = st.sampled_from([0.0, 0.25, 0.5, 0.5000004, 1.0, 3.0])
pairs = st.lists(st.tuples(st.integers(0, 4), scores), max_size=30)


def chunked(*chunks: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks])


def test_positions_finds_each_id_and_says_minus_one_for_strangers() -> None:
    found = positions(chunked(["b", "x"], ["a", None]), chunked(["a"], ["b", "c"]))
    assert found.tolist() == [1, -1, 0, -1]
    assert positions(chunked([]), chunked(["a"])).tolist() == []
    assert positions(chunked(["a"]), chunked([])).tolist() == [-1]


@given(pairs)
def test_rank_within_numbers_each_group_from_the_highest_and_keeps_the_order_of_ties(
    rows: list[tuple[int, float]],
) -> None:
    groups, values = [group for group, _ in rows], [value for _, value in rows]
    ranks = rank_within(np.array(groups, np.int64), np.array(values, float))
    for group in set(groups):
        own = [at for at, other in enumerate(groups) if other == group]
        expected = sorted(own, key=lambda at: (-values[at], at))
        assert [int(ranks[at]) for at in expected] == list(range(1, len(own) + 1))


@given(st.lists(st.integers(-3, 9), max_size=20), st.lists(st.integers(-3, 9), max_size=9))
def test_is_among_finds_each_known_key(keys: list[int], known: list[int]) -> None:
    found = is_among(np.array(keys, np.int64), np.array(sorted(known), np.int64))
    assert found.tolist() == [key in known for key in keys]


@pytest.mark.parametrize(("groups", "expected"), [([], []), ([4], [0]), ([1, 1, 2, 5, 5, 5], [0, 1, 0, 0, 1, 2])])
def test_position_in_group_counts_from_zero_in_each_run(groups: list[int], expected: list[int]) -> None:
    assert position_in_group(np.array(groups, np.int64)).tolist() == expected


@given(st.lists(st.lists(scores, min_size=6, max_size=6), min_size=1, max_size=5), st.integers(1, 7))
def test_top_n_per_row_keeps_the_largest_and_of_equal_ones_the_lower_columns(rows: list[list[float]], n: int) -> None:
    found = top_n_per_row(sparse.csr_matrix(np.array(rows)), n)
    assert found.has_sorted_indices
    for at, row in enumerate(rows):
        micros = {column: round(value * MICROS) for column, value in enumerate(row) if value}
        best = sorted(micros, key=lambda column: (-micros[column], column))[:n]
        kept = found.getrow(at)
        assert dict(zip(kept.indices.tolist(), kept.data.tolist(), strict=True)) == {
            column: micros[column] / MICROS for column in best
        }


def test_top_n_per_row_of_nothing_is_nothing() -> None:
    for shape in ((0, 0), (3, 0), (0, 3), (2, 2)):
        found = top_n_per_row(sparse.csr_matrix(shape), 4)
        assert (found.shape, found.nnz) == (shape, 0)


def test_top_n_per_row_orders_large_sums_over_many_columns_exactly() -> None:
    columns = 1_000_000
    matrix = sparse.csr_matrix(([50_000.0, 50_000.000001, 50_000.0], ([0, 0, 0], [7, columns - 1, 3])), (1, columns))
    assert top_n_per_row(matrix, 2).indices.tolist() == [3, columns - 1]
