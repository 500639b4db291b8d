"""The DAGs that look back: drift every day, champions and costs every week."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import timezone

from include.recommender.settings import SURFACES
from include.recommender.workspace import open_recommender
from include.retraining.monitoring.tables import DISTRIBUTIONS, DRIFT_METRICS, REPRODUCTIONS
from include.retraining.tables import ALERTS, RUN_COSTS
from tests.dags.conftest import run_form
from tests.simulated_home import DAY_BEFORE

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG


def test_drift_is_looked_for_after_the_daily_run_and_the_review_is_weekly(dags: dict[str, DAG]) -> None:
    assert (dags["recommender_drift"].schedule, dags["recommender_daily"].schedule) == ("0 8 * * *", "0 3 * * *")
    assert dags["recommender_weekly_review"].schedule == "0 12 * * 1"
    assert not any(dags[name].catchup for name in ("recommender_drift", "recommender_weekly_review"))


def test_drift_waits_for_events_that_are_fit_to_use(dags: dict[str, DAG]) -> None:
    task = dags["recommender_drift"].get_task("check_events_are_in")
    assert task.retries * task.retry_delay >= timedelta(hours=5)
    assert task.downstream_task_ids == {"measure_distributions"}


def test_neither_look_of_the_week_waits_for_the_other(dags: dict[str, DAG]) -> None:
    tasks = dags["recommender_weekly_review"].tasks
    assert {task.task_id: task.upstream_task_ids for task in tasks} == {
        "reproduce_champions": set(), "summarise_costs": set(),
    }  # fmt: skip


@pytest.mark.integration
def test_a_day_is_measured_and_compared_and_the_week_summed_up(
    home: Path, dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.combine(DAY_BEFORE, datetime.min.time(), timezone.utc) + timedelta(hours=8)
    run = dags["recommender_drift"].test(logical_date=moment)
    assert str(run.state) == "success"
    warehouse = open_recommender().warehouse
    found = warehouse.read(DISTRIBUTIONS).to_pylist()
    assert {row["subject"] for row in found} == {"events", "features", "scores", "lists"}
    assert max(row["day"] for row in found if row["subject"] == "events") == DAY_BEFORE - timedelta(days=1)
    metrics = warehouse.read(DRIFT_METRICS).to_pylist()
    assert {(row["as_of_date"], row["subject"]) for row in metrics} == {(DAY_BEFORE, "events")}
    tries = warehouse.read(RUN_COSTS, {"dag_id": "recommender_drift"}).to_pylist()
    assert {row["task_id"] for row in tries} == {
        "check_events_are_in", "measure_distributions", "compare_distributions",
    }  # fmt: skip
    assert all(row["seconds"] > 0 and row["as_of_date"] == DAY_BEFORE for row in tries)
    measured = next(row for row in tries if row["task_id"] == "measure_distributions")
    assert measured["rows_written"] == len(found)

    monkeypatch.setenv("HIGAWARI_COSTS__SUMMARY", "notice")
    state, tasks = run_form(dags["recommender_weekly_review"], as_of_date=str(DAY_BEFORE + timedelta(days=1)))
    assert (state, set(tasks.values())) == ("success", {"success"})
    rows = warehouse.read(REPRODUCTIONS).to_pylist()
    assert {(row["surface"], row["verdict"]) for row in rows} == {(surface, "same") for surface in SURFACES}
    (alert,) = warehouse.read(ALERTS).to_pylist()
    assert (alert["kind"], alert["severity"]) == ("costs_of_week", "notice")
    assert "DAG recommender_drift: 3 tries" in alert["text"]
