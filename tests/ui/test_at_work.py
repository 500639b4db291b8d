"""What is at work is read from Airflow's own tables."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.ui.airflow_tables import NOON, add, add_run

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def test_a_run_at_work_is_counted_by_its_tasks(airflow_tables: Engine) -> None:
    from include.ui.at_work import runs_at_work

    for number, (dag_id, state) in enumerate(
        (("recommender_daily", "running"), ("recommender_daily", "success"), ("recommender_drift", "running")), 1
    ):
        add_run(airflow_tables, dag_id, f"run/{number}", state, {"as_of_date": "2026-01-10"}, number)
    for number, state in enumerate(("success", "skipped", "running", None)):
        for dag_id, run_id in (("recommender_daily", "run/1"), ("recommender_daily", "run/2")):
            add(
                airflow_tables, "task_instance", dag_id=dag_id, run_id=run_id, task_id=f"t{number}", state=state,
                map_index=-1, id=uuid4(),
            )  # fmt: skip
    (found,) = runs_at_work("recommender_daily")
    assert (found.as_of_date, found.ended, found.tasks, found.since) == (date(2026, 1, 10), 2, 4, NOON)
    assert found.path == "../dags/recommender_daily/runs/run%2F1"


def test_without_a_database_nothing_is_known() -> None:
    from include.ui.at_work import runs_at_work

    assert runs_at_work("recommender_daily") == []


@pytest.mark.parametrize(
    ("state", "conf", "told"),
    [
        ("running", {"dry_run": False}, ""),
        ("failed", {"dry_run": True}, "failed"),
        ("success", {"dry_run": True}, "dry run"),
        ("success", None, "dry run"),
        ("success", {"dry_run": False}, "done"),
    ],
)
def test_a_forms_run_says_how_it_ended(airflow_tables: Engine, state: str, conf: Any, told: str) -> None:
    from include.ui.at_work import ended_as

    add_run(airflow_tables, "block_items", "r", state, conf)
    assert ended_as("block_items", "r") == told
    assert ended_as("block_items", "another") == ""
