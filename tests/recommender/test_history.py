"""A whole history landed at once, day by day."""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.recommender import history
from include.recommender.history import HISTORY_FILE, land_history
from include.recommender.ingest import ingest_dates
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import EVENTS, ITEMS
from include.retraining.errors import LandedDataError, SettingsError, TransientError
from include.retraining.landing import MARKER, LandingZone
from include.retraining.tables import QUARANTINED_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from include.retraining.warehouse.local import LocalWarehouse

FIRST = date(2025, 1, 1)
Rows = list[dict[str, Any]]


def row(day: date, user: str = "u", hour: int = 12, **change: Any) -> dict[str, Any]:
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return {"user_id": user, "item_id": "i", "event_type": "view", "occurred_at": moment, **change}


def after(days: int) -> date:
    return FIRST + timedelta(days=days)


@pytest.fixture
def landing(tmp_path: Path) -> LandingZone:
    return LandingZone(tmp_path / "landing")


@pytest.fixture
def source(tmp_path: Path) -> Callable[[Rows], Path]:
    """Writes events and a catalogue of one item as Parquet."""

    def write(events: Rows) -> Path:
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(events), folder / "events.parquet")
        pq.write_table(pa.table({"item_id": ["i"], "category": ["cats"]}), folder / "items.parquet")
        return folder

    return write


def users_of(landing: LandingZone, day: date) -> list[str]:
    folder = landing.day_folder("events", day)
    return sorted(pq.read_table(folder / HISTORY_FILE)["user_id"].to_pylist())


def files_of(landing: LandingZone) -> dict[str, bytes]:
    return {
        str(path.relative_to(landing.folder)): path.read_bytes() for path in landing.folder.rglob("*") if path.is_file()
    }


def test_a_year_is_split_by_event_date_and_each_day_arrives_the_day_after(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings
) -> None:
    events = [row(after(day), f"u{day}-{n}", hour=n * 8) for day in range(365) for n in range(3)]
    random.Random(1).shuffle(events)
    dates = land_history(source(events), landing, settings)
    assert dates == [after(day) for day in range(365)]
    assert landing.ready_days("events") == [after(day + 1) for day in range(365)]
    for day in (0, 1, 58, 59, 364):
        assert users_of(landing, after(day + 1)) == [f"u{day}-{n}" for n in range(3)]


def test_days_without_events_get_an_empty_closed_delivery(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings
) -> None:
    dates = land_history(source([row(after(0)), row(after(3))]), landing, settings)
    assert dates == [after(day) for day in range(4)]
    for day in (2, 3):
        assert [path.name for path in landing.day_folder("events", after(day)).iterdir()] == [MARKER]
        assert landing.is_ready("events", after(day))
        assert not landing.has_files("events", after(day))


def test_the_business_timezone_decides_the_day(
    source: Callable[[Rows], Path], landing: LandingZone, settings_with: Callable[..., RecommenderSettings]
) -> None:
    late_in_utc = [row(after(0), hour=20)]
    tokyo = settings_with(business={"timezone": "Asia/Tokyo"})
    assert land_history(source(late_in_utc), landing, tokyo) == [after(1)]


def test_rows_with_unreadable_times_arrive_last_and_end_in_quarantine(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings, warehouse: LocalWarehouse
) -> None:
    times = [f"{after(0)}T10:00:00Z", f"{after(2)} 10:00", "the other day", "", None]
    dates = land_history(
        source([row(FIRST, f"u{n}", occurred_at=time) for n, time in enumerate(times)]), landing, settings
    )
    assert users_of(landing, after(3)) == ["u1", "u2", "u3", "u4"]
    ingest_dates(warehouse, landing, settings, dates, after(3))
    assert sorted(warehouse.read(EVENTS)["user_id"].to_pylist()) == ["u0", "u1"]
    refused = warehouse.read(QUARANTINED_ROWS).to_pylist()
    assert [row["reason"] for row in refused] == ["occurred_at_unreadable"] * 3
    assert {row["arrival_date"] for row in refused} == {after(3)}


