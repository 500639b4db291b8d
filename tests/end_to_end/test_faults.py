"""Every fault does what docs/faults.md says, and is repaired by delivering and running the day again."""

from __future__ import annotations

import json
import os
import re
import traceback
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from include.demo.faults import describe_faults, inject
from include.demo.landing_folder import events_folder, items_folder
from include.demo.landing_writer import write_landing_zone
from include.recommender import pipeline
from include.recommender.backtest import run_day
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import EVENTS, ITEMS, PUBLISHED_TABLES
from include.recommender.workspace import open_recommender
from include.retraining.errors import HigawariError, LandedDataError
from include.retraining.quality.privacy import EMAIL
from include.retraining.quality.verdict import read_results, verdict_of
from include.retraining.run import Run
from include.retraining.tables import (
    DATA_QUALITY_RESULTS,
    PROMOTION_DECISIONS,
    PUBLICATION_SWITCHES,
    PUBLICATIONS,
    QUARANTINED_ROWS,
)
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.workspace import Workspace
from tests.end_to_end.days import Seen, contents, everything_seen
from tests.end_to_end.faults_page import rows_of_the_page
from tests.simulated_home import LAST_ARRIVAL, SMALL_SERVICE

pytestmark = pytest.mark.integration
Recommender = Workspace[RecommenderSettings]
State = tuple[dict[str, str], list[Seen]]  # the content of every table, and what readers get
RUN = Run(LAST_ARRIVAL, "with a fault", "backtest")
TICK = datetime(LAST_ARRIVAL.year, LAST_ARRIVAL.month, LAST_ARRIVAL.day, 3, tzinfo=UTC)
DUE = TICK + timedelta(minutes=RecommenderSettings().ingest.wait_for_events_minutes)
EMAIL_ADDRESS = re.compile(EMAIL)
HARMLESS = {"duplicate_file"}  # a day with it is like any other, to the last row
# Where a day was published with its fault, these tell of it for ever, and compare what followed with it.
KEPT_AFTER_PUBLISHING = {
    table.name
    for table in (
        *PUBLISHED_TABLES, PUBLICATIONS, PUBLICATION_SWITCHES, PROMOTION_DECISIONS, DATA_QUALITY_RESULTS,
    )
}  # fmt: skip
# What a day takes in decides all that follows (rule 3), so after the repair one day that stopped, and two that were
# published with their fault, are run to the end, and of the others these tables are compared.
TAKEN_IN = [table.name for table in (EVENTS, ITEMS, QUARANTINED_ROWS)]
RUN_TO_THE_END = {"null_users", "viral_item", "stale_items"}

PAGE = rows_of_the_page("## One damaged delivery")


@pytest.fixture(autouse=True)
def airflow_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sensor imports Airflow, which makes a home at once: not in the user's folder."""
    if "AIRFLOW_HOME" not in os.environ:
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))


@pytest.fixture(scope="session")
def before(ready_home: Path) -> State:
    """The content of every table before the last day, and what readers get."""
    return contents(ready_home), everything_seen(LocalWarehouse(ready_home / "warehouse", ready_home / "spill"))


@pytest.fixture(scope="session")
def undisturbed(undisturbed_home: Path) -> State:
    """The same after an undisturbed last day."""
    warehouse = LocalWarehouse(undisturbed_home / "warehouse", undisturbed_home / "spill")
    return contents(undisturbed_home), everything_seen(warehouse)


def test_the_page_tells_of_every_fault_and_of_no_other() -> None:
    assert {fault: row.arrives for fault, row in PAGE.items()} == describe_faults()


