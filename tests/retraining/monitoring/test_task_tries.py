"""Each try of a step leaves its row, however it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.retraining.airflow_steps import call_step
from include.retraining.errors import StepSkipped, TransientError
from include.retraining.monitoring.task_meter import TaskMeter
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.tables import RUN_COSTS

if TYPE_CHECKING:
    from include.retraining.run import Run
    from include.retraining.warehouse.local import LocalWarehouse

MOMENT = datetime(2026, 5, 1, 3, tzinfo=UTC)


def context(try_number: int, map_index: int | None = None) -> dict[str, Any]:
    dag_run = SimpleNamespace(
        dag_id="recommender_daily", run_id="run", run_type="scheduled", logical_date=MOMENT, run_after=MOMENT
    )
    ti = SimpleNamespace(task_id="publish.stage", map_index=map_index, try_number=try_number)
    return {"dag_run": dag_run, "params": {}, "ti": ti}


def works(run: Run, workspace: Any) -> str:
    return f"done for {run.as_of_date}"


def skips(run: Run, workspace: Any) -> str:
    raise StepSkipped("nothing to do")


def fails(run: Run, workspace: Any) -> str:
    raise TransientError("an answer", "none", "wait")


def test_a_try_that_fails_is_skipped_or_succeeds_has_a_row_each(warehouse: LocalWarehouse) -> None:
    workspace: Any = SimpleNamespace(warehouse=warehouse, settings=MachinerySettings())
    with pytest.raises(TransientError):
        call_step(fails, workspace, context(1), {}, TaskMeter())
    with pytest.raises(AirflowSkipException):
        call_step(skips, workspace, context(2, map_index=1), {}, TaskMeter())
    assert call_step(works, workspace, context(3, map_index=-1), {}, TaskMeter()) == "done for 2026-05-01"
    rows = sorted(warehouse.read(RUN_COSTS).to_pylist(), key=lambda row: row["try_number"])
    assert [(row["try_number"], row["map_index"], row["as_of_date"]) for row in rows] == [
        (1, -1, date(2026, 5, 1)), (2, 1, date(2026, 5, 1)), (3, -1, date(2026, 5, 1)),
    ]  # fmt: skip
    assert all(row["seconds"] >= 0 and row["rows_written"] is not None for row in rows)
