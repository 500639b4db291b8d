"""The whole DAG on simulated days, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pytest

from include.recommender import pipeline
from include.recommender.settings import SURFACES
from include.recommender.tables import TRAINING_SET, USER_ITEMS, USER_RECOMMENDATIONS
from include.recommender.workspace import open_recommender
from include.retraining.alerting.incidents import failures_of
from include.retraining.publication.reader import read_current
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.run import Run
from include.retraining.tables import PROMOTION_DECISIONS, PUBLICATIONS
from tests.simulated_home import LAST_ARRIVAL, copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG

pytestmark = pytest.mark.integration
DEFAULT_PARAMS = {
    "as_of_date": None,
    "train": "auto",
    "publish": "auto",
    "data_checks": "enforce",
    "reason": "",
    "approval": "auto",
}
LAST_TICK = datetime(LAST_ARRIVAL.year, LAST_ARRIVAL.month, LAST_ARRIVAL.day, 3, tzinfo=UTC)


def run_dag(dag: DAG, logical_date: datetime = LAST_TICK, **params: Any) -> tuple[str, dict[str, str]]:
    """State of a run, and of each of its tasks. dag.test() keeps params in the DAG, so all are given each time."""
    dag_run = dag.test(logical_date=logical_date, run_conf={**DEFAULT_PARAMS, **params})
    states = {f"{ti.task_id}[{ti.map_index}]".replace("[-1]", ""): str(ti.state) for ti in dag_run.get_task_instances()}
    return str(dag_run.state), states


@dataclass(frozen=True)
class Day:
    """A home in which the last day was run as it is every day; how the run ended, and each of its tasks."""

    home: Path
    state: str
    tasks: dict[str, str]


@pytest.fixture(scope="module")
def day(trained_home: Path, migrated: None, dags: dict[str, DAG], tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Run once for all tests that look at it, or go on from it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = copy_of(trained_home, tmp_path_factory.mktemp("day"), patch)
        return Day(folder, *run_dag(dags["recommender_daily"], reason="a test"))


@pytest.fixture
def home_after(day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that home, which this test may do anything to."""
    return copy_of(day.home, tmp_path, monkeypatch)


@pytest.mark.usefixtures("home_after")
def test_a_day_ends_in_lists_that_readers_see(day: Day) -> None:
    assert day.state == "success", day.tasks
    asked = {f"request_approval.{surface}" for surface in SURFACES}
    assert {name for name, ended in day.tasks.items() if ended != "success"} == asked
    assert {day.tasks[name] for name in asked} == {"skipped"}
    workspace = open_recommender()
    current = read_switch_log(workspace.warehouse).current
    assert current
    assert current.startswith(str(LAST_ARRIVAL))
    rows = read_current(workspace.warehouse, USER_RECOMMENDATIONS)
    for surface in SURFACES:
        own = rows.filter(pc.equal(rows["surface"], surface))
        assert own.num_rows == len(set(own["user_id"].to_pylist())) * workspace.settings.publication.list_size
        assert "*" in set(own["user_id"].to_pylist())


@pytest.mark.usefixtures("home_after")
def test_discover_shows_nobody_what_they_touched_before() -> None:
    warehouse = open_recommender().warehouse
    touched = warehouse.read(USER_ITEMS, {"as_of_date": LAST_ARRIVAL}, ["user_id", "item_id"]).to_pylist()
    pairs = {(row["user_id"], row["item_id"]) for row in touched}
    shown: dict[str, set[tuple[str, str]]] = {surface: set() for surface in SURFACES}
    for row in read_current(warehouse, USER_RECOMMENDATIONS).to_pylist():
        shown[row["surface"]].add((row["user_id"], row["item_id"]))
    assert shown["for_you"] & pairs
    assert not shown["discover"] & pairs


@pytest.mark.usefixtures("home_after")
def test_training_never_sees_the_holdout() -> None:
    """Rule 2."""
    workspace = open_recommender()
    rows = workspace.warehouse.read(TRAINING_SET, {"as_of_date": LAST_ARRIVAL}, ["snapshot_date"])
    newest = max(rows["snapshot_date"].to_pylist())
    training = workspace.settings.training
    assert (LAST_ARRIVAL - newest).days >= training.holdout_days + training.label_days


@pytest.mark.usefixtures("home_after")
def test_a_second_run_of_the_same_day_changes_nothing(dags: dict[str, DAG]) -> None:
    before = _audit()
    state, _ = run_dag(dags["recommender_daily"])
    assert state == "success"
    assert _audit() == before


@pytest.mark.usefixtures("home_after")
def test_an_older_date_never_moves_production(dags: dict[str, DAG]) -> None:
    """Rule 5."""
    before = _audit()
    state, tasks = run_dag(dags["recommender_daily"], logical_date=LAST_TICK, as_of_date="2026-02-08")
    assert state == "success", tasks
    after = _audit()
    assert after["switches"] == before["switches"]
    assert after["applied"] == before["applied"]
    assert after["publications"] == before["publications"] + 1


