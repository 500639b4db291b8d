"""The alert channel that is always there: the log of the process that saw the failure."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger("higawari.alerts")


def report_failed_run(context: Any) -> None:
    """DAG-level failure callback: fires also for tasks that were killed, for which task-level callbacks do not."""
    dag_run = context["dag_run"]
    logger.error(
        "Run %s of %s failed: %s. Readers keep the last good publication. First action: open the run in the Airflow UI "
        "and read the failed task's page. Runbook: docs/runbook.md",
        dag_run.run_id,
        dag_run.dag_id,
        context.get("reason") or "a task failed",
    )