@pytest.mark.parametrize("fault", describe_faults())
def test_a_fault_does_what_the_page_says_and_is_repaired(
    fault: str, home: Path, ready_home: Path, before: State, undisturbed: State
) -> None:
    page = PAGE[fault]
    inject(home / "landing", fault, LAST_ARRIVAL)
    workspace = open_recommender()
    error = run_the_day(workspace)

    assert where_it_ended(error) == page.ends_in, error
    assert verdict_and_failed_checks(workspace) == (page.verdict, page.failed_checks)
    if page.verdict != "none":
        assert_no_row_is_lost(home, workspace, page.quarantined)
    assert_readers_see(page.readers_see, workspace, before[1])
    assert_names_no_people(home, ready_home, error)
    if fault in HARMLESS:
        assert contents(home) == undisturbed[0]

    deliver_again(home, ready_home)
    if page.verdict == "none":
        # Not a row was written: with its delivery as it should be, this is an undisturbed day from here on.
        assert contents(home) == before[0]
        return
    if fault not in RUN_TO_THE_END:
        pipeline.ingest(RUN, workspace)
        now = contents(home)
        assert {name: now[name] for name in TAKEN_IN} == {name: undisturbed[0][name] for name in TAKEN_IN}
        return
    run_day(RUN, workspace)
    assert everything_seen(workspace.warehouse) == undisturbed[1]
    kept = KEPT_AFTER_PUBLISHING if page.ends_in == () else set()
    assert without(kept, contents(home)) == without(kept, undisturbed[0])


def test_a_wait_ends_in_an_error_when_the_delivery_is_overdue_and_not_before(home: Path) -> None:
    inject(home / "landing", "half_copied_day", LAST_ARRIVAL)
    workspace = open_recommender()
    wait_until(workspace, DUE - timedelta(minutes=1))
    with pytest.raises(LandedDataError, match=r"part-000\.parquet"):
        wait_until(workspace, DUE)


