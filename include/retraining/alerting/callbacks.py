"""What Airflow calls: a task that failed leaves its error, a DAG whose run ended sends the alert or the recovery.

The DAG's callbacks are the backbone. They run in the dag-processor, which no task can take with it, and ask Airflow for
the states of all tasks: a task that was killed calls nothing, and is named all the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.airflow_side import task_states
from include.retraining.alerting.attempt import attempt
from include.retraining.alerting.failed_run import TaskPage, failed_run_alert, failures_in
from include.retraining.alerting.incidents import TaskFailure, closed_by, failures_of, record_failure
from include.retraining.alerting.links import links_of
from include.retraining.alerting.masking import masked
from include.retraining.alerting.readers import impact_of, readers_now, today_in
from include.retraining.alerting.recovery import recovery_alert
from include.retraining.alerting.send import alert_settings, send_once
from include.retraining.errors import AsOfDateError, HigawariError
from include.retraining.run import Run, run_from_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.workspace import Workspace

    OpenWorkspace = Callable[[], Workspace[Any]]
    Said = dict[tuple[str, int], TaskFailure]
    States = dict[str, str | None]

MESSAGE_LENGTH = 3000
# Clients of a warehouse that is down try for ten minutes; the dag-processor kills who takes longer than three.
OPEN_SECONDS = 45


def alert_callbacks(open_workspace: OpenWorkspace, publishes: bool = True) -> dict[str, Any]:
    """Arguments of a DAG that alerts. Failures of one that publishes nothing never page."""
    return {
        "on_failure_callback": partial(report_failed_run, open_workspace, publishes),
        "on_success_callback": partial(report_recovery, open_workspace),
    }


def keep_failure(open_workspace: OpenWorkspace, context: Any) -> None:
    """Keep what a failed task said, for the DAG's alert. A task's callback: it runs in the task's own process."""
    attempt("keep what the failed task said", lambda: _keep(open_workspace, context), otherwise=None)


def report_failed_run(open_workspace: OpenWorkspace, publishes: bool, context: Any) -> None:
    """Send one alert about a failed run, with all that can be known; without a warehouse it says less."""
    workspace = attempt("open the workspace", open_workspace, otherwise=None, seconds=OPEN_SECONDS)
    warehouse, settings = (workspace.warehouse if workspace else None), alert_settings()
    timezone = workspace.settings.business.timezone if workspace else "UTC"
    run = _run(context, timezone)
    said: Said = attempt("read what tasks said", partial(failures_of, warehouse, run), {})
    states: States = attempt("ask for the states of tasks", partial(task_states, run), {})
    failures = failures_in(states, _pages(context["dag"]), said)
    readers = readers_now(warehouse)
    impact = impact_of(run, readers, today_in(timezone), publishes)
    reason = context.get("reason") or "no reason given"
    send_once(warehouse, settings, failed_run_alert(run, failures, readers, impact, links_of(run, settings), reason))


def report_recovery(open_workspace: OpenWorkspace, context: Any) -> None:
    """Say that a run succeeded after alerts about it, or about the runs before it, and that readers have its lists."""
    attempt("tell a recovery", lambda: _tell_recovery(open_workspace, context), otherwise=None)


def _tell_recovery(open_workspace: OpenWorkspace, context: Any) -> None:
    workspace, settings = open_workspace(), alert_settings()
    run = _run(context, workspace.settings.business.timezone)
    readers = readers_now(workspace.warehouse)
    if closed := closed_by(workspace.warehouse, run, readers):
        alert = recovery_alert(run, closed, readers, links_of(run, settings))
        send_once(workspace.warehouse, settings, alert)


def _keep(open_workspace: OpenWorkspace, context: Any) -> None:
    task, error = context["ti"], context.get("exception")
    ours = error if isinstance(error, HigawariError) else None
    message = f"expected {ours.expected}; found {ours.found}" if ours else str(error)
    failure = TaskFailure(
        dag_id=task.dag_id,
        run_id=task.run_id,
        task_id=task.task_id,
        map_index=-1 if task.map_index is None else task.map_index,
        try_number=task.try_number,
        error=type(error).__name__ if isinstance(error, BaseException) else "failed",
        message=masked(message)[:MESSAGE_LENGTH],
        next_step=masked(ours.next_step) if ours else "",
        runbook_section=ours.runbook_section if ours else "",
        failed_at=datetime.now(UTC),
    )
    record_failure(open_workspace().warehouse, failure)


def _run(context: Any, timezone: str) -> Run:
    """The run of a DAG's callback: of the day it ran where its date cannot be used, or Airflow says little about it."""
    dag_run = context.get("dag_run")
    if dag_run is None:
        return Run(datetime.now(UTC).date(), context["run_id"], "manual", dag_id=context["dag"].dag_id)
    try:
        return run_from_context({"dag_run": dag_run, "params": context.get("params") or {}}, timezone)
    except AsOfDateError:
        return run_from_context({"dag_run": dag_run, "params": {}}, timezone)


def _pages(dag: Any) -> dict[str, TaskPage]:
    return {
        task.task_id: TaskPage(
            task.doc_md or "", (task.doc or "").partition("#")[2], len(task.get_flat_relative_ids(upstream=True))
        )
        for task in dag.tasks
    }
