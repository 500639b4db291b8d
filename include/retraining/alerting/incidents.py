"""What alerting remembers: what failed tasks said, which alerts were sent, which of them are still open."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.retraining.tables import ALERTS, TASK_FAILURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.retraining.alerting.channels import Delivery
    from include.retraining.alerting.message import Alert
    from include.retraining.alerting.readers import Readers
    from include.retraining.run import Run
    from include.retraining.warehouse.protocol import Warehouse

INCIDENTS = ["run_failed", "publication_late"]


@dataclass(frozen=True)
class TaskFailure:
    """What a failed try of a task said. `next_step` and `runbook_section` are empty for errors that are not ours."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    error: str
    message: str
    next_step: str
    runbook_section: str
    failed_at: datetime


def record_failure(warehouse: Warehouse, failure: TaskFailure) -> None:
    """Append what a failed try said, once."""
    import pyarrow as pa

    warehouse.append_once(TASK_FAILURES, pa.Table.from_pylist([asdict(failure)], schema=TASK_FAILURES.schema))


def failures_of(warehouse: Warehouse | None, run: Run) -> dict[tuple[str, int], TaskFailure]:
    """What the last failed try of each task of a run said, by task id and map index (-1: not mapped)."""
    if warehouse is None:
        return {}
    rows = warehouse.read(TASK_FAILURES, {"dag_id": run.dag_id, "run_id": run.run_id}).to_pylist()
    failures = sorted((TaskFailure(**row) for row in rows), key=lambda failure: failure.try_number)
    return {(failure.task_id, failure.map_index): failure for failure in failures}


def was_said(warehouse: Warehouse, alert: Alert, within: timedelta) -> bool:
    """Whether the last such alert that reached anybody said the same, not long ago, and no recovery came in between."""
    said = [row for row in _alerts_of(warehouse, alert) if was_told(row)]
    if not said or said[-1]["fingerprint"] != alert.fingerprint:
        return False
    over = alert.kind in INCIDENTS and said[-1] not in open_incidents(warehouse, alert.run.dag_id)
    return not over and bool(datetime.now(UTC) - said[-1]["sent_at"] < within)


def was_told(row: Mapping[str, Any]) -> bool:
    """Whether an alert reached anybody: some channel took it, or none wanted it and the log is all there is."""
    return bool(row["delivered"]) or not row["broken"]


def record_alert(warehouse: Warehouse, alert: Alert, delivery: Delivery) -> None:
    """Append an alert that was sent."""
    import pyarrow as pa

    said = _alerts_of(warehouse, alert)
    row = {
        "dag_id": alert.run.dag_id,
        "run_id": alert.run.run_id,
        "kind": alert.kind,
        "number": said[-1]["number"] + 1 if said else 1,
        "as_of_date": alert.run.as_of_date,
        "why": alert.run.why,
        "severity": alert.severity,
        "fingerprint": alert.fingerprint,
        "subject": alert.subject,
        "text": alert.text,
        "delivered": list(delivery.delivered),
        "broken": [f"{name}: {error}" for name, error in delivery.broken.items()],
        "sent_at": datetime.now(UTC),
    }
    warehouse.append_once(ALERTS, pa.Table.from_pylist([row], schema=ALERTS.schema))


def open_incidents(warehouse: Warehouse, dag_id: str) -> list[dict[str, Any]]:
    """Alerts of a DAG about failed or late runs that no recovery has closed, oldest first."""
    rows = sorted(warehouse.read(ALERTS, {"dag_id": dag_id}).to_pylist(), key=lambda row: row["sent_at"])
    recoveries = [row for row in rows if row["kind"] == "recovered"]
    return [
        row
        for row in rows
        if row["kind"] in INCIDENTS
        and not any(later["sent_at"] > row["sent_at"] and heals(later, row) for later in recoveries)
    ]


def closed_by(warehouse: Warehouse, run: Run, readers: Readers) -> list[dict[str, Any]]:
    """Open incidents that the success of a run closes: none while readers lack the lists that one of them is about."""
    closed = [row for row in open_incidents(warehouse, run.dag_id) if heals(vars(run), row)]
    missed = [row for row in closed if _is_about_readers(row) and not readers.have(row["as_of_date"])]
    return [] if missed else closed


def heals(success: Mapping[str, Any], incident: Mapping[str, Any]) -> bool:
    """A date is mended by a success of that date; a daily run also by a later one, a backfill's old date is not."""
    if success["as_of_date"] == incident["as_of_date"]:
        return True
    return bool(success["as_of_date"] > incident["as_of_date"]) and incident["why"] != "backfill"


def _is_about_readers(incident: Mapping[str, Any]) -> bool:
    return bool(incident["severity"] == "page" or incident["kind"] == "publication_late")


def _alerts_of(warehouse: Warehouse, alert: Alert) -> list[dict[str, Any]]:
    where = {"dag_id": alert.run.dag_id, "run_id": alert.run.run_id, "kind": alert.kind}
    return sorted(warehouse.read(ALERTS, where).to_pylist(), key=lambda row: row["number"])
