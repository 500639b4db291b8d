"""recommender_daily through real components: api-server, scheduler, dag-processor, triggerer; a backfill over REST."""

from __future__ import annotations

import os
import socket
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService
from include.embedded.components import start, stop
from include.embedded.environment import base_url, embedded_environment
from include.embedded.errors import AirflowApiError
from include.embedded.progress import watch_runs
from include.embedded.run_folder import RunFolder
from include.recommender.current import current_user_recommendations
from include.recommender.workspace import open_recommender
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import PROMOTION_DECISIONS, PUBLICATIONS
from tests.simulated_home import SMALL_TRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.embedded.rest import AirflowClient, DagRun
    from include.retraining.warehouse.protocol import Warehouse

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
DAG_ID = "recommender_daily"
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty days until yesterday, as they landed."""
    home = tmp_path_factory.mktemp("home")
    service = PhotoService(
        start=TODAY - timedelta(days=40), days=40, users=300, items=150, births_per_day=3, events_per_day=900
    )
    write_landing_zone(service, home / "landing")
    return home


@pytest.fixture(scope="module")
def airflow(home: Path) -> Iterator[AirflowClient]:
    """One Airflow for this suite."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    try:
        yield start(home, port, SMALL_TRAINING)
    finally:
        stop(home)


@pytest.fixture(scope="module")
def first_runs(airflow: AirflowClient) -> list[DagRun]:
    """A backfill of yesterday and today."""
    return backfill(airflow, TODAY - timedelta(days=1), TODAY)


@pytest.fixture
def warehouse(home: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The warehouse of that Airflow, as another process sees it."""
    for name, value in embedded_environment(home, RunFolder(home).port(), SMALL_TRAINING).items():
        if os.environ.get(name) != value and name.startswith(("HIGAWARI_", "MLFLOW_")):
            monkeypatch.setenv(name, value)
    return open_recommender().warehouse


def backfill(client: AirflowClient, first: date, last: date, reprocess: str = "none") -> list[DagRun]:
    client.wait_for_dag(DAG_ID)
    client.wait_until_no_backfill_is_open(DAG_ID)
    bounds = (
        datetime(first.year, first.month, first.day, tzinfo=UTC),
        datetime(last.year, last.month, last.day, 23, 59, tzinfo=UTC),
    )
    runs = client.backfill(DAG_ID, *bounds, reprocess=reprocess)
    client.unpause(DAG_ID)
    return watch_runs(client, DAG_ID, [run.run_id for run in runs], seconds=400)


def test_a_backfill_publishes_each_of_its_dates(first_runs: list[DagRun], warehouse: Warehouse) -> None:
    assert [run.state for run in first_runs] == ["success", "success"]
    log = read_switch_log(warehouse)
    assert [switch.kind for switch in log.switches] == ["publish", "publish"]
    assert [switch.to_publication_id[:10] for switch in log.switches] == [str(TODAY - timedelta(days=1)), str(TODAY)]
    assert current_user_recommendations(warehouse, "nobody we know", "for_you").num_rows == 20


def test_every_task_succeeded_and_shards_are_named(airflow: AirflowClient, first_runs: list[DagRun]) -> None:
    tasks = airflow.task_instances(DAG_ID, first_runs[-1].run_id)
    assert {task.state for task in tasks} == {"success"}
    answer = airflow.call("GET", f"/dags/{DAG_ID}/dagRuns/{first_runs[-1].run_id}/taskInstances")
    names = {
        row.get("rendered_map_index") for row in answer["task_instances"] if row["task_id"] == "publish.score_users"
    }
    assert names == {"shard 0", "shard 1"}


def test_only_small_values_go_through_xcom(airflow: AirflowClient, first_runs: list[DagRun]) -> None:
    """Ids, counts and verdicts; data goes through tables."""
    entries = airflow.call(
        "GET", f"/dags/{DAG_ID}/dagRuns/{first_runs[-1].run_id}/taskInstances/~/xcomEntries?limit=100"
    )
    for entry in entries["xcom_entries"]:
        path = f"/dags/{DAG_ID}/dagRuns/{first_runs[-1].run_id}/taskInstances/{entry['task_id']}/xcomEntries"
        value = airflow.call("GET", f"{path}/{entry['key']}?map_index={entry['map_index']}")["value"]
        assert len(str(value)) < 2000, entry["task_id"]


@pytest.mark.usefixtures("first_runs")
def test_an_older_backfill_stages_and_leaves_production_alone(airflow: AirflowClient, warehouse: Warehouse) -> None:
    """Rule 5."""
    before = len(read_switch_log(warehouse).switches)
    applied = warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).num_rows
    day = TODAY - timedelta(days=2)
    (run,) = backfill(airflow, day, day)
    assert run.state == "success"
    assert len(read_switch_log(warehouse).switches) == before
    assert warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).num_rows == applied
    assert warehouse.read(PUBLICATIONS, {"as_of_date": day}).num_rows == 1
    states = {task.task_id: task.state for task in airflow.task_instances(DAG_ID, run.run_id)}
    assert states["publish.verify_current"] == states["record_champions.for_you"] == "skipped"


def test_nonsense_in_the_form_is_refused(airflow: AirflowClient) -> None:
    airflow.wait_for_dag(DAG_ID)
    for conf in ({"train": "sometimes"}, {"as_of_date": "yesterday"}, {"publish": 1}):
        with pytest.raises(AirflowApiError, match="400"):
            airflow.trigger(DAG_ID, conf)


def test_an_anonymous_visitor_gets_nothing(airflow: AirflowClient, home: Path) -> None:
    url = base_url(RunFolder(home).port())
    for path in ("/api/v2/dags", f"/api/v2/dags/{DAG_ID}/dagRuns", "/api/v2/connections"):
        assert httpx.get(url + path, trust_env=False).status_code == 401
