"""Airflow's own place for such things (cluster policies): short waits between tries, and faults before the work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drill.strike import strike

__all__ = ["task_policy"]

DAG_ID = "recommender_daily"


def task_policy(task: Any) -> None:
    """Tries follow one another within seconds; the number of them, pools, time-outs and callbacks stay as they are."""
    if task.dag_id == DAG_ID:
        task.retry_delay = timedelta(seconds=1)
        task.max_retry_delay = timedelta(seconds=2)
        task.on_execute_callback = [strike]
