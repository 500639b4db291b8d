"""Loads a whole history at once: lands it day by day, so that later runs rebuild from the same files."""

from __future__ import annotations

import argparse
import shutil
import sys
import uuid
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.recommender.ingest import EVENT_COLUMNS
from include.retraining.errors import HigawariError, LandedDataError, SettingsError, TransientError
from include.retraining.landing import MARKER, READERS, LandingZone, reader_of, storage_failed, without_wildcards
from include.retraining.warehouse.duckdb_files import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from include.recommender.settings import RecommenderSettings
    from include.retraining.deliveries import Deliveries
    from include.retraining.settings import Storage

HISTORY_FILE = "history.parquet"

# The prefix keeps our columns apart from whatever the source calls its own.
SPLIT = """
    COPY (
        SELECT * EXCLUDE (higawari_date, higawari_last),
               strftime(coalesce(higawari_date, higawari_last) + 1, '%Y-%m-%d') AS higawari_arrival
        FROM (
            SELECT * EXCLUDE (higawari_day),
                   CASE WHEN higawari_day BETWEEN DATE '0002-01-01' AND $today THEN higawari_day END AS higawari_date,
                   max(higawari_date) OVER () AS higawari_last
            FROM (
                SELECT *, CAST(try_cast("{occurred_at}" AS TIMESTAMPTZ) AT TIME ZONE $timezone AS DATE) AS higawari_day
                FROM {reader}
            )
        )
        WHERE higawari_last IS NOT NULL
    ) TO '{folder}' (FORMAT parquet, PARTITION_BY (higawari_arrival), FILENAME_PATTERN 'history')
"""


def land_history(source: Path, landing: Deliveries, settings: RecommenderSettings) -> list[date]:
    """Split `source/events.*` by event date into the landing zone, `source/items.*` as one snapshot.

    A row arrives the day after it occurred; a row whose time is unreadable, or lies in the future, arrives with the
    last day, to be quarantined there; days without events get an empty delivery; the catalogue counts from the first
    event date.
    Returns the event dates. Landing the same source again replaces what it landed.
    A source that is a landing zone itself is copied as it is.
    Raises LandedDataError for a bad file, SettingsError where storage.memory_limit is too small, TransientError where
    a file or folder cannot be read or written, as on a full disk.
    """
    if not isinstance(landing, LandingZone):
        raise SettingsError(
            "a landing zone to load into",
            f"ingest.events_table = {settings.ingest.events_table}",
            "load into that table instead: the next daily run ingests all of it",
        )
    try:
        return (
            _copy_landing_zone(source, landing)
            if (source / "events").is_dir()
            else _split_files(source, landing, settings)
        )
    except OSError as error:
        raise _storage_error(error) from error


def _split_files(source: Path, landing: LandingZone, settings: RecommenderSettings) -> list[date]:
    events, items = _source_file(source, "events"), _source_file(source, "items")
    arrivals = _land_events(events, landing, settings)
    every = [arrivals[0] + timedelta(days=n) for n in range((arrivals[-1] - arrivals[0]).days + 1)]
    for day in every:
        folder = landing.day_folder("events", day)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).touch()
    _land_items(items, landing, arrivals[0] - timedelta(days=1))
    return [day - timedelta(days=1) for day in every]


def _copy_landing_zone(source: Path, landing: LandingZone) -> list[date]:
    for kind in ("events", "items"):
        shutil.copytree(source / kind, landing.folder / kind, dirs_exist_ok=True)
    days = landing.ready_days("events")
    if not days:
        raise LandedDataError(f"deliveries with a {MARKER} marker in {source}/events", "none", "complete a delivery")
    return [day - timedelta(days=1) for day in days]


def _source_file(source: Path, name: str) -> Path:
    for suffix in READERS:
        if (path := source / f"{name}{suffix}").is_file():
            return path
    found = ", ".join(sorted(path.name for path in source.iterdir())) if source.is_dir() else "no such folder"
    raise LandedDataError(
        f"in {source}: {name}.parquet (or .csv, .jsonl, .csv.gz, .jsonl.gz), or the folders of a landing zone",
        found,
        "name the folder that holds events.* and items.*",
    )


