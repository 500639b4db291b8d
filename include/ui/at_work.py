"""What Airflow knows of runs: daily ones that have not ended and how far they are, and how a form's run ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from datetime import date, datetime

ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AtWork:
    """A run that is running: tasks that have ended, of those known so far (mapped ones once they are expanded)."""

    as_of_date: date | None
    ended: int
    tasks: int
    since: datetime | None
    path: str


def runs_at_work(dag_id: str) -> list[AtWork]:
    """Oldest first; empty where Airflow's database cannot be asked: the page says what the tables know all the same."""
    from airflow.models import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import func, select
    from sqlalchemy.exc import SQLAlchemyError

    running = select(DagRun.run_id, DagRun.start_date).where(DagRun.dag_id == dag_id, DagRun.state == "running")
    counted = select(TaskInstance.run_id, TaskInstance.state, func.count()).where(TaskInstance.dag_id == dag_id)
    try:
        with create_session() as session:
            runs = session.execute(running.order_by(DagRun.start_date)).all()
            names = [run_id for run_id, _ in runs]
            counts = counted.where(TaskInstance.run_id.in_(names)).group_by(TaskInstance.run_id, TaskInstance.state)
            states = session.execute(counts).all() if runs else []
    except SQLAlchemyError as error:
        logger.warning("what is at work is not known: %s", type(error).__name__)
        return []
    return [_at_work(dag_id, run_id, since, [(s, n) for of, s, n in states if of == run_id]) for run_id, since in runs]


def ended_as(dag_id: str, run_id: str) -> str:
    """How a form's run ended: `failed`, `dry run` or `done`; nothing where it has not, or Airflow cannot be asked."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    columns = select(DagRun.state, DagRun.conf).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    try:
        with create_session() as session:
            found = session.execute(columns).one_or_none()
    except SQLAlchemyError as error:
        logger.warning("how a run ended is not known: %s", type(error).__name__)
        return ""
    if found is None or found.state not in ("success", "failed"):
        return ""
    if found.state == "failed":
        return "failed"
    # Whoever sends no value gets the form's own, which is a dry run.
    return "dry run" if (found.conf or {}).get("dry_run", True) else "done"


def _at_work(dag_id: str, run_id: str, since: datetime | None, states: list[tuple[str | None, int]]) -> AtWork:
    from include.ui.task_links import date_of_run

    return AtWork(
        as_of_date=date_of_run(dag_id, run_id),
        ended=sum(number for state, number in states if state in ENDED),
        tasks=sum(number for _, number in states),
        since=since,
        path=f"../dags/{dag_id}/runs/{quote(run_id, safe='')}",
    )
