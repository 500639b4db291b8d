"""Tells people that somebody is waited for, and that nobody answered."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.attempt import attempt
from include.retraining.alerting.links import links_of
from include.retraining.alerting.message import Alert
from include.retraining.alerting.readers import readers_now
from include.retraining.alerting.send import send_once

if TYPE_CHECKING:
    from include.retraining.promotion.approval import Question
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

GROUP = "request_approval"


def tell_of_question(run: Run, workspace: Workspace[Any], surface: str, question: Question) -> None:
    """Send where to answer, and until when. Never raises: the question is open in Airflow all the same."""
    attempt("tell of a question", partial(_tell_of_question, run, workspace, surface, question), otherwise=None)


def tell_of_time_out(run: Run, workspace: Workspace[Any], surface: str, model: str) -> None:
    """Say that nobody answered. Never raises."""
    attempt("tell of a time-out", partial(_tell_of_time_out, run, workspace, surface, model), otherwise=None)


def _tell_of_question(run: Run, workspace: Workspace[Any], surface: str, question: Question) -> None:
    settings = workspace.settings.alerts
    links = links_of(run, settings)
    page = f"{links.log(f'{GROUP}.{surface}')}/required_actions"
    alert = Alert(
        severity="notice",
        kind="approval_requested",
        run=run,
        headline=f"approval wanted for {surface}",
        readers=readers_now(workspace.warehouse).line,
        impact="none: lists are out, and the champion goes on where nobody answers",
        first_action=f"read the evidence and press Approve or Reject: {page}",
        runbook=links.section("approval-requested"),
        log=links.log(f"{GROUP}.{surface}"),
        since=datetime.now(UTC),
        details=(question.subject,),
    )
    send_once(workspace.warehouse, settings, alert)


def _tell_of_time_out(run: Run, workspace: Workspace[Any], surface: str, model: str) -> None:
    settings = workspace.settings.alerts
    links = links_of(run, settings)
    alert = Alert(
        severity="notice",
        kind="approval_timed_out",
        run=run,
        headline=f"nobody answered for {surface}",
        readers=readers_now(workspace.warehouse).line,
        impact=f"none tonight: the champion goes on, {model} stays out",
        first_action="read the evidence; to be asked again today clear the task, later use rollback_model",
        runbook=links.section("approval-timed-out"),
        log=links.log(f"{GROUP}.{surface}"),
        since=datetime.now(UTC),
        details=(f"{surface}: {model} was not approved in time",),
    )
    send_once(workspace.warehouse, settings, alert)
