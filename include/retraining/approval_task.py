"""A task that asks a person: Airflow's human in the loop, with evidence and closing time known only at run time."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from include.retraining.airflow_steps import keep_costs_of
from include.retraining.alerting.callbacks import keep_failure
from include.retraining.errors import RUNBOOK, StepSkipped
from include.retraining.monitoring.task_meter import TaskMeter
from include.retraining.promotion.approval import NOBODY, Answer, closing_time
from include.retraining.run import run_from_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.workspace import Workspace

    OpenWorkspace = Callable[[], Workspace[Any]]

APPROVE, REJECT = "Approve", "Reject"
COMMENT = "comment"


class RequestApproval(HITLOperator):
    """Asks what `step(run, workspace, closes_at=..., **inputs)` returns, and returns the answer, approved or not.

    Not an ApprovalOperator: on Reject that skips what follows, which here records the answer.
    """

    template_fields = ("inputs",)

    def __init__(
        self, *, step: Callable[..., Any], open_workspace: OpenWorkspace, inputs: dict[str, Any], **options: Any
    ) -> None:
        super().__init__(**options)
        self.step, self.open_workspace, self.inputs = step, open_workspace, inputs

    def execute(self, context: Any) -> Any:
        """Ask, unless there is nothing to ask: then the task is skipped."""
        meter, workspace, now = TaskMeter(), self.open_workspace(), datetime.now(UTC)
        promotion = workspace.settings.promotion
        run = run_from_context(context, workspace.settings.business.timezone)
        closes_at = closing_time(now, promotion.approval_hours, next_start(context["dag"], now))
        try:
            question = self.step(run, workspace, closes_at=closes_at, **self.inputs)
        except StepSkipped as skipped:
            raise AirflowSkipException(str(skipped)) from skipped
        finally:
            keep_costs_of(context, workspace, run, meter)
        self.log.info("%s", question.body)
        self.subject, self.body = question.subject, question.body
        if closes_at:  # The step skips without one. Airflow counts from now on, and collecting evidence took a while.
            self.response_timeout = max(closes_at - datetime.now(UTC), timedelta(seconds=1))
        self.assigned_users = [{"id": name, "name": name} for name in promotion.approvers] or None
        super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> dict[str, str]:
        """The answer, for XCom."""
        super().execute_complete(context, event)
        answer = answer_from(event)
        self.log.info("%s by %s at %s", answer.kind, answer.who, answer.at)
        return answer.to_xcom()


def approval_task(
    step: Callable[..., Any], open_workspace: OpenWorkspace, inputs: dict[str, Any], **options: Any
) -> RequestApproval:
    """A task that asks what `step` returns; its output is the answer."""
    return RequestApproval(
        step=step,
        open_workspace=open_workspace,
        inputs=inputs,
        subject="",
        options=[APPROVE, REJECT],
        defaults=REJECT,
        params={COMMENT: Param("", type=["null", "string"], title="Comment", description="Why; kept in the record.")},
        # Another one is set at run time; without any, Airflow takes the execution_timeout for it.
        response_timeout=timedelta(hours=1),
        doc_md=inspect.getdoc(step),
        doc=f"{RUNBOOK}#{step.__name__}",
        on_failure_callback=partial(keep_failure, open_workspace),
        **options,
    )


def answer_from(event: dict[str, Any]) -> Answer:
    """An Answer from what Airflow resumes the task with. A time-out has chosen the default, and no user."""
    user = event["responded_by_user"]
    if event.get("timedout") or not user:
        return Answer("timed_out", NOBODY, event["responded_at"])
    comment = (event["params_input"] or {}).get(COMMENT) or ""
    return Answer(
        "approved" if event["chosen_options"] == [APPROVE] else "rejected",
        user["name"] or user["id"],
        event["responded_at"],
        comment.strip(),
    )


def next_start(dag: Any, now: datetime) -> datetime | None:
    """When the DAG's cron starts its next run; None where it has none."""
    from croniter import croniter  # type: ignore[import-untyped]

    if not isinstance(dag.schedule, str):
        return None
    local = now.astimezone(ZoneInfo(str(dag.timezone)))
    start: datetime = croniter(dag.schedule, local).get_next(datetime)
    return start