def test_rows_of_times_that_cannot_be_arrive_last_and_end_in_quarantine(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings, warehouse: LocalWarehouse
) -> None:
    """A year mistyped makes no deliveries of the centuries between."""
    times = [f"{after(0)}T10:00:00Z", "2926-03-01T10:00:00Z", "20260-03-01T10:00:00Z", "-0044-03-15", "infinity"]
    rows = [row(FIRST, f"u{n}", occurred_at=time) for n, time in enumerate(times)]
    dates = land_history(source(rows), landing, settings)
    assert dates == [after(0)]
    ingest_dates(warehouse, landing, settings, dates, after(1))
    assert warehouse.read(EVENTS)["user_id"].to_pylist() == ["u0"]
    refused = [
        (json.loads(row["landed_row"])["user_id"], row["reason"])
        for row in warehouse.read(QUARANTINED_ROWS).to_pylist()
    ]
    others = [(user_id, "occurred_at_unreadable") for user_id in ("u2", "u3", "u4")]
    assert sorted(refused) == [("u1", "dated_after_arrival"), *others]


def test_the_catalogue_counts_from_the_first_event_date(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings, warehouse: LocalWarehouse
) -> None:
    dates = land_history(source([row(after(0)), row(after(5))]), landing, settings)
    assert landing.ready_days("items") == [after(0)]
    ingest_dates(warehouse, landing, settings, dates, after(6))
    assert warehouse.read(ITEMS).select(["snapshot_date", "item_id"]).to_pylist() == [
        {"snapshot_date": after(0), "item_id": "i"}
    ]


def test_rule_3_landing_the_same_source_again_gives_the_same_files(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings
) -> None:
    folder = source([row(after(day % 7), f"u{day}") for day in range(50)])
    first = land_history(folder, landing, settings)
    files = files_of(landing)
    assert land_history(folder, landing, settings) == first
    assert files_of(landing) == files


def test_a_csv_source_is_as_good_as_parquet(
    landing: LandingZone, settings: RecommenderSettings, warehouse: LocalWarehouse, tmp_path: Path
) -> None:
    def write(name: str, header: Sequence[str], *rows: Sequence[str]) -> None:
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    header = ["user_id", "item_id", "event_type", "occurred_at", "value"]
    write("events.csv", header, ["007", "01", "view", f"{FIRST}T10:00:00+00:00", "2.5"])
    write("items.csv", ["item_id"], ["01"])
    dates = land_history(tmp_path, landing, settings)
    ingest_dates(warehouse, landing, settings, dates, after(1))
    (found,) = warehouse.read(EVENTS).to_pylist()
    assert (found["user_id"], found["event_date"], found["value"]) == ("007", FIRST, 2.5)
    assert warehouse.read(ITEMS)["item_id"].to_pylist() == ["01"]


@pytest.mark.parametrize("theirs", ["ts", "event_date", "arrival", 'a "quoted" name'])
def test_the_time_may_have_any_column_name(
    source: Callable[[Rows], Path],
    landing: LandingZone,
    settings_with: Callable[..., RecommenderSettings],
    warehouse: LocalWarehouse,
    theirs: str,
) -> None:
    events = [{**row(after(day)), "time": None, theirs: row(after(day))["occurred_at"]} for day in (0, 1)]
    for event in events:
        del event["occurred_at"]
    mapped = settings_with(ingest={"event_columns": {"occurred_at": theirs}})
    dates = land_history(source(events), landing, mapped)
    assert dates == [after(0), after(1)]
    ingest_dates(warehouse, landing, mapped, dates, after(2))
    assert sorted(warehouse.read(EVENTS)["event_date"].to_pylist()) == dates


@pytest.mark.parametrize("theirs", ["event_date", "last_date", "arrival"])
def test_a_column_of_the_source_is_never_taken_for_one_of_ours(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings, theirs: str
) -> None:
    events = [row(after(day), **{theirs: "1999-01-01"}) for day in (0, 1)]
    assert land_history(source(events), landing, settings) == [after(0), after(1)]
    assert pq.ParquetFile(landing.day_folder("events", after(1)) / HISTORY_FILE).read()[theirs].to_pylist() == [
        "1999-01-01"
    ]


def test_a_missing_file_is_named_with_what_lies_there(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings, tmp_path: Path
) -> None:
    folder = source([row(FIRST)])
    (folder / "items.parquet").rename(folder / "products.parquet")
    with pytest.raises(LandedDataError, match=r"items\.parquet.*(?s:.*)events\.parquet, products\.parquet"):
        land_history(folder, landing, settings)
    with pytest.raises(LandedDataError, match="no such folder"):
        land_history(tmp_path / "nowhere", landing, settings)


