"""Many small files: skipped where they hold no row, read the same whatever their size and however they were made."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from include.retraining.warehouse import delta_files, delta_history
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

AUDIT = Table("audit", "d", {"number": "int64", "who": "string", "tags": "strings"}, key=("number",))
DAYS = Table(
    "days", "d", {"day": "date", "part": "string", "name": "string", "value": "float64"},
    key=("day", "part", "name"), partition=("day", "part"),
)  # fmt: skip
FIRST = date(2026, 1, 1)


@pytest.fixture
def tables(tmp_path: Path) -> LocalWarehouse:
    warehouse = LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill", "500MB", 1)
    warehouse.create_tables([AUDIT, DAYS])
    return warehouse


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def fill_days(warehouse: LocalWarehouse, count: int) -> None:
    for number in range(count):
        for part in ("x", "y"):
            rows = [{"day": day(number), "part": part, "name": name, "value": float(number)} for name in ("a", "b")]
            warehouse.replace(DAYS, {"day": day(number), "part": part}, pa.Table.from_pylist(rows, schema=DAYS.schema))


WHERES: list[Mapping[str, object]] = [
    {}, {"day": day(2)}, {"day": [day(2), day(3)], "part": "x"}, {"name": "a"}, {"day": day(1), "name": ["a", "c"]},
    {"name": "zzz"}, {"day": []}, {"value": 2.0}, {"part": ["x", "y"], "name": "b", "value": [1.0, 4.0]},
]  # fmt: skip


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_rows_are_those_of_the_condition_whether_files_are_small_or_large(
    tables: LocalWarehouse, monkeypatch: pytest.MonkeyPatch, where: Mapping[str, object]
) -> None:
    fill_days(tables, 5)

    def holds(row: dict[str, object]) -> bool:
        return all(row[name] in (value if isinstance(value, list) else [value]) for name, value in where.items())

    expected = [row for row in tables.read(DAYS).to_pylist() if holds(row)]
    assert tables.read(DAYS, where).to_pylist() == expected
    assert tables.read(DAYS, where, ["value"]).to_pylist() == [{"value": row["value"]} for row in expected]
    monkeypatch.setattr(delta_files, "SMALL_BYTES", -1)
    assert tables.read(DAYS, where).to_pylist() == expected
    monkeypatch.setattr(delta_files, "MOST_NAMES", 0)
    assert tables.read(DAYS, where).to_pylist() == expected


def test_a_table_of_many_appends_is_read_by_value_before_and_after_its_files_are_put_together(
    tables: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge stores text as views."""
    monkeypatch.setattr(delta_history, "FILES_OF_AN_APPENDED_TABLE", 30)
    for number in range(31):
        row = {"number": number, "who": f"person {number % 3}", "tags": ["a", "b"]}
        assert tables.append_once(AUDIT, pa.Table.from_pylist([row], schema=AUDIT.schema)).rows == 1
        if number < 29:
            continue
        assert len(DeltaTable(str(tables.folder / "audit")).file_uris()) == (30 if number == 29 else 1)
        rows = tables.read(AUDIT)
        assert rows["number"].to_pylist() == list(range(number + 1))
        assert rows.schema == AUDIT.schema
        theirs = tables.read(AUDIT, {"who": ["person 1", "nobody"]}, ["number"])["number"].to_pylist()
        assert theirs == list(range(1, number + 1, 3))
        assert tables.read(AUDIT, {"number": 7, "who": "person 1"}).num_rows == 1
        assert tables.read(AUDIT, {"number": 7, "who": "person 2"}).num_rows == 0
    assert tables.append_once(AUDIT, rows.slice(3, 1)).rows == 0
    assert tables.delete(AUDIT, {"number": 4}).rows == 1


