"""Rule 3: equal content, equal hash, and nothing else."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from include.retraining.content_hash import ContentHash, content_hash
from include.retraining.errors import TableSchemaError
from include.retraining.warehouse.table import Table

LISTS = Table(
    "lists",
    "One column per type that content has.",
    {
        "version": "string", "day": "date", "item": "string", "rank": "int64", "score": "float64", "shown": "bool",
        "sources": "strings",
    },
    key=("version", "day", "item"),
    partition=("version",),
    unhashed=("version",),
)  # fmt: skip

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "version": st.just("1"),
            "day": st.dates(date(2026, 1, 1), date(2026, 1, 3)),
            "item": TEXT,
            "rank": st.none() | st.integers(-(2**31), 2**31),
            "score": st.none() | st.floats(-1e6, 1e6),
            "shown": st.none() | st.booleans(),
            "sources": st.none() | st.lists(TEXT, max_size=3),
        }
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: (row["day"], row["item"]),
)
OTHER = {
    "day": lambda day: date(2027, 1, 1),
    "item": lambda item: f"{item}-other",
    "rank": lambda rank: 1 if rank is None else rank + 1,
    "score": lambda score: 1.0 if score is None else score + 1.0,
    "shown": lambda shown: shown is not True,
    "sources": lambda sources: [*(sources or []), "other"],
}


def hash_of(rows: list[dict[str, Any]]) -> str:
    return content_hash(LISTS, pa.Table.from_pylist(rows, schema=LISTS.schema))


@given(rows=ROWS, seed=st.integers(0, 1000))
@checked(deadline=None, database=None, max_examples=60)
def test_rule_3_neither_row_order_nor_unhashed_columns_count(rows: list[dict[str, Any]], seed: int) -> None:
    shuffled = [{**row, "version": f"v{seed}"} for row in rows]
    random.Random(seed).shuffle(shuffled)
    assert hash_of(shuffled) == hash_of(rows)


@given(rows=ROWS, at=st.integers(0, 6))
@checked(deadline=None, database=None, max_examples=60)
def test_rule_3_rows_that_come_in_pieces_have_the_hash_of_all(rows: list[dict[str, Any]], at: int) -> None:
    ordered = sorted(rows, key=lambda row: (row["day"], row["item"].encode()))
    whole = pa.Table.from_pylist(ordered, schema=LISTS.schema)
    digest = ContentHash(LISTS, {name for name in LISTS.columns if whole[name].null_count})
    for part in (whole.slice(0, at), whole.slice(at)):
        digest.update(part)
    assert digest.hexdigest() == content_hash(LISTS, whole)


def test_a_null_that_would_change_the_hash_of_earlier_pieces_is_refused() -> None:
    row = {"version": "1", "day": date(2026, 1, 1), "item": "a", "rank": None, "score": 1.0, "shown": True}
    with pytest.raises(TableSchemaError, match=r"no null in lists\.rank"):
        ContentHash(LISTS).update(pa.Table.from_pylist([row], schema=LISTS.schema))


@given(rows=ROWS, column=st.sampled_from(sorted(OTHER)), data=st.data())
@checked(deadline=None, database=None, max_examples=100)
def test_rule_3_every_other_cell_counts(rows: list[dict[str, Any]], column: str, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(rows) - 1))
    changed = [dict(row) for row in rows]
    changed[number][column] = OTHER[column](changed[number][column])
    assert hash_of(changed) != hash_of(rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a|b"], ["a", "b"]),
        ([], [""]),
        ([], None),
        (["a", "b"], ["b", "a"]),
        (['a", "b'], ["a", "b"]),
    ],
)
def test_lists_that_look_alike_are_different_content(one: list[str] | None, other: list[str] | None) -> None:
    row = {"version": "1", "day": date(2026, 1, 1), "item": "i", "rank": 1, "score": 0.5, "shown": True}
    assert hash_of([{**row, "sources": one}]) != hash_of([{**row, "sources": other}])


def test_a_row_more_is_other_content() -> None:
    row = {"version": "1", "day": date(2026, 1, 1), "item": "i", "rank": 1, "score": 0.5, "shown": True, "sources": []}
    assert hash_of([row, {**row, "item": "j"}]) != hash_of([row])
    assert hash_of([]) != hash_of([row])


def test_the_order_of_columns_and_narrow_types_do_not_count() -> None:
    row = {
        "version": "1",
        "day": date(2026, 1, 1),
        "item": "i",
        "rank": 1,
        "score": 0.5,
        "shown": True,
        "sources": ["a"],
    }
    turned = pa.Table.from_pylist([dict(reversed(row.items()))])
    assert content_hash(
        LISTS, turned.set_column(turned.column_names.index("rank"), "rank", pa.array([1], pa.int8()))
    ) == (hash_of([row]))


def test_a_null_is_not_the_text_none() -> None:
    notes = Table("notes", "One nullable text.", {"n": "int64", "text": "string"}, key=("n",))
    hashes = {
        content_hash(notes, pa.table({"n": [1], "text": pa.array([text], pa.string())}))
        for text in (None, "None", "nan", "")
    }
    assert len(hashes) == 4


@given(rows=ROWS, at_once=st.integers(1, 4))
@checked(deadline=None, database=None, max_examples=100)
def test_how_many_rows_are_held_at_once_does_not_count(rows: list[dict[str, Any]], at_once: int) -> None:
    whole = hash_of(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("include.retraining.content_hash.ROWS_AT_ONCE", at_once)
        assert hash_of(rows) == whole
