"""Ranks within rows: 1 is the highest, ties share the best rank, what is not above 0 has none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recommender.kernels.ranks import rank_rows

# A few distinct values, so that ties are common.
scores = st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 3.0]), max_size=12)


def ranked(rows: list[list[float]]) -> list[list[float]]:
    starts = np.cumsum([0, *map(len, rows)])
    ranks = rank_rows(starts, np.array([score for row in rows for score in row], np.float32))
    return [ranks[start:end].tolist() for start, end in itertools.pairwise(starts)]


@given(st.lists(scores, max_size=4))
def test_each_row_is_numbered_from_the_highest_and_ties_share_the_best_rank(rows: list[list[float]]) -> None:
    for row, found in zip(rows, ranked(rows), strict=True):
        expected = [1 + sum(other > score for other in row) if score > 0 else np.nan for score in row]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("place_bits", [4, 5, 6])
def test_blocks_of_more_rows_than_a_key_can_tell_apart_are_ranked_in_parts(
    place_bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.recommender.kernels.ranks.PLACE_BITS", place_bits)
    np.testing.assert_array_equal(ranked([[3.0, 1.0, 1.0, -1.0, 5.0]] * 7), [[2, 3, 3, np.nan, 1]] * 7)


def test_a_row_that_no_key_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.recommender.kernels.ranks.PLACE_BITS", 2)
    with pytest.raises(OverflowError, match="a row of 4 scores"):
        ranked([[1.0] * 4])


def test_infinity_and_what_is_no_number() -> None:
    np.testing.assert_array_equal(ranked([[np.inf, np.nan, 5.0, 1e-45]]), [[1, np.nan, 2, 3]])


def test_far_apart_scores_are_told_apart() -> None:
    assert ranked([[1e-30, 1e30, 5.0]]) == [[3, 1, 2]]
