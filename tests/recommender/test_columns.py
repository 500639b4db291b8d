"""Columns of tables become arrays: all float64 to who looks at one, and kept in no more memory than they need."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recommender.columns import NarrowColumns, narrow_columns, numeric_columns, rows_at

INTS = st.integers(-(2**63), 2**63 - 1)


def test_numbers_dates_and_flags_become_floats_and_text_is_left_out() -> None:
    table = pa.table(
        {
            "day": pa.array([date(1970, 1, 11), None], pa.date32()),
            "count": pa.array([3, None], pa.int64()),
            "flag": pa.array([True, False]),
            "text": pa.array(["a", "b"]),
        }
    )
    for columns in (numeric_columns(table), NarrowColumns(narrow_columns(table))):
        assert list(columns) == ["day", "count", "flag"]
        np.testing.assert_array_equal(columns["day"], [10, np.nan])
        np.testing.assert_array_equal(columns["count"], [3, np.nan])
        assert columns["flag"].tolist() == [1, 0]
        assert {values.dtype for values in columns.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 127, -128], np.int8), ([128], np.int16), ([-129], np.int16), ([2**15], np.int32), ([-(2**31)], np.int32),
        ([2**31], np.int64), ([2**63 - 1, -(2**63)], np.int64), ([], np.int8), ([1, None], np.float64),
    ],
)  # fmt: skip
def test_whole_numbers_are_kept_in_the_narrowest_type_that_holds_them(values: list[int | None], kind: type) -> None:
    kept = narrow_columns(pa.table({"n": pa.array(values, pa.int64())}))["n"]
    assert kept.dtype == kind
    np.testing.assert_array_equal(kept, np.array(values, np.float64 if None in values else np.int64))


@given(st.lists(st.lists(INTS, max_size=5), min_size=1, max_size=4))
def test_pieces_put_together_say_what_the_whole_says(pieces: list[list[int]]) -> None:
    tables = [pa.table({"n": pa.array(piece, pa.int64())}) for piece in pieces]
    joined = NarrowColumns({"n": np.concatenate([narrow_columns(table)["n"] for table in tables])})
    whole = numeric_columns(pa.concat_tables(tables))
    assert joined["n"].tolist() == whole["n"].tolist()
    at = np.arange(len(whole["n"]))[::-2]
    for columns in (joined, whole):
        assert rows_at(columns, at)["n"].tolist() == whole["n"][at].tolist()