def test_without_training_the_champion_is_published(home: Path, dags: dict[str, DAG]) -> None:
    state, tasks = run_dag(dags["recommender_daily"], train="skip")
    assert state == "success", tasks
    for surface in SURFACES:
        assert tasks[f"{surface}.train_challenger"] == tasks[f"record_champions.{surface}"] == "skipped"
    rows = read_current(open_recommender().warehouse, USER_RECOMMENDATIONS)
    assert set(rows["as_of_date"].to_pylist()) == {LAST_ARRIVAL}
    assert "recommender_for_you/1" in set(rows["model_version"].to_pylist())


def test_stage_only_shows_nobody_the_new_lists(home: Path, dags: dict[str, DAG]) -> None:
    before = read_switch_log(open_recommender().warehouse).current
    state, tasks = run_dag(dags["recommender_daily"], publish="stage_only")
    assert state == "success", tasks
    assert tasks["publish.verify_current"] == tasks["record_champions.for_you"] == "skipped"
    warehouse = open_recommender().warehouse
    assert read_switch_log(warehouse).current == before
    assert warehouse.read(PUBLICATIONS, {"as_of_date": LAST_ARRIVAL}).num_rows == 1


def test_a_run_that_is_to_ask_nobody_publishes_with_the_champion(
    home: Path, dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAWARI_PROMOTION__APPROVAL", "always")
    state, tasks = run_dag(dags["recommender_daily"], approval="skip")
    assert state == "success", tasks
    assert {tasks[f"{group}.{s}"] for s in SURFACES for group in ("request_approval", "record_champions")} == {
        "skipped"
    }
    warehouse = open_recommender().warehouse
    rows = warehouse.read(PROMOTION_DECISIONS, {"as_of_date": LAST_ARRIVAL}).to_pylist()
    assert {(row["kind"], row["choice"]) for row in rows} == {("decided", "ask")}
    current = read_current(warehouse, USER_RECOMMENDATIONS)
    assert set(current["as_of_date"].to_pylist()) == {LAST_ARRIVAL}
    assert not {row["model_version"] for row in rows} & set(current["model_version"].to_pylist())


def test_failed_training_fails_the_run_but_publishes_the_champion(
    home: Path, dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 7."""
    monkeypatch.setenv("HIGAWARI_TRAINING__MIN_GROUPS", "100000")
    state, tasks = run_dag(dags["recommender_daily"])
    assert state == "failed"
    assert tasks["build_features.check_training_set"] == "success"
    assert {tasks[f"{surface}.train_challenger"] for surface in SURFACES} == {"failed"}
    assert tasks["publish.verify_current"] == tasks["announce_run"] == "success"
    current = read_switch_log(open_recommender().warehouse).current
    assert current
    assert current.startswith(str(LAST_ARRIVAL))


def test_a_date_after_today_is_refused_before_anything_runs(home: Path, dags: dict[str, DAG]) -> None:
    state, tasks = run_dag(dags["recommender_daily"], as_of_date="2099-01-01")
    assert state == "failed"
    assert tasks["check_settings"] == "failed"
    assert tasks["publish.stage"] == "upstream_failed"


def test_broken_settings_are_said_by_check_settings(
    home: Path, dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHRADS", "3")
    state, tasks = run_dag(dags["recommender_daily"])
    assert state == "failed"
    assert tasks["check_settings"] == "failed"


def test_a_delivery_that_did_not_come_fails_the_run_at_once(home: Path, dags: dict[str, DAG]) -> None:
    """Waiting is tried again where storage failed, and not where the delivery is overdue."""
    (home / "landing" / "events" / str(LAST_ARRIVAL) / "_SUCCESS").unlink()
    dag_run = dags["recommender_daily"].test(logical_date=LAST_TICK, run_conf=DEFAULT_PARAMS)
    waited = dag_run.get_task_instance("check_data.wait_for_events")
    assert (str(dag_run.state), str(waited.state), waited.try_number) == ("failed", "failed", 1)
    (said,) = failures_of(
        open_recommender().warehouse, Run(LAST_ARRIVAL, dag_run.run_id, "manual", dag_id=dag_run.dag_id)
    ).values()
    assert (said.task_id, said.error) == ("check_data.wait_for_events", "LandedDataError")
    assert said.runbook_section == "landed-data-error"


def test_the_steps_of_the_pipeline_are_the_tasks_of_the_dag(dags: dict[str, DAG]) -> None:
    ids = {task.task_id.split(".")[-1] for task in dags["recommender_daily"].tasks}
    steps = {
        name
        for name, value in vars(pipeline).items()
        if callable(value) and getattr(value, "__module__", "") == pipeline.__name__ and not name.startswith("_")
    }
    assert steps - {"record_champion", "request_approval"} <= ids


def _audit() -> dict[str, int]:
    warehouse = open_recommender().warehouse
    return {
        "switches": len(read_switch_log(warehouse).switches),
        "publications": warehouse.read(PUBLICATIONS).num_rows,
        "applied": warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).num_rows,
        "decided": warehouse.read(PROMOTION_DECISIONS, {"kind": "decided"}).num_rows,
    }
