"""Labels of BigQuery jobs: which DAG, task and as_of_date a cost belongs to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 63


def job_labels(own: Mapping[str, str], timezone: str) -> dict[str, str]:
    """The labels of the settings, and those of the running task; outside of tasks only the former."""
    return {name: label(value) for name, value in {**own, **_of_task(timezone)}.items()}


def label(value: object) -> str:
    """A text as BigQuery takes it for a label: lower case, digits, _ and -, at most 63 characters."""
    return re.sub(r"[^a-z0-9_-]", "-", str(value).lower())[:LONGEST]


def _of_task(timezone: str) -> dict[str, Any]:
    from airflow.sdk import get_current_context

    from include.retraining.errors import AsOfDateError
    from include.retraining.run import run_from_context

    try:
        context = get_current_context()
    except RuntimeError:
        return {}
    task = {"dag": context["dag_run"].dag_id, "task": context["ti"].task_id}
    try:
        return task | {"as_of_date": run_from_context(context, timezone).as_of_date}
    except AsOfDateError:
        return task
