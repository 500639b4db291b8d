"""The outcomes of a day, run as Airflow runs them, on a home in which a day was published."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from include.recommender import pipeline
from include.recommender.workspace import open_recommender
from include.retraining.monitoring.tables import ARM_COMPARISONS, OUTCOME_METRICS
from include.retraining.run import Run
from tests.dags.conftest import run_form
from tests.simulated_home import DAY_BEFORE, LAST_ARRIVAL

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG


def test_outcomes_are_measured_after_the_daily_run_and_never_caught_up(dags: dict[str, DAG]) -> None:
    dag = dags["recommender_outcomes"]
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == ("0 9 * * *", False, 1)
    assert not {task.pool for task in dag.tasks} & {"production"}


def test_outcomes_wait_for_the_events_for_hours(dags: dict[str, DAG]) -> None:
    task = dags["recommender_outcomes"].get_task("check_events_are_in")
    assert task.retries * task.retry_delay >= timedelta(hours=5)
    assert task.downstream_task_ids == {"ingest_exposures"}


@pytest.mark.integration
def test_a_days_outcomes_are_measured_and_a_rerun_is_the_same_run(home: Path, dags: dict[str, DAG]) -> None:
    """Rule 3. The lists of the day before were held for a day; nobody was current then by the clock of this machine."""
    workspace = open_recommender()
    pipeline.ingest(Run(LAST_ARRIVAL, "daily", "manual"), workspace)
    pipeline.check_inputs(Run(LAST_ARRIVAL, "daily", "manual"), workspace)
    state, tasks = run_form(dags["recommender_outcomes"], as_of_date=LAST_ARRIVAL.isoformat())
    assert (state, set(tasks.values())) == ("success", {"success"})
    rows = workspace.warehouse.read(OUTCOME_METRICS, {"computed_for": LAST_ARRIVAL}).to_pylist()
    assert {(row["as_of_date"], row["stage"], row["days"]) for row in rows} == {(DAY_BEFORE, "early", 1)}
    assert {row["arm"] for row in rows} == {"", "ranker", "baseline"}
    assert {row["dimension"] for row in rows} == {"all", "segment", "list_source"}
    assert {row["metric"] for row in rows} == {"ndcg@10", "recall@20", "hitrate@10", "map@10"}
    run_form(dags["recommender_outcomes"], as_of_date=LAST_ARRIVAL.isoformat())
    assert workspace.warehouse.read(OUTCOME_METRICS, {"computed_for": LAST_ARRIVAL}).to_pylist() == rows
    assert workspace.warehouse.read(ARM_COMPARISONS).num_rows == 0
