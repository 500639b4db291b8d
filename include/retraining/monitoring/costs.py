"""What a try of a task took, in `run_costs`: a row of its own, and one for each job that the warehouse billed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.attempt import attempt
from include.retraining.tables import RUN_COSTS

if TYPE_CHECKING:
    from include.retraining.monitoring.task_meter import Used
    from include.retraining.run import Run
    from include.retraining.settings import Costs
    from include.retraining.warehouse.protocol import Spent, Warehouse

TASK = "task"
HOUR, TEBIBYTE = 3600, 2**40

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskTry:
    """One try of a task of a run."""

    task_id: str
    map_index: int
    try_number: int

    def row_id(self, run: Run) -> str:
        """What stands for the job where the row is that of the try itself."""
        return f"{TASK}:{run.dag_id}/{run.run_id}/{self.task_id}/{self.map_index}/{self.try_number}"


def keep_costs(warehouse: Warehouse, prices: Costs, run: Run, tried: TaskTry, used: Used) -> None:
    """Append a row for the try and one for each job so far; those that are there already are left alone.

    Never fails the task: its work is done, and jobs carry the same labels in the bill.
    """
    rows = cost_rows(warehouse, prices, run, tried, used)
    if not attempt("keep what a task took", partial(_append, warehouse, rows), otherwise=False):
        logger.warning("run_costs lacks %s rows of this task", len(rows))


def cost_rows(warehouse: Warehouse, prices: Costs, run: Run, tried: TaskTry, used: Used) -> list[dict[str, Any]]:
    """Rows of RUN_COSTS. What one kind of row does not know is null: nothing adds up twice."""
    common = {
        **dict.fromkeys(RUN_COSTS.columns), "as_of_date": run.as_of_date, "dag_id": run.dag_id, "run_id": run.run_id,
        **vars(tried), "recorded_at": datetime.now(UTC),
    }  # fmt: skip
    written = list(warehouse.written)
    task = {
        "job_id": tried.row_id(run), "statement": TASK, **vars(used),
        "rows_written": sum(each.rows for each in written), "bytes_written": sum(each.bytes for each in written),
        "money": prices.per_task_hour * used.seconds / HOUR if prices.per_task_hour else None,
    }  # fmt: skip
    return [common | task, *(common | _job(job, prices) for job in warehouse.spent)]


def _job(job: Spent, prices: Costs) -> dict[str, Any]:
    money = prices.per_tebibyte * job.billed_bytes / TEBIBYTE if prices.per_tebibyte else None
    return {**vars(job), "money": money}


def _append(warehouse: Warehouse, rows: list[dict[str, Any]]) -> bool:
    import pyarrow as pa

    warehouse.append_once(RUN_COSTS, pa.Table.from_pylist(rows, schema=RUN_COSTS.schema))
    return True
