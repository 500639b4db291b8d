"""What the warehouse billed for a task, in `run_costs`; a warehouse that bills nothing leaves no row."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.retraining.errors import HigawariError
from include.retraining.tables import RUN_COSTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.retraining.run import Run
    from include.retraining.warehouse.protocol import Warehouse

logger = logging.getLogger(__name__)


def keep_costs(warehouse: Warehouse, run: Run, task: Mapping[str, Any]) -> None:
    """Append a row for each job so far; `task` has task_id, map_index and try_number.

    Never fails the task: its work is done, and jobs carry the same labels in the bill.
    """
    import pyarrow as pa

    spent, now = list(warehouse.spent), datetime.now(UTC)
    if not spent:
        return
    common = {"as_of_date": run.as_of_date, "dag_id": run.dag_id, "run_id": run.run_id, **task, "recorded_at": now}
    rows = [{**common, **vars(job)} for job in spent]
    try:
        warehouse.append_once(RUN_COSTS, pa.Table.from_pylist(rows, schema=RUN_COSTS.schema))
    except HigawariError:
        logger.warning("run_costs lacks %s jobs of this task", len(spent), exc_info=True)
