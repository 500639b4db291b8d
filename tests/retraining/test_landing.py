"""Landed files are read as text, whole, or refused with their name."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.retraining.errors import LandedDataError, SettingsError, TransientError
from include.retraining.landing import MARKER, LandedColumns, LandingZone, read_as_text, storage_failed
from include.retraining.settings import Storage

DAY, NEXT_DAY = date(2026, 1, 2), date(2026, 1, 3)
COLUMNS = LandedColumns({"user_id": "user_id", "occurred_at": "at", "value": "value"}, frozenset({"value"}))
ROWS = [
    {"user_id": "007", "at": "2026-01-01T09:00:00+09:00", "value": "1.50"},
    {"user_id": "ü,1", "at": "x", "value": "2"},
]


def as_parquet(rows: list[dict[str, Any]], file: Path) -> None:
    pq.write_table(pa.Table.from_pylist(rows), file)


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    return "\n".join(lines).encode() + b"\n"


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


WRITERS: dict[str, Callable[[list[dict[str, Any]], Path], Any]] = {
    ".parquet": as_parquet,
    ".csv": lambda rows, file: file.write_bytes(as_csv(rows)),
    ".csv.gz": lambda rows, file: file.write_bytes(gzip.compress(as_csv(rows))),
    ".jsonl": lambda rows, file: file.write_bytes(as_jsonl(rows)),
    ".jsonl.gz": lambda rows, file: file.write_bytes(gzip.compress(as_jsonl(rows))),
}


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    zone = LandingZone(tmp_path / "landing")
    for day in (DAY, NEXT_DAY):
        zone.day_folder("events", day).mkdir(parents=True)
        (zone.day_folder("events", day) / MARKER).touch()
    return zone


def put(zone: LandingZone, name: str, content: bytes, day: date = DAY) -> Path:
    file = zone.day_folder("events", day) / name
    file.write_bytes(content)
    return file


def read(zone: LandingZone, columns: LandedColumns = COLUMNS) -> list[dict[str, Any]]:
    return list(zone.read("events", [DAY], columns).select(list(columns.names)).to_pylist())


def refused(zone: LandingZone, columns: LandedColumns = COLUMNS) -> LandedDataError:
    with pytest.raises(LandedDataError) as error:
        zone.read("events", [DAY], columns)
    return error.value


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_text(zone: LandingZone, suffix: str) -> None:
    WRITERS[suffix](ROWS, zone.day_folder("events", DAY) / f"part{suffix}")
    rows = zone.read("events", [DAY], COLUMNS).to_pylist()
    origin = {"day": DAY, "file": f"events/2026-01-02/part{suffix}"}
    assert rows == [
        {"user_id": "007", "occurred_at": "2026-01-01T09:00:00+09:00", "value": "1.50", **origin},
        {"user_id": "ü,1", "occurred_at": "x", "value": "2", **origin},
    ]


def test_typed_parquet_becomes_text_in_utc(zone: LandingZone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    as_parquet([{"user_id": 7, "at": datetime(2026, 1, 1, 20, tzinfo=UTC), "value": 1.5}], put(zone, "a.parquet", b""))
    assert read(zone) == [{"user_id": "7", "occurred_at": "2026-01-01 20:00:00+00", "value": "1.5"}]


def test_rule_3_the_text_of_a_json_row_does_not_depend_on_its_neighbours(zone: LandingZone) -> None:
    row = {"user_id": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "at": "2026-01-01T00:00:00Z", "value": 1}
    put(zone, "a.jsonl", as_jsonl([row]))
    put(zone, "b.jsonl", as_jsonl([row, {"user_id": 7, "at": True, "value": 1.5}]))
    first, same, last = read(zone)
    assert first == same == {"user_id": row["user_id"], "occurred_at": row["at"], "value": "1"}
    assert last == {"user_id": "7", "occurred_at": "true", "value": "1.5"}


def test_a_json_key_that_first_appears_late_is_read(zone: LandingZone) -> None:
    rows: list[dict[str, Any]] = [{"user_id": "u", "at": "t"}] * 30_000
    put(zone, "a.jsonl", as_jsonl([*rows, {"user_id": "v", "at": "t", "value": 3}]))
    assert read(zone)[-1]["value"] == "3"


def test_a_json_null_is_no_text(zone: LandingZone) -> None:
    put(zone, "a.jsonl", as_jsonl([{"user_id": None, "at": "t", "value": "null"}]))
    assert read(zone) == [{"user_id": None, "occurred_at": "t", "value": "null"}]


def test_a_quote_that_first_appears_late_in_a_csv_is_a_quote(zone: LandingZone) -> None:
    put(zone, "a.csv", b"user_id,at,value\n" + b"u,t,1\n" * 30_000 + b'"v,1","say ""hi""",2\n')
    assert read(zone)[-1] == {"user_id": "v,1", "occurred_at": 'say "hi"', "value": "2"}


