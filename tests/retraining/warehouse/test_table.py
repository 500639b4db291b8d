"""Rows fit their declaration, or are refused in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.retraining.errors import TableSchemaError
from include.retraining.warehouse import table as table_module
from include.retraining.warehouse.table import ARROW_TYPES, Table, in_order
from tests.retraining.processes import DAY, VISITS, visits

EVERY_TYPE = Table("every_type", "One column per type.", {kind: kind for kind in ARROW_TYPES}, key=("string",))


def refused(rows: pa.Table, table: Table = VISITS) -> TableSchemaError:
    with pytest.raises(TableSchemaError) as error:
        table.conform(rows)
    return error.value


def test_columns_come_in_declared_order_and_type() -> None:
    rows = visits("a", 2, "n")
    shuffled = rows.select(["note", "number", "day", "shop"]).set_column(1, "number", pa.array([0, 1], pa.int8()))
    assert VISITS.conform(shuffled).equals(rows.cast(VISITS.schema))
    assert VISITS.conform(shuffled).schema == VISITS.schema


def test_missing_and_unknown_columns_are_named() -> None:
    error = refused(visits("a", 1, "n").rename_columns(["shop", "day", "number", "notes"]))
    assert error.found == "missing ['note'], unknown ['notes']"
    assert "visits with columns shop, day, number, note" in error.expected


@pytest.mark.parametrize("column", ["shop", "day", "number"])
def test_a_null_in_a_key_or_partition_column_is_refused(column: str) -> None:
    rows = visits("a", 2, "n")
    position = rows.column_names.index(column)
    values = pa.array([rows[column][0].as_py(), None], rows[column].type)
    error = refused(rows.set_column(position, column, values))
    assert error.expected == f"no null in visits.{column}, a key column"
    assert error.found == "1 nulls in 2 rows"


def test_a_null_elsewhere_is_kept() -> None:
    rows = visits("a", 1, "n").set_column(3, "note", pa.array([None], pa.string()))
    assert VISITS.conform(rows)["note"].to_pylist() == [None]


@pytest.mark.parametrize("values", [pa.array(["one"]), pa.array([1.5]), pa.array([2**63], pa.uint64())])
def test_a_value_that_does_not_fit_its_type_is_refused(values: pa.Array) -> None:
    error = refused(visits("a", 1, "n").set_column(2, "number", values))
    assert "'number': 'int64'" in error.expected


def test_a_list_does_not_pass_for_a_text() -> None:
    refused(visits("a", 1, "n").set_column(3, "note", pa.array([["n"]])))


def test_every_declared_type_keeps_its_values() -> None:
    tokyo = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    row = {
        "string": "a", "int64": 2**62, "float32": 0.5, "float64": 0.1, "bool": True, "date": DAY,
        "timestamp": tokyo, "strings": ["b", "c"],
    }  # fmt: skip
    (kept,) = EVERY_TYPE.conform(pa.Table.from_pylist([row])).to_pylist()
    assert kept == row
    assert kept["timestamp"].tzinfo is not None
    assert kept["timestamp"].astimezone(UTC).hour == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ("b",)},
        {"key": ("a",), "partition": ("b",)},
        {"key": ("a",), "unhashed": ("b",)},
        {"key": ("a",), "columns": {"a": "text"}},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TableSchemaError):
        Table(**{"name": "t", "doc": "d", "columns": {"a": "string"}, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "partition",
    [{"shop": "a"}, {"shop": "a", "day": DAY, "number": 1}, {"shop": "", "day": DAY}, {"shop": "a", "day": []}, {}],
)
def test_a_partition_names_every_partition_column_with_a_value(partition: dict[str, object]) -> None:
    with pytest.raises(TableSchemaError, match="visits's partition columns"):
        VISITS.refuse_partition(partition)


def test_rows_outside_their_partition_are_counted() -> None:
    rows = pa.concat_tables([visits("a", 2, "n"), visits("b", 3, "n")])
    with pytest.raises(TableSchemaError, match="3 of 5 rows outside the partition"):
        VISITS.refuse_misplaced({"shop": "a", "day": DAY}, VISITS.conform(rows))
    VISITS.refuse_misplaced({"shop": ["a", "b"], "day": [DAY, date(2026, 1, 2)]}, VISITS.conform(rows))


def test_a_key_that_comes_twice_is_refused_with_an_example() -> None:
    table = Table("pets", "Pets.", {"day": "date", "name": "string"}, key=("day", "name"), partition=("day",))
    day = date(2026, 1, 1)
    once = pa.Table.from_pylist([{"day": day, "name": "a"}, {"day": day, "name": "b"}], schema=table.schema)
    table.refuse_repeated(once)
    table.refuse_repeated(once.slice(0, 0))
    with pytest.raises(TableSchemaError, match=r"1 repeated.*'name': 'b'"):
        table.refuse_repeated(pa.concat_tables([once, once.slice(1)]))


@given(st.lists(st.tuples(st.sampled_from("abé"), st.integers(0, 2)), max_size=8))
def test_rows_in_order_stay_the_same_table_and_others_are_sorted(rows: list[tuple[str, int]]) -> None:
    table = pa.table(
        {"text": pa.array([text for text, _ in rows], pa.string()), "n": pa.array([n for _, n in rows], pa.int64())}
    )
    found = in_order(table, ["text", "n"])
    assert list(zip(found["text"].to_pylist(), found["n"].to_pylist(), strict=True)) == sorted(rows)
    assert (found is table) == (rows == sorted(rows))


@given(st.lists(st.tuples(st.sampled_from("abé"), st.integers(0, 2)), max_size=12), st.integers(1, 4))
def test_sorted_runs_are_merged_as_a_stable_sort_would_order_them(rows: list[tuple[str, int]], least: int) -> None:
    table = pa.table(
        {
            "text": pa.array([text for text, _ in rows], pa.string()),
            "n": pa.array([n for _, n in rows], pa.int64()),
            "place": pa.array(range(len(rows)), pa.int64()),
        }
    )
    with patch.object(table_module, "LEAST_PIECE", least):
        found = in_order(table, ["text", "n"])
    expected = sorted(range(len(rows)), key=lambda at: rows[at])
    assert found["place"].to_pylist() == expected


@given(st.permutations(range(6)), st.booleans())
def test_batches_that_changed_places_are_put_back_without_a_copy(order: list[int], halved: bool) -> None:
    whole = pa.table({"n": pa.array(range(60_000), pa.int64())})
    batches = [whole.slice(10_000 * at, 10_000) for at in order]
    if halved:
        batches = [batch.slice(start, 5_000) for start in (0, 5_000) for batch in batches]
    mixed = pa.concat_tables(batches)
    found = in_order(mixed, ["n"])
    assert found.equals(whole)
    buffers = {chunk.buffers()[1].address for chunk in found["n"].chunks}
    assert buffers == {whole["n"].chunk(0).buffers()[1].address}


def test_rows_in_no_order_at_all_are_sorted() -> None:
    mixed = pa.table({"n": pa.array([(at * 7919) % 20_011 for at in range(20_011)], pa.int64())})
    found = in_order(mixed, ["n"])
    assert found["n"].to_pylist() == list(range(20_011))
    assert found["n"].num_chunks == 1
