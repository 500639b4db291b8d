"""The landing zone on disk."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.demo.errors import DemoError
from include.demo.landing_folder import write_closed
from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService
from include.demo.simulator import simulate_days

SMALL = {"start": date(2026, 10, 5), "users": 200, "items": 100, "events_per_day": 600}


def _small(days: int, **changes: Any) -> PhotoService:
    return PhotoService(days=days, **{**SMALL, **changes})


def _contents(landing: Path) -> dict[str, bytes]:
    return {str(path.relative_to(landing)): path.read_bytes() for path in landing.rglob("*") if path.is_file()}


def test_each_arrival_date_has_events_items_and_markers(landing: Path) -> None:
    expected = {
        f"{folder}/2026-10-{day:02d}/{name}"
        for folder, file in (("events", "part-000.parquet"), ("items", "items.parquet"))
        for day in range(6, 11)
        for name in (file, "_SUCCESS")
    }
    assert set(_contents(landing)) == expected


def test_files_hold_what_was_simulated(landing: Path) -> None:
    for day in simulate_days(_small(5)):
        events, items = landing / "events" / str(day.arrival_date), landing / "items" / str(day.arrival_date)
        assert pq.ParquetFile(events / "part-000.parquet").read().equals(day.delivered)
        assert pq.ParquetFile(items / "items.parquet").read().equals(day.items)


def test_writing_twice_gives_the_same_files(landing: Path) -> None:
    before = _contents(landing)
    write_landing_zone(_small(5), landing)
    assert _contents(landing) == before


def test_adding_a_day_writes_only_its_folders(landing: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in landing.rglob("*") if path.is_file()}
    summary = write_landing_zone(_small(6), landing, first_arrival=date(2026, 10, 11))
    assert summary.days == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(_contents(landing)) == len(before) + 4


def test_an_added_day_is_the_day_of_a_longer_run(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    longer = tmp_path_factory.mktemp("longer")
    write_landing_zone(_small(6), longer)
    write_landing_zone(_small(6), landing, first_arrival=date(2026, 10, 11))
    assert _contents(landing) == _contents(longer)


def test_writing_again_repairs_a_folder(landing: Path) -> None:
    before = _contents(landing)
    folder = landing / "events" / "2026-10-08"
    (folder / "part-000-again.parquet").write_bytes((folder / "part-000.parquet").read_bytes())
    (folder / "part-000.parquet").write_bytes(b"broken")
    write_landing_zone(_small(5), landing)
    assert _contents(landing) == before


def test_the_summary_and_the_progress_count_what_was_written(tmp_path: Path) -> None:
    seen: list[date] = []
    summary = write_landing_zone(_small(3), tmp_path, seen.append)
    rows = sum(pq.read_metadata(file).num_rows for file in tmp_path.glob("events/*/*.parquet"))
    assert seen == [date(2026, 10, 6), date(2026, 10, 7), date(2026, 10, 8)]
    assert (summary.days, summary.events) == (3, rows)
    assert summary.items == pq.read_metadata(tmp_path / "items/2026-10-08/items.parquet").num_rows
    assert summary.users >= 200


def test_a_broken_off_write_leaves_the_old_file_and_no_marker(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = landing / "events" / "2026-10-08"
    before = (folder / "part-000.parquet").read_bytes()

    def break_off(_: pa.Table, partial: Path, **__: object) -> None:
        partial.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", break_off)
    with pytest.raises(OSError, match="disk full"):
        write_closed(folder, "part-000.parquet", pa.table({}))
    assert {path.name for path in folder.iterdir()} == {"part-000.parquet"}
    assert (folder / "part-000.parquet").read_bytes() == before


def test_a_first_arrival_after_the_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="Expected: a first arrival date up to 2026-10-10"):
        write_landing_zone(_small(5), tmp_path, first_arrival=date(2026, 10, 11))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("days", 0),
        ("users", 0),
        ("events_per_day", 0),
        ("views_per_session", 0.5),
        ("seed", -1),
        ("late_share", 1.1),
        ("revisit_share", -0.1),
        ("categories", ()),
        ("categories", ("cat", "cat")),
    ],
)
def test_impossible_settings_are_refused(name: str, value: Any) -> None:
    with pytest.raises(DemoError, match=name) as refused:
        PhotoService(**{name: value})
    assert refused.value.expected
    assert refused.value.next_step
