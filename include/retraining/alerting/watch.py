"""Look at what readers see once the deadline has passed, whatever became of the run that should have published it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.incidents import open_incidents, was_told
from include.retraining.alerting.links import links_of
from include.retraining.alerting.message import Alert
from include.retraining.alerting.readers import readers_now
from include.retraining.alerting.send import send_once
from include.retraining.errors import StepSkipped
from include.retraining.publication.switch_log import read_switch_log

if TYPE_CHECKING:
    from include.retraining.alerting.readers import Readers
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace


def check_publication_is_out(run: Run, workspace: Workspace[Any], dag_id: str) -> str:
    """Alert where readers have no lists of today by the deadline.

    **Does**: asks the switches log, not Airflow: so it sees a paused DAG, a run that hangs and one that never was.
    Silent where an alert about the failed run reached somebody; a notice only until the first publication is out.
    **Writes**: `alerts`; nothing else.
    **If it fails**: readers are not concerned; nobody watches the deadline of this day.
    **What to do**: `make freshness` says what readers see; read the log and clear the task.
    """
    if run.why == "backfill":
        raise StepSkipped("the deadline of an older date is long past")
    readers = readers_now(workspace.warehouse)
    if readers.have(run.as_of_date):
        return readers.line
    watched = replace(run, dag_id=dag_id)
    paged = [row for row in open_incidents(workspace.warehouse, dag_id) if _is_about(row, run) and was_told(row)]
    if paged:
        return f"said already: {paged[-1]['subject']}"
    alert = late_alert(watched, workspace, readers)
    sent = send_once(workspace.warehouse, workspace.settings.alerts, alert)
    return f"{'sent' if sent else 'not sent again'}: {alert.subject}"


def late_alert(run: Run, workspace: Workspace[Any], readers: Readers) -> Alert:
    """A page; a notice under a hold, which somebody wanted, and until anything was ever published."""
    settings, log = workspace.settings, read_switch_log(workspace.warehouse)
    held, first = log.is_held(settings.publication.after_rollback), log.current is None
    links = links_of(run, settings.alerts)
    return Alert(
        severity="notice" if held or first else "page",
        kind="publication_late",
        run=run,
        headline=_headline(held, first, settings.alerts.deadline),
        readers=readers.line,
        impact=f"readers have no lists of {run.as_of_date}",
        first_action=(
            "publishing is on hold since a rollback: release it once the next lists are right"
            if held
            else f"open {run.dag_id}: is it paused, queued, waiting for events, or does a task hang?"
        ),
        runbook=links.section("publication-late"),
        log=f"{links.airflow_url.rstrip('/')}/dags/{run.dag_id}",
        since=datetime.now(UTC),
        page=links.page(run.as_of_date),
    )


def _headline(held: bool, first: bool, deadline: str) -> str:
    if held:
        return "not published: on hold"
    return "nothing was ever published yet" if first else f"not published by {deadline}"


def _is_about(incident: dict[str, Any], run: Run) -> bool:
    return incident["severity"] == "page" and bool(incident["as_of_date"] == run.as_of_date)
