"""Steps as Airflow tasks: the context becomes a Run, the docstring the task's page, a StepSkipped a skipped task."""

from __future__ import annotations

import inspect
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowSkipException

from include.retraining.errors import LandedDataError, StepSkipped
from include.retraining.run import run_from_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.run import Run
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

MAPPED = {"map_index_template": "{{ map_label }}"}

logger = logging.getLogger(__name__)


def step_task(step: Step, open_workspace: OpenWorkspace, **options: Any) -> Any:
    """A task that runs `step(run, workspace, **inputs)`; call it with a dict of inputs, XCom references among them.

    A mapped task has MAPPED among its options and calls `.partial(inputs).expand(shard=[...])`; its step gets `shard`.
    """

    @task(task_id=step.__name__, doc_md=inspect.getdoc(step), **options)
    def run_step(inputs: dict[str, Any], shard: int | None = None) -> Any:
        context = get_current_context()
        if shard is not None:
            inputs = {**inputs, "shard": shard}
            context["map_label"] = f"shard {shard}"  # type: ignore[typeddict-unknown-key]
        return call_step(step, open_workspace(), context, inputs)

    return run_step


def call_step(step: Step, workspace: Workspace[Any], context: Any, inputs: dict[str, Any]) -> Any:
    """Run a step for the run of an Airflow context and log what it returns."""
    run = run_from_context(context, workspace.settings.business.timezone)
    try:
        result = step(run, workspace, **inputs)
    except StepSkipped as skipped:
        raise AirflowSkipException(str(skipped)) from skipped
    logger.info("%s for %s: %s", step.__name__, run.as_of_date, result)
    return result


def wait_task(step: Step, open_workspace: OpenWorkspace) -> Any:
    """A sensor that waits until `step(run, workspace)` is true, at most ingest.wait_for_events_minutes."""

    @task.sensor(
        task_id=step.__name__, doc_md=inspect.getdoc(step), mode="reschedule", poke_interval=POKE_SECONDS, retries=0,
        timeout=timedelta(days=2).total_seconds(),
    )  # fmt: skip
    def wait() -> bool:
        context, workspace = get_current_context(), open_workspace()
        run = run_from_context(context, workspace.settings.business.timezone)
        if step(run, workspace):
            return True
        refuse_to_wait_longer(run, workspace, context["dag_run"], datetime.now(UTC))
        return False

    return wait()


def refuse_to_wait_longer(run: Run, workspace: Workspace[RetrainingSettings], dag_run: Any, now: datetime) -> None:
    """Raise LandedDataError once the delivery is overdue.

    Waiting is counted from the run's own time: a backfill of last month does not wait for hours.
    """
    folder = workspace.landing.day_folder("events", run.as_of_date)
    found = ", ".join(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else "no such folder"
    due = (dag_run.logical_date or dag_run.run_after) + timedelta(
        minutes=workspace.settings.ingest.wait_for_events_minutes
    )
    if now >= due:
        raise LandedDataError(
            f"{folder}/_SUCCESS by {due:%Y-%m-%d %H:%M} UTC (ingest.wait_for_events_minutes)",
            found,
            "ask the sender; once the delivery is complete, clear wait_for_events",
        )
    logger.info("waiting for %s/_SUCCESS until %s; found: %s", folder, due, found)
