"""Steps as Airflow tasks: the context becomes a Run, the docstring the task's page, a StepSkipped a skipped task."""

from __future__ import annotations

import inspect
import logging
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import Param, get_current_context, task
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.log import mask_secret

from include.retraining.alerting.callbacks import keep_failure
from include.retraining.alerting.readers import today_in
from include.retraining.errors import RUNBOOK, LandedDataError, RunsActiveError, StepSkipped
from include.retraining.monitoring.costs import TaskTry, keep_costs
from include.retraining.monitoring.task_meter import TaskMeter
from include.retraining.operation import operation_from_context, own_fields
from include.retraining.run import Run, run_from_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from include.retraining.settings import RetrainingSettings
    from include.retraining.workspace import Workspace

    OpenWorkspace = Callable[[], Workspace[Any]]
    Step = Callable[..., Any]

PRODUCTION_POOL = "production"
POKE_SECONDS = 60

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "recommender",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": ExceptionRetryPolicy(
        rules=[RetryRule(exception="include.retraining.errors.PermanentError", action=RetryAction.FAIL)]
    ),
    "execution_timeout": timedelta(hours=2),
}

# A task that waits for another DAG to be through: it looks every ten minutes, for six hours and more.
WAIT_FOR_RUNS: dict[str, Any] = {"retries": 36, "retry_delay": timedelta(minutes=10)}

# States of a task that has something to do, or soon will. In awaiting_input it waits for a person.
AT_WORK = ["scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule", "deferred"]

MAPPED = {"map_index_template": "{{ map_label }}"}

# A form waits for nobody: not for an unpause, and not behind the tasks of a daily run that queue for the same slots.
OPERATION_DAG: dict[str, Any] = {
    "schedule": None,
    "max_active_runs": 1,
    "allowed_run_types": ["manual"],
    "is_paused_upon_creation": False,
    "default_args": {
        **DEFAULT_ARGS,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(minutes=10),
        "priority_weight": 1000,
        "weight_rule": "absolute",
    },
}

logger = logging.getLogger(__name__)


def step_task(step: Step, open_workspace: OpenWorkspace, **options: Any) -> Any:
    """A task that runs `step(run, workspace, **inputs)`; call it with a dict of inputs, XCom references among them.

    A mapped task has MAPPED among its options and calls `.partial(inputs).expand(shard=[...])`; its step gets `shard`.
    """

    @task(task_id=step.__name__, **_told_by(step, open_workspace), **options)
    def run_step(inputs: dict[str, Any], shard: int | None = None) -> Any:
        context, meter = get_current_context(), TaskMeter()
        if shard is not None:
            inputs = {**inputs, "shard": shard}
            context["map_label"] = f"shard {shard}"  # type: ignore[typeddict-unknown-key]
        return call_step(step, open_workspace(), context, inputs, meter)

    return run_step


def _told_by(step: Step, open_workspace: OpenWorkspace) -> dict[str, Any]:
    """What a task says: its page, its section of the runbook, and what it leaves for the alert when it fails."""
    return {
        "doc_md": inspect.getdoc(step),
        "doc": f"{RUNBOOK}#{step.__name__}",
        "on_failure_callback": partial(keep_failure, open_workspace),
    }


def call_step(step: Step, workspace: Workspace[Any], context: Any, inputs: dict[str, Any], meter: TaskMeter) -> Any:
    """Run a step for the run of an Airflow context, keep what that took, and log what it returns."""
    run = run_from_context(context, workspace.settings.business.timezone)
    try:
        result = step(run, workspace, **inputs)
    except StepSkipped as skipped:
        raise AirflowSkipException(str(skipped)) from skipped
    finally:
        keep_costs_of(context, workspace, run, meter)
    logger.info("%s for %s: %s", step.__name__, run.as_of_date, result)
    return result


def keep_costs_of(context: Any, workspace: Workspace[Any], run: Run, meter: TaskMeter) -> None:
    """Keep what this try of a task has taken so far."""
    ti = context["ti"]
    tried = TaskTry(ti.task_id, -1 if ti.map_index is None else ti.map_index, ti.try_number)
    keep_costs(workspace.warehouse, workspace.settings.costs, run, tried, meter.used())


def operation_form(**fields: Param) -> dict[str, Param]:
    """The params of a manual DAG: its own fields, then why, and whether it is only to be shown."""
    return fields | {
        "reason": Param(
            type="string", pattern=r"\S", title="Reason",
            description="Why you do this; kept in the record with your name.",
        ),
        "dry_run": Param(
            True, type="boolean", title="Dry run",
            description="On: the log of the task says exactly what would change, and nothing does. Off: it is done.",
        ),
    }  # fmt: skip


