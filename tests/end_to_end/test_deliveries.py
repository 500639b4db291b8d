"""Deliveries that are late, double, added to or missing do what docs/faults.md says."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from include.demo.landing_folder import events_folder
from include.demo.landing_writer import write_landing_zone
from include.recommender.tables import EVENTS
from include.recommender.workspace import open_recommender
from include.retraining.content_hash import content_hash
from include.retraining.run import Run
from include.retraining.tables import QUARANTINED_ROWS
from tests.end_to_end.days import contents
from tests.end_to_end.faults_page import rows_of_the_page
from tests.end_to_end.test_faults import (
    airflow_home,  # noqa: F401 (a fixture)
    assert_readers_see,
    before,  # noqa: F401 (a fixture)
    run_the_day,
    verdict_and_failed_checks,
    where_it_ended,
)
from tests.simulated_home import DAY_BEFORE, LAST_ARRIVAL, SMALL_SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.test_faults import Recommender, State

pytestmark = pytest.mark.integration
TABLE = rows_of_the_page("## Deliveries that are late, double, added to or missing")
NEXT_DAY = LAST_ARRIVAL + timedelta(days=1)
MARK = "late-"  # event ids of rows that a case adds start with it
ADDED = 20
SHARE = 0.02


@pytest.fixture
def workspace(home: Path) -> Recommender:
    """A home whose last delivery is still to be run."""
    return open_recommender()


@pytest.fixture(scope="session")
def events_of_an_undisturbed_day(undisturbed_home: Path) -> str:
    """The content of `events` after an undisturbed last day."""
    return contents(undisturbed_home)[EVENTS.name]


def part(home: Path, day: date) -> Path:
    (file,) = events_folder(home / "landing", day).glob("*.parquet")
    return file


def add(home: Path, day: date, count: int, days_ago: int, name: str = "late.parquet") -> None:
    """Copies of the first rows of a delivery, with ids of their own, from so many days before it."""
    rows = pq.read_table(part(home, day)).slice(0, count)
    noon = datetime.combine(day - timedelta(days=days_ago), time(12), UTC)
    values = {"event_id": [f"{MARK}{number}" for number in range(count)], "occurred_at": [noon] * count}
    for column, changed in values.items():
        field = rows.schema.field(column)
        rows = rows.set_column(rows.schema.get_field_index(column), field, pa.array(changed, field.type))
    pq.write_table(rows, events_folder(home / "landing", day) / name)


def late_events(home: Path) -> None:
    add(home, LAST_ARRIVAL, ADDED, days_ago=4)


def too_late_events(home: Path) -> None:
    rows = pq.read_table(part(home, LAST_ARRIVAL)).num_rows
    add(home, LAST_ARRIVAL, round(rows * SHARE), days_ago=9)


def delivery_repeated(home: Path) -> None:
    again = events_folder(home / "landing", LAST_ARRIVAL) / "again.parquet"
    again.write_bytes(part(home, DAY_BEFORE).read_bytes())


def half_a_gz(home: Path) -> None:
    file = part(home, LAST_ARRIVAL)
    text = file.with_suffix(".csv")
    pacsv.write_csv(pq.read_table(file), text)
    whole = gzip.compress(text.read_bytes())
    file.with_suffix(".csv.gz").write_bytes(whole[: len(whole) // 2])
    text.unlink()
    file.unlink()


def added_in_time(home: Path) -> None:
    add(home, DAY_BEFORE, ADDED, days_ago=1, name="added.parquet")


def added_too_late(home: Path) -> None:
    add(home, LAST_ARRIVAL - timedelta(days=8), ADDED, days_ago=1, name="added.parquet")


def day_skipped(home: Path) -> None:
    """Of two days one comes: the delivery of the last day is withheld, that of the next one is there."""
    write_landing_zone(replace(SMALL_SERVICE, days=SMALL_SERVICE.days + 1), home / "landing", first_arrival=NEXT_DAY)
    events_folder(home / "landing", LAST_ARRIVAL).rename(home / "withheld")


CASES: dict[str, Callable[[Path], None]] = {
    case.__name__: case
    for case in (
        late_events, too_late_events, delivery_repeated, half_a_gz, added_in_time, added_too_late, day_skipped,
    )
}  # fmt: skip


def test_the_page_tells_of_every_case_and_of_no_other() -> None:
    assert set(TABLE) == set(CASES), "each row of docs/faults.md needs a case here, and each case a row there"


@pytest.mark.parametrize("case", CASES)
def test_a_case_does_what_the_page_says(
    case: str,
    home: Path,
    workspace: Recommender,
    before: State,  # noqa: F811
    events_of_an_undisturbed_day: str,
) -> None:
    page, day = TABLE[case], NEXT_DAY if case == "day_skipped" else LAST_ARRIVAL
    CASES[case](home)
    error = run_the_day(workspace, Run(day, f"with {case}", "backtest"))
    assert where_it_ended(error) == page.ends_in, error
    assert verdict_and_failed_checks(workspace, day) == (page.verdict, page.failed_checks)
    assert_readers_see(page.readers_see, workspace, before[1], day)
    assert_quarantined(workspace, page.quarantined)
    assert_events(case, workspace, events_of_an_undisturbed_day)


def assert_quarantined(workspace: Recommender, quarantined: tuple[float, str] | None) -> None:
    """Of the rows that a case adds; all others are like any other day's."""
    rows = workspace.warehouse.read(QUARANTINED_ROWS, {"arrival_date": LAST_ARRIVAL}).to_pylist()
    added = [row["reason"] for row in rows if MARK in row["landed_row"]]
    assert set(added) == ({quarantined[1]} if quarantined else set())
    assert bool(added) == bool(quarantined)