@pytest.mark.parametrize("separator", [b",", b";", b"\t"])
def test_a_csv_may_use_another_separator(zone: LandingZone, separator: bytes) -> None:
    put(zone, "a.csv", b"user_id,at,value\nu,t,1\nv,t,2\n".replace(b",", separator))
    assert [row["user_id"] for row in read(zone)] == ["u", "v"]


def test_an_empty_csv_field_is_no_text(zone: LandingZone) -> None:
    put(zone, "a.csv", b"user_id,at,value\nu,t,\nNULL,t,1\n")
    assert [(row["user_id"], row["value"]) for row in read(zone)] == [("u", None), ("NULL", "1")]


@pytest.mark.parametrize("name", ["events[1].csv", "event?1.csv", "event*.csv"])
def test_a_file_name_is_never_a_pattern(zone: LandingZone, name: str) -> None:
    put(zone, "events1.csv", b"user_id,at\nother,t\nother,t\n")
    put(zone, name, b"user_id,at\nmine,t\n")
    rows = zone.read("events", [DAY], COLUMNS).select(["user_id", "file"]).to_pylist()
    assert [row["user_id"] for row in rows if row["file"].endswith(name)] == ["mine"]
    assert len(rows) == 3


def test_only_days_with_a_marker_are_ready(zone: LandingZone) -> None:
    put(zone, "a.jsonl", as_jsonl(ROWS))
    put(zone, "a.jsonl", as_jsonl(ROWS), NEXT_DAY)
    (zone.day_folder("events", NEXT_DAY) / MARKER).unlink()
    (zone.folder / "events" / "scratch").mkdir()
    (zone.folder / "events" / "scratch" / MARKER).touch()
    assert zone.ready_days("events") == [DAY]
    assert zone.is_ready("events", DAY)
    assert not zone.is_ready("events", NEXT_DAY)
    assert zone.read("events", [DAY, NEXT_DAY, date(2020, 1, 1)], COLUMNS)["day"].to_pylist() == [DAY, DAY]


def test_ready_days_come_in_order(zone: LandingZone) -> None:
    assert zone.ready_days("events") == [DAY, NEXT_DAY]
    assert zone.ready_days("items") == []


def test_a_closed_day_without_files_has_no_rows(zone: LandingZone) -> None:
    assert not zone.has_files("events", DAY)
    assert zone.read("events", [DAY], COLUMNS).num_rows == 0
    put(zone, "a.jsonl", as_jsonl(ROWS))
    assert zone.has_files("events", DAY)


@pytest.mark.parametrize("name", ["_committed.csv", ".hidden.csv", "_README.txt", ".a.parquet.crc"])
def test_hidden_files_and_those_with_an_underscore_are_ignored(zone: LandingZone, name: str) -> None:
    put(zone, name, b"not data")
    assert read(zone) == []


def test_a_missing_column_is_named_with_the_columns_that_are_there(zone: LandingZone) -> None:
    file = put(zone, "a.csv", b"user_id,time\nu,t\n")
    error = refused(zone)
    assert error.expected == "a column 'at' (for occurred_at)"
    assert error.found == f"{file} with columns user_id, time"
    assert "[ingest]" in error.next_step


def test_an_optional_column_may_be_missing_in_one_file_and_not_in_the_next(zone: LandingZone) -> None:
    put(zone, "a.csv", b"user_id,at\nu,t\n")
    put(zone, "b.csv", b"user_id,at,value\nv,t,3\n")
    assert [row["value"] for row in read(zone)] == [None, "3"]


