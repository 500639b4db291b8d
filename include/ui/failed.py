"""Runs that failed and were not mended since: the first red task of a date, what it said, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from include.retraining.alerting.failed_run import READ_THE_LOG
from include.retraining.alerting.incidents import TaskFailure
from include.retraining.alerting.message import SAID_NOTHING, parts_of
from include.retraining.quality.accepted import CHECKING_TASK, DECIDING_TASK
from include.retraining.quality.history import recorded_dates
from include.retraining.tables import ALERTS, RUN_COSTS, TASK_FAILURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

Rows = list[dict[str, Any]]
# What comes before the verdict about a date's data: where it failed, the recorded verdict is that of an earlier try.
CHECKED_FIRST, CHECKS_GROUP = "check_settings", "check_data"
NO_TASK = "no task failed by itself: the run was ended by hand, or took too long"
OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Failed:
    """The last failed run of a date. `older_verdict`: the checks on record are older than this failure."""

    as_of_date: date
    run_id: str
    task: str
    others: int
    error: str
    first_action: str
    section: str
    failed_at: datetime
    run_path: str
    log_path: str
    older_verdict: bool


def failed_of(warehouse: Warehouse, dag_id: str, dates: Sequence[date]) -> dict[date, Failed]:
    """Of each date its last failed run, unless what failed there was tried again later and did not fail."""
    if not dates:
        return {}
    where = {"as_of_date": list(dates), "dag_id": dag_id}
    alerts = _alerts(warehouse, where)
    names = ("as_of_date", "run_id", "task_id", "map_index", "try_number", "recorded_at")
    tries = warehouse.read(RUN_COSTS, where, names).to_pylist()
    runs = sorted({row["run_id"] for row in (*alerts, *tries)})
    said = warehouse.read(TASK_FAILURES, {"dag_id": dag_id, "run_id": runs}).to_pylist() if runs else []
    errors = [TaskFailure(**row) for row in said]
    found = (
        (day, _failed(day, dag_id, _of(day, alerts), _of(day, tries), errors))
        for day in sorted({row["as_of_date"] for row in (*alerts, *tries)})
    )
    # Where nothing was ever checked, no verdict is older.
    checked = set(recorded_dates(warehouse))
    return {
        day: replace(failed, older_verdict=failed.older_verdict and day in checked) for day, failed in found if failed
    }


def failed_dates(warehouse: Warehouse, dag_id: str, dates: Sequence[date]) -> set[date]:
    """The dates whose last word to people was that a run failed: from the alerts alone, for many dates."""
    if not dates:
        return set()
    last: dict[date, str] = {}
    for row in _alerts(warehouse, {"as_of_date": list(dates), "dag_id": dag_id}):
        last[row["as_of_date"]] = row["kind"]
    return {day for day, kind in last.items() if kind == "run_failed"}


def _failed(day: date, dag_id: str, alerts: Rows, tries: Rows, said: Sequence[TaskFailure]) -> Failed | None:
    recovered = max((row["sent_at"] for row in alerts if row["kind"] == "recovered"), default=OLDEST)
    told = {row["run_id"]: row for row in alerts if row["kind"] == "run_failed" and row["sent_at"] > recovered}
    runs = {row["run_id"] for row in (*alerts, *tries)}
    errors = sorted((of for of in said if of.run_id in runs), key=lambda of: of.failed_at)
    last_errors = {(of.run_id, _name(of)): of for of in errors}
    named = [
        last_errors.get((run_id, name)) or _killed(dag_id, row, name)
        for run_id, row in told.items()
        for name in parts_of(row["text"]).get("Failed", "").split(", ")
    ]
    # What failed since the alert, or before there is one: an older error of the run may have been cleared with it.
    news = [of for of in errors[-1:] if of not in named and of.failed_at > recovered]
    known = frozenset((of.run_id, of.task_id, of.map_index, of.try_number) for of in errors)
    red = [of for of in news or named if not _tried_since(tries, of, known)]
    if not red:
        return None
    run_id = max(red, key=lambda of: of.failed_at).run_id
    return _told(day, [of for of in red if of.run_id == run_id], told.get(run_id), tries)


def _told(day: date, red: Sequence[TaskFailure], alert: Mapping[str, Any] | None, tries: Rows) -> Failed:
    """The task that the alert names first, as the DAG orders them; before there is one, the task that failed first."""
    parts = parts_of(alert["text"]) if alert else {}
    order = parts.get("Failed", "").split(", ")
    first = min(red, key=lambda of: (order.index(_name(of)) if _name(of) in order else len(order), of.failed_at))
    ours = parts if order[0] == _name(first) else {}
    section = ours.get("Runbook", "").partition("#")[2] or first.runbook_section or first.task_id.rpartition(".")[2]
    run_path = f"../dags/{first.dag_id}/runs/{quote(first.run_id, safe='')}"
    mapped = f"/mapped/{first.map_index}" if first.map_index >= 0 else ""
    tried = f"?try_number={first.try_number}" if first.try_number else ""
    return Failed(
        as_of_date=day,
        run_id=first.run_id,
        task=_name(first) or "the run",
        others=len(red) - 1,
        error=f"{first.error}: {first.message}" if first.error else SAID_NOTHING if first.task_id else NO_TASK,
        first_action=first.next_step or ours.get("First action", "") or READ_THE_LOG,
        section=section,
        failed_at=first.failed_at,
        run_path=run_path,
        log_path=f"{run_path}/tasks/{first.task_id}{mapped}{tried}" if first.task_id else run_path,
        older_verdict=_before_the_verdict(first.task_id) and not _checked_since(tries, first.failed_at),
    )


def _killed(dag_id: str, alert: Mapping[str, Any], name: str) -> TaskFailure:
    """What is known of a task that left no error: its name in the alert."""
    task_id, _, index = name.partition("[")
    number = int(index.removesuffix("]")) if index.removesuffix("]").isdigit() else -1
    return TaskFailure(dag_id, alert["run_id"], task_id, number, 0, "", "", "", "", alert["sent_at"])


def _before_the_verdict(task_id: str) -> bool:
    group, _, name = task_id.rpartition(".")
    return task_id == CHECKED_FIRST or (group == CHECKS_GROUP and name != DECIDING_TASK)


def _checked_since(tries: Rows, moment: datetime) -> bool:
    return any(row["task_id"].rpartition(".")[2] == CHECKING_TASK and row["recorded_at"] > moment for row in tries)


def _tried_since(tries: Rows, of: TaskFailure, failed: frozenset[tuple[str, str, int, int]]) -> bool:
    """Whether a later try of the task, in this run or another one, did not fail: costs have every try."""
    return any(
        (row["task_id"], row["map_index"]) == (of.task_id, of.map_index) and row["recorded_at"] > of.failed_at
        and (row["run_id"], of.task_id, of.map_index, row["try_number"]) not in failed
        for row in tries
    )  # fmt: skip


def _alerts(warehouse: Warehouse, where: Mapping[str, object]) -> Rows:
    columns = ("as_of_date", "run_id", "kind", "text", "sent_at")
    rows = warehouse.read(ALERTS, {**where, "kind": ["run_failed", "recovered"]}, columns).to_pylist()
    return sorted(rows, key=lambda row: row["sent_at"])


def _of(day: date, rows: Rows) -> Rows:
    return [row for row in rows if row["as_of_date"] == day]


def _name(of: TaskFailure) -> str:
    return of.task_id if of.map_index < 0 else f"{of.task_id}[{of.map_index}]"