def assert_events(case: str, workspace: Recommender, undisturbed: str) -> None:
    """What became of the rows that a case adds; without any, `events` is that of an undisturbed day."""
    rows = workspace.warehouse.read(EVENTS)
    added = rows.filter(pc.starts_with(pc.fill_null(rows["event_id"], ""), MARK))
    expected = {
        "late_events": (ADDED, LAST_ARRIVAL - timedelta(days=4)),
        "added_in_time": (ADDED, DAY_BEFORE - timedelta(days=1)),
    }
    if case in expected:
        assert (added.num_rows, added["event_date"][0].as_py()) == expected[case]
        return
    assert added.num_rows == 0
    if case in ("too_late_events", "delivery_repeated", "added_too_late"):
        assert content_hash(EVENTS, rows) == undisturbed


def test_a_skipped_day_is_taken_in_by_the_next_run_once_it_comes(home: Path, workspace: Recommender) -> None:
    day_skipped(home)
    assert where_it_ended(run_the_day(workspace))[0] == "wait_for_events"
    assert run_the_day(workspace, Run(NEXT_DAY, "without the day before", "backtest")) is None
    # Late rows of that delivery, of earlier dates, came in with a run that rebuilt those dates.
    missing = {"arrival_date": LAST_ARRIVAL, "event_date": DAY_BEFORE}
    assert workspace.warehouse.read(EVENTS, missing).num_rows == 0
    (home / "withheld").rename(events_folder(home / "landing", LAST_ARRIVAL))
    assert run_the_day(workspace, Run(NEXT_DAY, "with it", "backtest")) is None
    assert workspace.warehouse.read(EVENTS, missing).num_rows > 0


def test_a_delivery_added_to_too_late_is_taken_in_when_its_date_is_triggered(
    home: Path, workspace: Recommender
) -> None:
    added_too_late(home)
    day = LAST_ARRIVAL - timedelta(days=8)
    assert run_the_day(workspace, Run(day, "again", "manual", publish="stage_only", train="skip")) is None
    rows = workspace.warehouse.read(EVENTS, {"arrival_date": day})
    assert pc.sum(pc.starts_with(pc.fill_null(rows["event_id"], ""), MARK)).as_py() == ADDED