def test_columns_are_mapped_from_the_senders_names(zone: LandingZone) -> None:
    put(zone, "a.csv", b'Customer "No",at,user_id\nu,t,wrong\n')
    put(zone, "b.jsonl", as_jsonl([{'Customer "No"': "v", "at": "t"}]))
    columns = LandedColumns({"user_id": 'Customer "No"', "occurred_at": "at"}, frozenset())
    assert [row["user_id"] for row in read(zone, columns)] == ["u", "v"]


@pytest.mark.parametrize("name", ["events.xlsx", "events.csv.zip", "events", "events.CSV"])
def test_an_unknown_kind_of_file_is_refused_with_the_kinds_there_are(zone: LandingZone, name: str) -> None:
    file = put(zone, name, b"?")
    error = refused(zone)
    assert error.expected == "files ending in .parquet, .csv, .csv.gz, .jsonl, .jsonl.gz"
    assert error.found == str(file)


@pytest.mark.parametrize("suffix", [".parquet", ".csv.gz", ".jsonl.gz", ".jsonl"])
def test_half_a_file_is_refused_with_its_name(zone: LandingZone, suffix: str) -> None:
    file = zone.day_folder("events", DAY) / f"part{suffix}"
    WRITERS[suffix]([{**ROWS[0], "user_id": f"u{number * 7919}"} for number in range(500)], file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    error = refused(zone)
    assert error.expected == "a complete, readable file"
    assert error.found.startswith(f"{file}: ")
    assert "deliver the file again" in error.next_step


@pytest.mark.parametrize("suffix", [".csv.gz", ".jsonl.gz"])
@pytest.mark.parametrize("content", [b"", b"no gzip at all", b"\x1f\x8b"])
def test_what_is_no_gzip_is_refused_as_damaged(zone: LandingZone, suffix: str, content: bytes) -> None:
    file = put(zone, f"a{suffix}", content)
    assert refused(zone).found.startswith(f"{file}: ")


def test_a_parquet_file_with_a_damaged_footer_is_refused_as_damaged(zone: LandingZone) -> None:
    file = zone.day_folder("events", DAY) / "part.parquet"
    as_parquet(ROWS * 500, file)
    content = bytearray(file.read_bytes())
    content[-150:-8] = bytes(byte ^ 0x5A for byte in content[-150:-8])
    file.write_bytes(content)
    refused(zone)
    assert not storage_failed(file)


@pytest.mark.parametrize("suffix", WRITERS)
def test_storage_that_fails_is_tried_again(zone: LandingZone, suffix: str) -> None:
    file = zone.day_folder("events", DAY) / f"part{suffix}"
    WRITERS[suffix](ROWS, file)
    with pytest.raises(TransientError, match="Input/output error"):
        read_as_text(failing_storage(), file, COLUMNS)
    file.unlink()
    with pytest.raises(LandedDataError, match="Input/output error"):
        read_as_text(failing_storage(), file, COLUMNS)


def failing_storage() -> duckdb.DuckDBPyConnection:
    """A connection whose every statement ends as DuckDB ends on a disk that fails."""

    def execute(*_: Any) -> None:
        raise duckdb.IOException("Could not read from file: Input/output error")

    return cast("duckdb.DuckDBPyConnection", SimpleNamespace(execute=execute))


def test_a_file_that_needs_more_memory_than_the_limit_names_the_setting(
    zone: LandingZone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path))
    rows = pa.table({"user_id": [f"{number:040}" for number in range(300_000)], "at": ["t"] * 300_000})
    pq.write_table(rows, put(zone, "a.parquet", b""))
    small = LandingZone(zone.folder, Storage(memory_limit="5MB"))
    with pytest.raises(SettingsError, match=r"storage\.memory_limit"):
        small.read("events", [DAY], COLUMNS)
    assert LandingZone(zone.folder, Storage()).read("events", [DAY], COLUMNS).num_rows == 300_000


def test_text_that_is_not_utf8_is_refused_with_the_files_name(zone: LandingZone) -> None:
    file = put(zone, "a.csv", "user_id,at\né,t\n".encode("latin-1"))
    assert refused(zone).found.startswith(f"{file}: ")
