"""Alerts, failures and runs of these tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from include.retraining.alerting.failed_run import Failure, TaskPage
from include.retraining.alerting.incidents import TaskFailure
from include.retraining.alerting.links import Links
from include.retraining.alerting.message import Alert, FailedTask
from include.retraining.run import Run

DAY, NIGHT = date(2026, 3, 2), datetime(2026, 3, 2, 3, 12, tzinfo=UTC)
RUN = Run(DAY, "scheduled__2026-03-02T03:00:00+00:00", "scheduled", dag_id="recommender_daily")
LINKS = Links("https://wiki/runbook", "https://airflow/", RUN.dag_id, RUN.run_id)
PAGE = """Score.

**Does**: scores.
**Writes**: drafts.
**If it fails**: nothing is published today;
readers keep the last publication.
**What to do**: read the log; clear the task.
"""
KILLED = FailedTask("publish.stage", "no lists", "clear it", "runbook#stage", "log of stage")
STOPPED = FailedTask(
    "discover.evaluate", "no challenger", "mend", "runbook#x", "log of x", "DataStopError", "expected a; found b"
)


def alert(*failed: FailedTask, **changes: Any) -> Alert:
    """A page about a run, whose tasks these are."""
    page = Alert(
        severity="page",
        kind="run_failed",
        run=RUN,
        headline="publish.stage failed",
        readers="readers see 2026-03-01-abc, switched 1 day ago: fresh until 2026-03-03 00:00 UTC",
        impact="nothing fresh",
        first_action="clear it",
        runbook="runbook#stage",
        log="log of stage",
        since=NIGHT,
        failed=failed,
    )
    return replace(page, **changes)


def said(task_id: str = "publish.stage", **changes: Any) -> TaskFailure:
    """What a task said when it failed with an error of ours."""
    failure = TaskFailure(
        dag_id=RUN.dag_id,
        run_id=RUN.run_id,
        task_id=task_id,
        map_index=-1,
        try_number=3,
        error="CommitConflictError",
        message="expected a free number; found a taken one",
        next_step="let the retry decide",
        runbook_section="commit-conflict-error",
        failed_at=NIGHT,
    )
    return replace(failure, **changes)


def failure(task_id: str, words: TaskFailure | None = None, map_index: int = -1) -> Failure:
    """A failed task, and what it said."""
    return Failure(task_id, map_index, TaskPage(PAGE, task_id.split(".")[-1], 1), words)