def test_a_type_that_is_not_among_the_declared_ones_is_turned_away(
    home: Path, before: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAWARI_INGEST__ALLOWED_EVENT_TYPES", '["view", "like"]')
    inject(home / "landing", "unknown_event_type", LAST_ARRIVAL)
    types = [
        name for file in events_folder(home / "landing", LAST_ARRIVAL).glob("*.parquet") for name in types_of(file)
    ]
    workspace = open_recommender()
    assert where_it_ended(run_the_day(workspace)) == ("decide_data_verdict", "DataStopError")
    assert_no_row_is_lost(home, workspace, (Fraction(types.count("hover"), len(types)), "event_type_unknown"))
    assert everything_seen(workspace.warehouse) == before[1]


def test_a_few_e_mail_addresses_are_kept_as_hashes_and_the_day_is_published(home: Path, ready_home: Path) -> None:
    inject(home / "landing", "email_as_user_id", LAST_ARRIVAL, share=0.02)
    assert any(names_people(file) for file in events_folder(home / "landing", LAST_ARRIVAL).glob("*.parquet"))
    workspace = open_recommender()
    assert run_the_day(workspace) is None
    assert verdict_and_failed_checks(workspace) == ("warn", {"events.quarantined.many"})
    assert_no_row_is_lost(home, workspace, (0.02, "user_id_looks_personal"))
    assert_names_no_people(home, ready_home, None)


def run_the_day(workspace: Recommender, run: Run = RUN) -> HigawariError | None:
    """Wait for the delivery and run the day, as the DAG does: the error that ended it."""
    try:
        if not pipeline.wait_for_events(run, workspace):
            wait_until(workspace, DUE)
        run_day(run, workspace)
    except HigawariError as error:
        return error
    return None


def wait_until(workspace: Recommender, now: datetime) -> None:
    """The sensor has found no delivery, and it is now."""
    from include.retraining.airflow_steps import refuse_to_wait_longer

    refuse_to_wait_longer(RUN, workspace, SimpleNamespace(logical_date=TICK, run_after=TICK), now)


def where_it_ended(error: HigawariError | None) -> tuple[str, ...]:
    """The step that failed, and the class of its error; nothing where none did."""
    if error is None:
        return ()
    frames = traceback.extract_tb(error.__traceback__)
    steps = [frame.name for frame in frames if Path(frame.filename).samefile(pipeline.__file__)]
    return (steps or ["wait_for_events"])[0], type(error).__name__


def verdict_and_failed_checks(workspace: Recommender, day: date = LAST_ARRIVAL) -> tuple[str, set[str]]:
    """Of the inputs; and the critical and warning checks of the whole day that failed."""
    results = workspace.warehouse.read(DATA_QUALITY_RESULTS, {"as_of_date": day}).to_pylist()
    failed = {row["check_name"] for row in results if row["outcome"] != "passed" and row["severity"] != "info"}
    return verdict_of(read_results(workspace.warehouse, day, "inputs")) if results else "none", failed


def types_of(file: Path) -> list[str]:
    types: list[str] = pq.read_table(file)["event_type"].to_pylist()
    return types


def assert_no_row_is_lost(home: Path, workspace: Recommender, quarantined: tuple[float | Fraction, str] | None) -> None:
    """Each landed row is accepted, in quarantine, or the copy of an accepted event."""
    files = events_folder(home / "landing", LAST_ARRIVAL).glob("*.parquet")
    landed = Counter(event_id for file in files for event_id in pq.read_table(file)["event_id"].to_pylist())
    where = {"arrival_date": LAST_ARRIVAL, "source": "events"}
    in_quarantine = workspace.warehouse.read(QUARANTINED_ROWS, where).to_pylist()
    refused = Counter(json.loads(row["landed_row"])["event_id"] for row in in_quarantine)
    events = workspace.warehouse.read(EVENTS, columns=["event_id", "arrival_date"]).to_pylist()
    accepted = [row["event_id"] for row in events if row["arrival_date"] == LAST_ARRIVAL]
    earlier = {row["event_id"] for row in events if row["arrival_date"] < LAST_ARRIVAL}
    assert refused <= landed
    assert sorted(accepted) == sorted({*(landed - refused)} - earlier)
    share, reason = quarantined or (0, "")
    expected = {reason: ceil(share * landed.total())} if quarantined else {}
    assert Counter(row["reason"] for row in in_quarantine) == expected


def assert_readers_see(what: str, workspace: Recommender, lists_before: list[Seen], day: date = LAST_ARRIVAL) -> None:
    """Exactly what they saw before, or all of the publication of the day."""
    seen = everything_seen(workspace.warehouse)
    if what == "the lists before":
        assert seen == lists_before
        return
    assert what == "the new lists"
    (current,) = {publication_id for each in seen for publication_id in each.publication_ids}
    assert current.startswith(str(day))
    (publication,) = workspace.warehouse.read(PUBLICATIONS, {"publication_id": current}).to_pylist()
    counts = json.loads(publication["row_counts"])
    assert {each.name: each.rows for each in seen if each.name in counts} == counts


def assert_names_no_people(home: Path, ready_home: Path, error: HigawariError | None) -> None:
    """No e-mail address in the error, nor in any file that the day wrote to the warehouse."""
    assert not EMAIL_ADDRESS.search(str(error))
    old = {file.relative_to(ready_home) for file in (ready_home / "warehouse").rglob("*")}
    written = [file for file in (home / "warehouse").rglob("*.*") if file.relative_to(home) not in old]
    assert [file for file in written if file.is_file() and names_people(file)] == []


def names_people(file: Path) -> bool:
    """Whether a data file of any version, or a log of one, holds an e-mail address in a text column."""
    if file.suffix != ".parquet":
        # Word by word: the metric ndcg@10 is no address, whatever stands after it.
        return any(EMAIL_ADDRESS.search(word) for word in re.split(r'[\\"]+', file.read_text(encoding="utf-8")))
    with pq.ParquetFile(file) as parquet:
        return EMAIL_ADDRESS.search(json.dumps(parquet.read().to_pylist(), default=str)) is not None


def deliver_again(home: Path, ready_home: Path) -> None:
    """The last delivery as it should have been, to the byte."""
    write_landing_zone(SMALL_SERVICE, home / "landing", first_arrival=LAST_ARRIVAL)
    for folder in (events_folder, items_folder):
        delivered, original = folder(home / "landing", LAST_ARRIVAL), folder(ready_home / "landing", LAST_ARRIVAL)
        assert _bytes_in(delivered) == _bytes_in(original)


def without(kept: set[str], of_tables: dict[str, str]) -> dict[str, str]:
    return {name: content for name, content in of_tables.items() if name not in kept}


def _bytes_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
