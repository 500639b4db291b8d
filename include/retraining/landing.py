"""The landing zone: `<kind>/<date>/*.{parquet,csv,jsonl}[.gz]`, each folder closed by a `_SUCCESS` marker."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from include.retraining.errors import LandedDataError, SettingsError, TransientError
from include.retraining.warehouse.duckdb_files import limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from include.retraining.settings import Storage

MARKER = "_SUCCESS"
# Neither quotes nor JSON types are guessed from the first rows: a row's text never depends on its neighbours.
CSV_READER = """read_csv($file, all_varchar = true, header = true, quote = '"', escape = '"')"""
JSON_READER = """(
    SELECT COLUMNS(*) ->> '$'
    FROM read_json($file, format = 'newline_delimited', maximum_depth = 1, sample_size = -1)
)"""
READERS = {
    ".parquet": "read_parquet($file)",
    ".csv": CSV_READER,
    ".csv.gz": CSV_READER,
    ".jsonl": JSON_READER,
    ".jsonl.gz": JSON_READER,
}
# Bytes of a file that are in memory at once, where it is looked at again.
PIECE = 2**20


@dataclass(frozen=True)
class LandedColumns:
    """Columns wanted from landed files: canonical name to theirs, and which of them a file may lack."""

    names: Mapping[str, str]
    optional: frozenset[str]


@dataclass(frozen=True)
class LandingZone:
    """Files as they arrived, by kind (`events`, `items`) and date of arrival, read within the limits of `storage`."""

    folder: Path
    storage: Storage | None = None

    def day_folder(self, kind: str, day: date) -> Path:
        """Where files of one kind that arrived on one day lie."""
        return self.folder / kind / day.isoformat()

    def check(self) -> None:
        """SettingsError where there is no landing zone."""
        folder = self.folder / "events"
        if not folder.is_dir():
            raise SettingsError(
                "storage.landing to name a landing zone with a folder `events`",
                f"nothing at {folder}",
                "load a history with `make ingest SOURCE=...`, or set HIGAWARI_STORAGE__LANDING to where files land",
            )

    def awaited(self, kind: str, day: date) -> tuple[str, str]:
        """For people: what makes a day's delivery complete, and what is there of it."""
        folder = self.day_folder(kind, day)
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else ["no such folder"]
        return f"{folder}/{MARKER}", ", ".join(names)

    def is_ready(self, kind: str, day: date) -> bool:
        """Whether the day's delivery is complete."""
        return (self.day_folder(kind, day) / MARKER).is_file()

    def ready_days(self, kind: str) -> list[date]:
        """Days whose delivery is complete, in order."""
        return sorted(
            date.fromisoformat(marker.parent.name)
            for marker in (self.folder / kind).glob(f"*/{MARKER}")
            if _is_iso_date(marker.parent.name)
        )

    def has_files(self, kind: str, day: date) -> bool:
        """Whether the day's delivery holds any file: a closed day of a bulk load holds none."""
        return bool(data_files(self.day_folder(kind, day)))

    def read(self, kind: str, days: Sequence[date], columns: LandedColumns) -> pa.Table:
        """Every landed row of the given ready days, as text, with the columns `day` and `file`.

        Raises LandedDataError for an unreadable file, a wanted column that a file lacks, or an unknown kind of file;
        SettingsError where storage.memory_limit is too small for a file; TransientError where the storage fails.
        """
        import duckdb
        import pyarrow as pa

        schema = pa.schema(
            [*((name, pa.string()) for name in columns.names), ("day", pa.date32()), ("file", pa.string())]
        )
        parts = [schema.empty_table()]
        with duckdb.connect(config=self._limits()) as connection:
            connection.execute("SET timezone = 'UTC'")
            for day in days:
                if self.is_ready(kind, day):
                    for file in data_files(self.day_folder(kind, day)):
                        rows = read_as_text(connection, file, columns)
                        parts.append(_with_origin(rows, day, file.relative_to(self.folder).as_posix()).cast(schema))
        return pa.concat_tables(parts)

    def _limits(self) -> dict[str, Any]:
        """Of the DuckDB that reads files; its own without settings."""
        of = self.storage
        return limits(of.memory_limit, of.threads, of.spill_folder) if of else {}


def data_files(folder: Path) -> list[Path]:
    """The data files of a delivery, in order; LandedDataError for a file whose format is unknown."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(("_", ".")))
    for file in files:
        reader_of(file)
    return files


def reader_of(file: Path) -> str:
    """The DuckDB table function that reads a file, by its suffix."""
    for suffix, reader in READERS.items():
        if file.name.endswith(suffix):
            return reader
    raise LandedDataError(f"files ending in {', '.join(READERS)}", str(file), "convert it, or move it away")


def without_wildcards(file: Path) -> str:
    """A path that DuckDB takes as it is: it would read `events[1].csv` as a pattern, and open `events1.csv`."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(file))


def read_as_text(connection: duckdb.DuckDBPyConnection, file: Path, columns: LandedColumns) -> pa.Table:
    """One file's wanted columns as text under their canonical names."""
    import duckdb

    source = f"FROM {reader_of(file)}"
    parameters = {"file": without_wildcards(file)}
    try:
        described = connection.execute(f"DESCRIBE SELECT * {source}", parameters).fetchall()
        found = [row[0] for row in described]
        selected = [_as_text(canonical, theirs, found, file, columns) for canonical, theirs in columns.names.items()]
        return connection.sql(f"SELECT {', '.join(selected)} {source}", params=parameters).to_arrow_table()
    except duckdb.OutOfMemoryException as error:
        raise SettingsError(
            "a file that can be read within storage.memory_limit",
            f"{file}: {error}",
            "raise storage.memory_limit or lower storage.threads, and clear the ingest task",
        ) from error
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and storage_failed(file):
            raise TransientError("storage that works", f"{file}: {error}", "let the retry read it again") from error
        raise LandedDataError(
            "a complete, readable file", f"{file}: {error}", "deliver the file again, then clear the ingest task"
        ) from error


def storage_failed(file: Path) -> bool:
    """Whether the storage, and not the file, is why DuckDB could not read it: of both it says IOException.

    Read once more by other means: damage shows itself as such, a fault of the storage has a number or is over.
    """
    try:
        _read_through(file)
    except (FileNotFoundError, PermissionError, EOFError, zlib.error, ValueError):
        return False
    except OSError as error:
        return error.errno is not None
    return True


def _read_through(file: Path) -> None:
    import pyarrow.parquet as pq

    if not file.stat().st_size:
        raise EOFError(f"{file} is empty")
    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as parquet:
            for _ in parquet.iter_batches():
                pass
        return
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
        while content.read(PIECE):
            pass


def _as_text(canonical: str, theirs: str, found: list[str], file: Path, columns: LandedColumns) -> str:
    if theirs in found:
        return f'CAST("{theirs.replace(chr(34), chr(34) * 2)}" AS VARCHAR) AS {canonical}'
    if canonical in columns.optional:
        return f"CAST(NULL AS VARCHAR) AS {canonical}"
    raise LandedDataError(
        f"a column {theirs!r} (for {canonical})",
        f"{file} with columns {', '.join(found)}",
        "deliver the file with that column, or map the new name in [ingest] of the settings; then clear ingest",
    )


def _with_origin(rows: pa.Table, day: date, file: str) -> pa.Table:
    import pyarrow as pa

    count = rows.num_rows
    with_day = rows.append_column("day", pa.array([day] * count, pa.date32()))
    return with_day.append_column("file", pa.array([file] * count, pa.string()))


def _is_iso_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