def operation_task(
    step: Step, open_workspace: OpenWorkspace, secrets: Sequence[str] = (), not_beside: str = "", **options: Any
) -> Any:
    """A task that runs `step(operation, workspace, **fields)`; the fields are the form's own.

    Values of the fields `secrets` never reach the log. Unless it is dry, the task does not run beside a run of the DAG
    `not_beside`: RunsActiveError, which is tried again. A dry one leaves nothing, its costs neither.
    """

    @task(task_id=step.__name__, **_told_by(step, open_workspace), **options)
    def run_operation() -> str:
        context, meter = get_current_context(), TaskMeter()
        for name in secrets:
            mask_secret(context["params"][name])
        operation = operation_from_context(context)
        if not_beside and not operation.dry_run:
            refuse_beside(not_beside, runs_at_work(context["ti"], not_beside))
        fields = own_fields(step, context["params"])
        workspace = open_workspace()
        try:
            said = str(step(operation, workspace, **fields))
        except StepSkipped as skipped:
            raise AirflowSkipException(str(skipped)) from skipped
        finally:
            if not operation.dry_run:
                today = today_in(workspace.settings.business.timezone)
                run = Run(today, operation.run_id, "manual", dag_id=context["ti"].dag_id)
                keep_costs_of(context, workspace, run, meter)
        logger.info("%s by %s, %s\n%s", step.__name__, operation.who, operation.reason, said)
        return said

    return run_operation()


def runs_at_work(task: Any, dag_id: str) -> int:
    """Running runs of a DAG, without one that only waits for a person's answer.

    Only one can: a DAG with max_active_runs=1 has at most one beside its backfill runs, and those ask nobody. What
    follows an answer shares the pool of whoever asks this, so that it cannot come in between.
    """
    running: int = task.get_dr_count(dag_id=dag_id, states=["running"])
    waiting = task.get_ti_count(dag_id=dag_id, states=["awaiting_input"])
    busy = task.get_ti_count(dag_id=dag_id, states=AT_WORK)
    return running - 1 if running and waiting and not busy else running


def refuse_beside(dag_id: str, runs: int) -> None:
    """RunsActiveError where runs of a DAG are active."""
    if runs:
        raise RunsActiveError(
            f"no run of {dag_id} at work", f"{runs} running", "wait: this task tries again, and changed nothing so far"
        )


def wait_task(step: Step, open_workspace: OpenWorkspace) -> Any:
    """A sensor that waits until `step(run, workspace)` is true, at most ingest.wait_for_events_minutes."""

    @task.sensor(
        task_id=step.__name__, mode="reschedule", poke_interval=POKE_SECONDS,
        timeout=timedelta(days=2).total_seconds(), **_told_by(step, open_workspace),
    )  # fmt: skip
    def wait() -> bool:
        context, meter, workspace = get_current_context(), TaskMeter(), open_workspace()
        run = run_from_context(context, workspace.settings.business.timezone)
        if step(run, workspace):
            # Only the look that ends the wait: between looks nothing is held.
            keep_costs_of(context, workspace, run, meter)
            return True
        refuse_to_wait_longer(run, workspace, context["dag_run"], datetime.now(UTC))
        return False

    return wait()


def refuse_to_wait_longer(run: Run, workspace: Workspace[RetrainingSettings], dag_run: Any, now: datetime) -> None:
    """Raise LandedDataError once the delivery is overdue.

    Waiting is counted from the run's own time, or from the end of a date that is over: neither a backfill nor a date
    that somebody typed in waits for hours, and makes the run of today wait behind it.
    """
    awaited, found = workspace.landing.awaited("events", run.as_of_date)
    over = datetime.combine(
        run.as_of_date + timedelta(days=1), time.min, ZoneInfo(workspace.settings.business.timezone)
    )
    minutes = timedelta(minutes=workspace.settings.ingest.wait_for_events_minutes)
    due = (min(dag_run.logical_date or dag_run.run_after, over) + minutes).astimezone(UTC)
    if now >= due:
        raise LandedDataError(
            f"{awaited} by {due:%Y-%m-%d %H:%M} UTC (ingest.wait_for_events_minutes)",
            found,
            "ask the sender; once the delivery is complete, clear wait_for_events",
        )
    logger.info("waiting for %s until %s; found: %s", awaited, due, found)
