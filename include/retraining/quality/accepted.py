"""Whether a person accepted data that the checks stop: the task that refuses them ran, and did not fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.tables import RUN_COSTS, TASK_FAILURES

if TYPE_CHECKING:
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

CHECKING_TASK, DECIDING_TASK = "check_inputs", "decide_data_verdict"


def was_accepted(warehouse: Warehouse, as_of_date: date) -> bool:
    """Whether the last try of the verdict on a date came after the last checks, and did not fail.

    Costs have every try of a task, `task_failures` those that failed; a try that was killed is in neither.
    """
    names = ["run_id", "task_id", "try_number", "recorded_at"]
    rows = warehouse.read(RUN_COSTS, {"as_of_date": as_of_date, "statement": "task"}, names).to_pylist()
    tries = sorted(
        (row for row in rows if row["task_id"].rpartition(".")[2] in (CHECKING_TASK, DECIDING_TASK)),
        key=lambda row: row["recorded_at"],
    )
    if not tries or tries[-1]["task_id"].rpartition(".")[2] != DECIDING_TASK:
        return False
    last = {name: tries[-1][name] for name in ("run_id", "task_id", "try_number")}
    return not warehouse.read(TASK_FAILURES, last, ["task_id"]).num_rows
