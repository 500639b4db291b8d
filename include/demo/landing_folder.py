"""One day's folder of the landing zone, written so that a reader never meets half a file."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SUCCESS = "_SUCCESS"
EVENTS_FILE = "part-000.parquet"
ITEMS_FILE = "items.parquet"
_DICTIONARY_COLUMNS = {"user_id", "uid", "item_id", "event_type", "category", "title"}  # the others hardly repeat


def events_folder(landing: Path, arrival_date: date) -> Path:
    """Return where the events of an arrival date land."""
    return landing / "events" / arrival_date.isoformat()


def items_folder(landing: Path, snapshot_date: date) -> Path:
    """Return where the items snapshot of a date lands."""
    return landing / "items" / snapshot_date.isoformat()


def write_closed(folder: Path, file_name: str, table: pa.Table) -> None:
    """Make a folder hold exactly one table and its marker; the marker is away while the table changes."""
    reopen(folder)
    write_alone(folder, file_name, table)
    close(folder)


def write_alone(folder: Path, file_name: str, table: pa.Table) -> None:
    """Write a table as the only part file of an open folder."""
    columns = sorted(_DICTIONARY_COLUMNS & set(table.column_names))
    path = folder / file_name
    replace_file(path, lambda partial: pq.write_table(table, partial, compression="zstd", use_dictionary=columns))
    for stray in sorted(set(folder.glob("part-*.parquet")) - {path}):
        stray.unlink()


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it; the leading dot hides it from readers."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def reopen(folder: Path) -> None:
    """Create the folder where needed and take its marker away."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUCCESS).unlink(missing_ok=True)


def close(folder: Path) -> None:
    """Put the marker: everything of this folder has arrived."""
    (folder / SUCCESS).touch()
