"""Rule 5 through a real scheduler: backfills of older dates, in whatever order, and cleared old runs move nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from include.demo.landing_writer import write_landing_zone
from include.embedded.components import start, stop
from include.recommender.settings import SURFACES
from include.recommender.tables import PUBLISHED_TABLES
from include.retraining.publication.reader import read_publication
from include.retraining.publication.stage import publication_hash
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import PROMOTION_DECISIONS, PUBLICATIONS
from include.retraining.warehouse.local import LocalWarehouse
from tests.end_to_end.days import champions, everything_seen, run_day_at
from tests.ports import free_port
from tests.simulated_home import environment_of, small_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from include.embedded.rest import AirflowClient, DagRun
    from tests.end_to_end.conftest import RunElsewhere

pytestmark = [pytest.mark.long, pytest.mark.timeout(2400)]
DAG_ID = "recommender_daily"
SECONDS = 1200
# The date of the last 03:00, which the scheduler runs by itself once the DAG is unpaused.
NEWEST = (datetime.now(UTC) - timedelta(hours=3)).date()
WEEK = [NEWEST - timedelta(days=days) for days in range(7, 0, -1)]
NEVER_RUN = NEWEST - timedelta(days=8)
OLDER = [NEVER_RUN, *WEEK[:2]]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Production:
    """What rule 5 protects; and the record of decisions, which only grows."""

    switches: list[tuple[str, str, str]]
    seen: list[Any]
    champions: dict[str, str]
    decisions: Rows

    @classmethod
    def of(cls, home: Path) -> Production:
        """Read it from a home."""
        warehouse = warehouse_of(home)
        moves = [(s.from_publication_id, s.to_publication_id, s.kind) for s in read_switch_log(warehouse).switches]
        decisions = warehouse.read(PROMOTION_DECISIONS).to_pylist()
        return cls(moves, everything_seen(warehouse), champions(home), decisions)


def warehouse_of(home: Path) -> LocalWarehouse:
    return LocalWarehouse(home / "warehouse", home / "spill")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, run_elsewhere: RunElsewhere) -> Path:
    """Forty days of deliveries until the newest date, and a week of publications until the date before."""
    home = tmp_path_factory.mktemp("home")
    (home / "mlflow").mkdir()
    write_landing_zone(small_service(until=NEWEST), home / "landing")
    for day in WEEK:
        assert run_elsewhere(run_day_at, home, day) == 0
    return home


@pytest.fixture(scope="module")
def undisturbed(home: Path, tmp_path_factory: pytest.TempPathFactory, run_elsewhere: RunElsewhere) -> Path:
    """The same home on the newest date, where nobody ever backfilled."""
    copy = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(home, copy)
    assert run_elsewhere(run_day_at, copy, NEWEST) == 0
    return copy


@pytest.fixture(scope="module")
def before(home: Path) -> tuple[Production, Rows]:
    """Production and the publications before any backfill."""
    return Production.of(home), warehouse_of(home).read(PUBLICATIONS).to_pylist()


@pytest.fixture(scope="module")
def airflow(home: Path, undisturbed: Path, before: tuple[Production, Rows]) -> Iterator[AirflowClient]:
    """One Airflow for this suite, over that week."""
    try:
        client = start(home, free_port(), environment_of(home))
        client.wait_for_dag(DAG_ID)
        yield client
    finally:
        stop(home)


@pytest.fixture(scope="module")
def forward(airflow: AirflowClient) -> tuple[list[DagRun], DagRun]:
    """All runs of the older dates, oldest first; beside them the scheduled run of the newest date."""
    older = backfill(airflow, run_backwards=False)
    airflow.unpause(DAG_ID)
    older = airflow.wait_for_runs(DAG_ID, [run.run_id for run in older], SECONDS)
    (newest,) = [run for run in airflow.dag_runs(DAG_ID) if run.run_type == "scheduled"]
    return older, airflow.wait_for_runs(DAG_ID, [newest.run_id], SECONDS)[0]


@pytest.fixture(scope="module")
def backward(airflow: AirflowClient, forward: tuple[list[DagRun], DagRun]) -> list[DagRun]:
    """All of them again, newest first."""
    airflow.wait_until_no_backfill_is_open(DAG_ID)
    runs = backfill(airflow, run_backwards=True)
    return airflow.wait_for_runs(DAG_ID, [run.run_id for run in runs], SECONDS)


@pytest.fixture(scope="module")
def cleared(airflow: AirflowClient, backward: list[DagRun]) -> DagRun:
    """One of them once more: a person clears `stage` and all that follows it."""
    run = backward[0]
    body = {"dag_run_id": run.run_id, "task_ids": ["publish.stage"], "include_downstream": True}
    options = {"only_failed": False, "reset_dag_runs": True, "dry_run": False}
    airflow.call("POST", f"/dags/{DAG_ID}/clearTaskInstances", body | options)
    return airflow.wait_for_runs(DAG_ID, [run.run_id], SECONDS)[0]


def backfill(client: AirflowClient, *, run_backwards: bool) -> list[DagRun]:
    """All runs of the older dates, whether they ran before or not."""
    first, last = datetime.combine(OLDER[0], time.min, UTC), datetime.combine(OLDER[-1], time(23, 59), UTC)
    return client.backfill(DAG_ID, first, last, reprocess="completed", run_backwards=run_backwards, max_active_runs=1)


def started(runs: Sequence[DagRun]) -> list[date]:
    """The dates of runs in the order in which they began."""
    in_order = sorted(runs, key=lambda run: str(run.start_date))
    return [run.logical_date.date() for run in in_order if run.logical_date]


def test_every_run_succeeds_in_the_order_asked_for(
    forward: tuple[list[DagRun], DagRun], backward: list[DagRun], cleared: DagRun
) -> None:
    older, newest = forward
    assert {run.state for run in (*older, newest, *backward, cleared)} == {"success"}
    assert started([newest]) == [NEWEST]
    assert started(older) == OLDER
    assert started(backward) == OLDER[::-1]
    assert str(newest.start_date) < str(older[-1].end_date), "they did not run side by side"


@pytest.mark.usefixtures("cleared")
def test_production_holds_exactly_what_it_would_without_them(home: Path, undisturbed: Path) -> None:
    found, expected = Production.of(home), Production.of(undisturbed)
    assert found.switches == expected.switches
    assert found.seen == expected.seen
    assert found.champions == expected.champions


@pytest.mark.usefixtures("cleared")
def test_the_record_of_past_decisions_is_unchanged(home: Path, before: tuple[Production, Rows]) -> None:
    added = [row for row in Production.of(home).decisions if row not in before[0].decisions]
    assert [row for row in before[0].decisions if row not in Production.of(home).decisions] == []
    # Of the date that never ran its decision is new, and nobody took office by it.
    assert {(row["as_of_date"], row["kind"]) for row in added} == {
        (NEVER_RUN, "decided"), (NEWEST, "decided"), (NEWEST, "applied"),
    }  # fmt: skip


@pytest.mark.usefixtures("cleared")
def test_what_was_published_once_is_staged_again_to_the_row(home: Path, before: tuple[Production, Rows]) -> None:
    """No second publication of a date: the id is made from the content."""
    rows = [row for row in warehouse_of(home).read(PUBLICATIONS).to_pylist() if row["as_of_date"] in WEEK]
    assert rows == before[1]


@pytest.mark.usefixtures("cleared")
def test_a_date_that_never_ran_is_staged_as_it_would_have_been(
    home: Path, undisturbed: Path, run_elsewhere: RunElsewhere
) -> None:
    assert run_elsewhere(run_day_at, undisturbed, NEVER_RUN) == 0
    (found,), (expected,) = (
        warehouse_of(each).read(PUBLICATIONS, {"as_of_date": NEVER_RUN}).to_pylist() for each in (home, undisturbed)
    )
    assert (found["publication_id"], found["check_result"]) == (expected["publication_id"], "pass")
    rows = {table: read_publication(warehouse_of(home), table, found["publication_id"]) for table in PUBLISHED_TABLES}
    assert publication_hash(rows) == expected["content_hash"]


@pytest.mark.usefixtures("cleared")
def test_they_say_that_they_stage_only(airflow: AirflowClient, backward: list[DagRun]) -> None:
    for run in backward:
        states = {task.task_id: task.state for task in airflow.task_instances(DAG_ID, run.run_id)}
        assert {states["publish.verify_current"], *(states[f"record_champions.{s}"] for s in SURFACES)} == {"skipped"}
