"""Lists that were not out by the deadline and are not yet: what was told to people, as long as it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.incidents import open_incidents
from include.retraining.alerting.message import parts_of
from include.ui.windows import today_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from include.retraining.settings import RetrainingSettings
    from include.retraining.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class Late:
    """The last alert about a date. `severity`: a page, or a notice where that is nobody's emergency."""

    as_of_date: date
    severity: str
    headline: str
    impact: str
    first_action: str
    section: str
    told_at: datetime


def late_dates(warehouse: Warehouse, dag_id: str, current: date | None) -> dict[date, Late]:
    """Of each date whose lists are late, newest first; none of a date that readers have lists of, or of a later one."""
    rows = [row for row in open_incidents(warehouse, dag_id) if row["kind"] == "publication_late"]
    late = {row["as_of_date"]: _late(row) for row in rows if current is None or row["as_of_date"] > current}
    return dict(sorted(late.items(), reverse=True))


def _late(row: Mapping[str, Any]) -> Late:
    parts = parts_of(row["text"])
    return Late(
        as_of_date=row["as_of_date"],
        severity=row["severity"],
        headline=row["subject"].partition(": ")[2],
        impact=parts.get("Impact", ""),
        first_action=parts.get("First action", ""),
        section=parts.get("Runbook", "").partition("#")[2],
        told_at=row["sent_at"],
    )


def missing_today(settings: RetrainingSettings, current: date | None) -> str:
    """That readers have no lists of today, in words; empty where they have, and before the first publication."""
    today = today_of(settings)
    if current is None or current >= today:
        return ""
    return f"no lists of today, {today}: due by {settings.alerts.deadline} ({settings.business.timezone})"
