"""Loads a whole history at once: lands it day by day, so that later runs rebuild from the same files."""

from __future__ import annotations

import shutil
import uuid
from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.recommender.ingest import EVENT_COLUMNS
from include.retraining.errors import LandedDataError
from include.retraining.landing import MARKER, READERS, reader_of

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from include.recommender.settings import RecommenderSettings
    from include.retraining.landing import LandingZone

HISTORY_FILE = "history.parquet"

SPLIT = """
    COPY (
        SELECT *, strftime(coalesce(event_date, last_date) + 1, '%Y-%m-%d') AS arrival
        FROM (
            SELECT *, CAST(try_cast("{occurred_at}" AS TIMESTAMPTZ) AT TIME ZONE $timezone AS DATE) AS event_date,
                   max(event_date) OVER () AS last_date
            FROM {reader}
        )
    ) TO '{folder}' (FORMAT parquet, PARTITION_BY (arrival), FILENAME_PATTERN 'history')
"""


def land_history(source: Path, landing: LandingZone, settings: RecommenderSettings) -> list[date]:
    """Split `source/events.*` by event date into the landing zone, `source/items.*` as one snapshot.

    A row arrives the day after it occurred; a row whose time is unreadable arrives with the last day, to be
    quarantined there; days without events get an empty delivery; the catalogue counts from the first event date.
    Returns the event dates. Landing the same source again replaces what it landed. Raises LandedDataError.
    """
    events, items = _source_file(source, "events"), _source_file(source, "items")
    arrivals = _land_events(events, landing, settings)
    every = [arrivals[0] + timedelta(days=n) for n in range((arrivals[-1] - arrivals[0]).days + 1)]
    for day in every:
        folder = landing.day_folder("events", day)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).touch()
    _land_items(items, landing, arrivals[0] - timedelta(days=1))
    return [day - timedelta(days=1) for day in every]


def _source_file(source: Path, name: str) -> Path:
    for suffix in READERS:
        if (path := source / f"{name}{suffix}").is_file():
            return path
    found = ", ".join(sorted(path.name for path in source.iterdir())) if source.is_dir() else "no such folder"
    raise LandedDataError(
        f"{name}.parquet (or {', '.join(READERS)}) in {source}",
        found,
        "name the folder that holds events.* and items.*",
    )


def _land_events(events: Path, landing: LandingZone, settings: RecommenderSettings) -> list[date]:
    import duckdb

    incoming = landing.folder / f".incoming-{uuid.uuid4().hex}"
    incoming.mkdir(parents=True)
    theirs = settings.ingest.event_columns.get("occurred_at", "occurred_at")
    try:
        with duckdb.connect(config={"memory_limit": settings.storage.memory_limit}) as connection:
            _split(connection, events, incoming, theirs, settings.business.timezone)
        folders = sorted(incoming.glob("arrival=*"))
        return [_put_in_place(folder, landing) for folder in folders]
    except duckdb.Error as error:
        columns = ", ".join(EVENT_COLUMNS)
        raise LandedDataError(
            f"{events} with columns {columns}, as mapped in [ingest] event_columns",
            str(error),
            "mend the file or the mapping",
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _split(connection: duckdb.DuckDBPyConnection, events: Path, folder: Path, occurred_at: str, timezone: str) -> None:
    connection.execute("SET timezone = 'UTC'")
    quoted = occurred_at.replace('"', '""')
    statement = SPLIT.format(occurred_at=quoted, reader=reader_of(events), folder=str(folder).replace("'", "''"))
    connection.execute(statement, {"file": str(events), "timezone": timezone})


def _put_in_place(folder: Path, landing: LandingZone) -> date:
    day = date.fromisoformat(folder.name.removeprefix("arrival="))
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
