"""From a failed run to one alert that names every task which failed by itself, the first cause first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.retraining.alerting.links import Links, part_of_page
from include.retraining.alerting.message import Alert, FailedTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from include.retraining.alerting.incidents import TaskFailure
    from include.retraining.alerting.readers import Readers
    from include.retraining.run import Run
    from include.retraining.settings import Severity

READ_THE_LOG = "open the log, and the runbook's section"


@dataclass(frozen=True)
class TaskPage:
    """What a DAG says about a task: its page, its section of the runbook, and how many tasks come before it."""

    doc: str
    section: str
    depth: int


@dataclass(frozen=True)
class Failure:
    """A task that failed, and what it said: nothing where it was killed."""

    task_id: str
    map_index: int
    page: TaskPage
    said: TaskFailure | None


def failures_in(
    states: Mapping[str, str | None],
    pages: Mapping[str, TaskPage],
    said: Mapping[tuple[str, int], TaskFailure],
) -> list[Failure]:
    """Tasks in the state failed, in the order of the DAG, then of time. Upstream_failed ones are no causes.

    Where the states are not to be had, the tasks that said something must do.
    """
    failed = [_task_of(key, pages) for key, state in states.items() if state == "failed"] if states else list(said)
    failures = [Failure(task, index, pages[task], said.get((task, index))) for task, index in failed if task in pages]
    return sorted(failures, key=lambda f: (f.page.depth, _moment(f), f.task_id, f.map_index))


def failed_run_alert(
    run: Run, failures: Sequence[Failure], readers: Readers, impact: tuple[Severity, str], links: Links, reason: str
) -> Alert:
    """The one alert about a failed run."""
    tasks = tuple(_told(failure, links) for failure in failures)
    first = tasks[0] if tasks else None
    more = f" and {len(tasks) - 1} more" if len(tasks) > 1 else ""
    severity, sentence = impact
    return Alert(
        severity=severity,
        kind="run_failed",
        run=run,
        headline=f"{first.name} failed{more}" if first else f"the run failed ({reason})",
        readers=readers.line,
        impact=sentence,
        first_action=first.first_action if first else "open the run in the Airflow UI",
        runbook=first.runbook if first else links.section(""),
        log=first.log if first else links.run,
        since=min(_moments(failures), default=datetime.now(UTC)),
        failed=tasks,
        page=links.page(run.as_of_date),
    )


def _told(failure: Failure, links: Links) -> FailedTask:
    said = failure.said
    section = (said and said.runbook_section) or failure.page.section
    return FailedTask(
        name=failure.task_id if failure.map_index < 0 else f"{failure.task_id}[{failure.map_index}]",
        impact=part_of_page(failure.page.doc, "If it fails") or "see the runbook",
        first_action=(said and said.next_step) or part_of_page(failure.page.doc, "What to do") or READ_THE_LOG,
        runbook=links.section(section),
        log=links.log(failure.task_id, failure.map_index, said.try_number if said else 0),
        error=said.error if said else "",
        message=said.message if said else "",
    )


def _task_of(key: str, tasks: Iterable[str]) -> tuple[str, int]:
    """Airflow names the third part of a mapped task `task_id_2`."""
    mapped = re.fullmatch(r"(.+)_(\d+)", key)
    return (mapped[1], int(mapped[2])) if mapped and key not in tasks else (key, -1)


def _moment(failure: Failure) -> datetime:
    return failure.said.failed_at if failure.said else datetime.max.replace(tzinfo=UTC)


def _moments(failures: Sequence[Failure]) -> list[datetime]:
    return [failure.said.failed_at for failure in failures if failure.said]