def _land_events(events: Path, landing: LandingZone, settings: RecommenderSettings) -> list[date]:
    import duckdb

    incoming = landing.folder / f".incoming-{uuid.uuid4().hex}"
    incoming.mkdir(parents=True)
    theirs = settings.ingest.event_columns.get("occurred_at", "occurred_at")
    storage = settings.storage
    try:
        # Whoever may not read it is told so here: DuckDB's error is the same for a file that is damaged.
        events.open("rb").close()
        with duckdb.connect(config=limits(storage.memory_limit, storage.threads, storage.spill_folder)) as connection:
            _split(connection, events, incoming, theirs, settings.business.timezone)
        if folders := sorted(incoming.glob("higawari_arrival=*")):
            return [_put_in_place(folder, landing) for folder in folders]
        raise LandedDataError(f"readable times, not of the future, in {theirs} of {events}", "none", "mend the file")
    except duckdb.Error as error:
        raise _told(error, events, storage) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _told(error: duckdb.Error, events: Path, storage: Storage) -> HigawariError:
    """Whose fault it is that a file could not be split."""
    import duckdb

    if isinstance(error, duckdb.OutOfMemoryException):
        return SettingsError(
            f"{events} to be split with storage.memory_limit = {storage.memory_limit}, storage.threads = "
            f"{storage.threads} and room in {storage.spill_folder}",
            str(error),
            "raise the limit, lower the threads or make room, then load again",
        )
    if isinstance(error, duckdb.IOException) and storage_failed(events):
        return _storage_error(error)
    columns = ", ".join(EVENT_COLUMNS)
    return LandedDataError(
        f"{events} with columns {columns}, as mapped in [ingest] event_columns",
        str(error),
        "mend the file or the mapping",
    )


def _storage_error(error: Exception) -> TransientError:
    return TransientError(
        "files and folders that can be read and written, and room for them",
        str(error),
        "make room, or give the permission; then load again",
    )


def _split(connection: duckdb.DuckDBPyConnection, events: Path, folder: Path, occurred_at: str, timezone: str) -> None:
    connection.execute("SET timezone = 'UTC'")
    quoted = occurred_at.replace('"', '""')
    statement = SPLIT.format(occurred_at=quoted, reader=reader_of(events), folder=str(folder).replace("'", "''"))
    today = datetime.now(ZoneInfo(timezone)).date()
    connection.execute(statement, {"file": without_wildcards(events), "timezone": timezone, "today": today})


def _put_in_place(folder: Path, landing: LandingZone) -> date:
    day = date.fromisoformat(folder.name.removeprefix("higawari_arrival="))
    target = landing.day_folder("events", day)
    target.mkdir(parents=True, exist_ok=True)
    (file,) = folder.glob("*.parquet")
    file.replace(target / HISTORY_FILE)
    return day


def _land_items(items: Path, landing: LandingZone, first_event_date: date) -> None:
    reader_of(items)
    folder = landing.day_folder("items", first_event_date)
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / f".{items.name}"
    shutil.copyfile(items, hidden)
    hidden.replace(folder / items.name)
    (folder / MARKER).touch()


def load_history(source: Path) -> None:
    """Land and ingest a source into the daily warehouse, with a progress bar."""
    from rich.progress import Progress

    from include.recommender.ingest import ingest_dates
    from include.recommender.workspace import open_recommender

    workspace = open_recommender()
    dates = land_history(source, workspace.landing, workspace.settings)
    with Progress() as progress:
        task = progress.add_task(f"Ingesting {len(dates)} days", total=len(dates))
        arguments = (workspace.warehouse, workspace.landing, workspace.settings, dates, dates[-1] + timedelta(days=1))
        done = ingest_dates(*arguments, on_progress=lambda count: progress.advance(task, count))
    print(
        f"{done.events:,} events of {dates[0]} to {dates[-1]} and {done.item_snapshots} items snapshots ingested, "
        f"{done.quarantined:,} rows quarantined. First as_of_date that has them all: {dates[-1] + timedelta(days=1)}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the folder given by --source."""
    parser = argparse.ArgumentParser(prog="python -m include.recommender.history", description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder with events.* and items.*")
    try:
        load_history(parser.parse_args(arguments).source)
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