def test_a_missing_time_column_is_explained_and_leaves_nothing_behind(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings
) -> None:
    events = [{name: value for name, value in row(FIRST).items() if name != "occurred_at"}]
    with pytest.raises(LandedDataError, match="event_columns"):
        land_history(source(events), landing, settings)
    assert list(landing.folder.iterdir()) == []


def test_a_history_is_split_within_the_limits_of_the_settings(
    source: Callable[[Rows], Path],
    landing: LandingZone,
    settings_with: Callable[..., RecommenderSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Any, ...]] = []
    split = history._split

    def watched(connection: duckdb.DuckDBPyConnection, *arguments: Any) -> None:
        names = ("memory_limit", "threads", "temp_directory")
        asked.append(
            connection.sql(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}").fetchall()[0]
        )
        split(connection, *arguments)

    monkeypatch.setattr(history, "_split", watched)
    settings = settings_with(storage={"memory_limit": "64MB", "threads": 1})
    land_history(source([row(FIRST)]), landing, settings)
    assert asked == [("61.0 MiB", 1, str(settings.storage.spill_folder))]


def test_a_history_that_needs_more_memory_than_the_limit_is_no_bad_file(
    source: Callable[[Rows], Path], landing: LandingZone, settings_with: Callable[..., RecommenderSettings]
) -> None:
    little = settings_with(storage={"memory_limit": "1MB"})
    with pytest.raises(
        SettingsError, match=rf"storage.memory_limit = 1MB(?s:.*){little.storage.spill_folder}(?s:.*)Out of Memory"
    ):
        land_history(source([row(after(n % 30), f"u{n}") for n in range(2000)]), landing, little)
    assert list(landing.folder.iterdir()) == []


@pytest.mark.parametrize(("damaged", "expected"), [(False, TransientError), (True, LandedDataError)])
def test_a_full_disk_is_no_bad_file_but_a_bad_file_is(
    source: Callable[[Rows], Path],
    landing: LandingZone,
    settings: RecommenderSettings,
    monkeypatch: pytest.MonkeyPatch,
    damaged: bool,
    expected: type[Exception],
) -> None:
    """Of both DuckDB says IOException."""
    folder = source([row(FIRST)])
    if damaged:
        file = folder / "events.parquet"
        file.write_bytes(file.read_bytes()[:-9])

    def fail(*_: object) -> None:
        raise duckdb.IOException("Could not write file: No space left on device")

    monkeypatch.setattr(history, "_split", fail)
    with pytest.raises(expected, match="No space left"):
        land_history(folder, landing, settings)
    assert list(landing.folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told_as_such(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings
) -> None:
    landing.folder.touch()
    with pytest.raises(TransientError, match=f"can be read and written(?s:.*){landing.folder}"):
        land_history(source([row(FIRST)]), landing, settings)


def test_a_file_that_may_not_be_read_is_no_bad_file(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = source([row(FIRST)])

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(tmp_path), "open", refuse)
    with pytest.raises(TransientError, match=r"Permission denied(?s:.*)events\.parquet"):
        land_history(folder, landing, settings)


@pytest.mark.parametrize("events", [[], [row(FIRST, occurred_at="some day")]], ids=["no rows", "no readable time"])
def test_a_source_without_a_single_readable_time_is_refused(
    source: Callable[[Rows], Path], landing: LandingZone, settings: RecommenderSettings, events: Rows
) -> None:
    folder = source([row(FIRST, occurred_at="some day")])
    if not events:
        table = pq.read_table(folder / "events.parquet")
        pq.write_table(table.schema.empty_table(), folder / "events.parquet")
    with pytest.raises(LandedDataError, match="occurred_at"):
        land_history(folder, landing, settings)


def test_a_landing_zone_is_taken_as_it_is(tmp_path: Path) -> None:
    source, target = LandingZone(tmp_path / "source"), LandingZone(tmp_path / "target")
    for kind, day in (("events", date(2026, 1, 2)), ("items", date(2026, 1, 1))):
        folder = source.day_folder(kind, day)
        folder.mkdir(parents=True)
        (folder / "part.csv").write_text("item_id\ni1\n")
        (folder / "_SUCCESS").touch()
    assert land_history(source.folder, target, RecommenderSettings()) == [date(2026, 1, 1)]
    assert target.is_ready("items", date(2026, 1, 1))
    (source.day_folder("events", date(2026, 1, 2)) / "_SUCCESS").unlink()
    with pytest.raises(LandedDataError, match="marker"):
        land_history(source.folder, LandingZone(tmp_path / "other"), RecommenderSettings())
