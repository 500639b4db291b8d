"""What landed on one arrival date, opened to be damaged."""

import os
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from include.demo.arrays import Flags
from include.demo.errors import DemoError
from include.demo.landing_folder import EVENTS_FILE, close, events_folder, items_folder, reopen, write_alone


@dataclass(frozen=True)
class LandedDay:
    """The folders of an arrival date, the share of rows to damage, and the dice that choose them."""

    landing: Path
    arrival_date: date
    share: float
    dice: np.random.Generator

    @property
    def events(self) -> Path:
        """The folder of the day's events; DemoError when there is none."""
        return _existing(events_folder(self.landing, self.arrival_date))

    @property
    def items(self) -> Path:
        """The folder of the day's items snapshot; DemoError when there is none."""
        return _existing(items_folder(self.landing, self.arrival_date))

    def files(self) -> list[Path]:
        """The day's event files in order; DemoError when there is none."""
        files = sorted(path for path in self.events.glob("*.parquet") if not path.name.startswith("."))
        if not files:
            raise DemoError("a Parquet file to damage", f"none in {self.events}", _WRITE_AGAIN)
        return files

    def rows(self) -> pa.Table:
        """Every row of the day's event files; DemoError when a file cannot be read."""
        return pa.concat_tables([_read(file) for file in self.files()], promote_options="permissive")

    def redeliver(self, rows: pa.Table, *, closed: bool = True) -> None:
        """Replace the day's event files by one, with the marker or without."""
        reopen(self.events)
        write_alone(self.events, EVENTS_FILE, rows)
        if closed:
            close(self.events)

    def choose(self, rows: pa.Table) -> Flags:
        """Choose the share of the rows, rounded up."""
        chosen = np.zeros(len(rows), dtype=np.bool_)
        chosen[self.dice.permutation(len(rows))[: int(np.ceil(self.share * len(rows)))]] = True
        return chosen


def column(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column of landed rows; DemoError when it is missing, as after another fault."""
    if name not in rows.column_names:
        raise DemoError(f"a column {name!r}", f"columns {', '.join(rows.column_names)}", _WRITE_AGAIN)
    return rows[name]


def with_column(rows: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    """Return the rows with the values of one column replaced."""
    return rows.set_column(rows.column_names.index(name), rows.schema.field(name), values)


def remove_folder(folder: Path) -> None:
    """Remove a folder in one step, as a reader sees it."""
    hidden = folder.with_name(f".{folder.name}.{os.getpid()}.removed")
    folder.rename(hidden)
    shutil.rmtree(hidden)


_WRITE_AGAIN = "write the landing zone again (python -m include.demo.simulate), then inject one fault"


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise DemoError(f"the folder {folder}", "nothing there", f"pick a date that landed, or {_WRITE_AGAIN}")
    return folder


def _read(file: Path) -> pa.Table:
    try:
        with pq.ParquetFile(file) as parquet:
            return parquet.read()
    except pa.ArrowInvalid as error:
        raise DemoError("a readable Parquet file", f"{file}: {error}", _WRITE_AGAIN) from error