def test_who_only_reads_sees_what_was_written_since_even_where_the_past_is_gone(tables: LocalWarehouse) -> None:
    """The log of a table is read once and then brought up to date: also where its entries were removed meanwhile."""
    reader = replace(tables, only_reads=True)
    row = pa.Table.from_pylist([{"number": 1, "who": "she", "tags": []}], schema=AUDIT.schema)
    assert reader.read(AUDIT).num_rows == 0
    tables.append_once(AUDIT, row)
    assert reader.read(AUDIT).num_rows == 1
    tables.delete(AUDIT, {"who": "she"})
    tables.vacuum(AUDIT, keep_days=0)
    assert reader.read(AUDIT).num_rows == 0
    assert reader.version(AUDIT) == tables.version(AUDIT)


def test_a_reader_lets_go_of_a_log_that_was_replaced_by_a_backup(tables: LocalWarehouse, tmp_path: Path) -> None:
    """The versions of the restored log go on beyond the one that the reader knows."""

    def append(number: int) -> None:
        row = {"number": number, "who": f"person {number}", "tags": []}
        tables.append_once(AUDIT, pa.Table.from_pylist([row], schema=AUDIT.schema))

    reader = replace(tables, only_reads=True, _opened={})
    append(1)
    shutil.copytree(tables.folder, tmp_path / "backup")
    append(2)
    assert reader.read(AUDIT)["number"].to_pylist() == [1, 2]
    tables.folder.rename(tmp_path / "moved away")
    (tmp_path / "backup").rename(tables.folder)
    for number in (3, 4, 5):
        append(number)
    people = [f"person {number}" for number in range(6)]
    assert reader.read(AUDIT, {"who": people})["number"].to_pylist() == [1, 3, 4, 5]


def test_files_that_cannot_hold_the_rows_are_not_opened(tables: LocalWarehouse) -> None:
    """By partition, and by the smallest and largest text that Delta keeps of each file."""
    fill_days(tables, 5)
    other = [{"day": day(4), "part": "x", "name": "m", "value": 0.0}]
    tables.replace(DAYS, {"day": day(4), "part": "x"}, pa.Table.from_pylist(other, schema=DAYS.schema))
    for number in range(4):
        shutil.rmtree(tables.folder / "days" / f"day={day(number)}")
    assert tables.read(DAYS, {"day": day(4)}).num_rows == 3
    shutil.rmtree(tables.folder / "days" / f"day={day(4)}" / "part=y")
    assert tables.read(DAYS, {"day": day(4), "name": "m"}).to_pylist() == other


def test_files_of_other_dates_are_not_opened_where_a_date_is_no_partition(tables: LocalWarehouse) -> None:
    log = Table("log", "d", {"day": "date", "number": "int64"}, key=("day", "number"))
    tables.create_tables([log])
    for number in range(3):
        tables.append_once(log, pa.table({"day": [day(number)] * 2, "number": [0, 1]}, schema=log.schema))
    files = {path: pq.read_table(path)["day"][0].as_py() for path in (tables.folder / "log").glob("*.parquet")}
    assert sorted(files.values()) == [day(0), day(1), day(2)]
    for path, of in files.items():
        if of == day(0):
            path.unlink()
    assert tables.read(log, {"day": [day(1), day(2)]})["day"].to_pylist() == [day(1)] * 2 + [day(2)] * 2


def test_a_column_that_came_later_is_null_in_older_files(tables: LocalWarehouse) -> None:
    fill_days(tables, 1)
    more = Table(DAYS.name, "d", DAYS.columns | {"note": "string"}, DAYS.key, DAYS.partition, schema_version=2)
    tables.create_tables([more])
    assert tables.read(more, {"day": day(0)}, ["note"])["note"].to_pylist() == [None] * 4


def test_for_who_only_reads_a_table_that_is_not_there_has_no_partitions(tmp_path: Path) -> None:
    reader = LocalWarehouse(tmp_path / "nothing", tmp_path / "spill", only_reads=True)
    assert reader.partitions(DAYS) == []
