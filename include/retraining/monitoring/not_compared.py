"""Why a date's drift says nothing of a subject: there was none of it that day, or no day to compare it with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.retraining.monitoring.tables import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from include.retraining.warehouse.protocol import Warehouse

EVENTS = "events"


def not_compared(
    warehouse: Warehouse, as_of_date: date, subjects: Iterable[str], compared: Collection[str]
) -> list[str]:
    """A line for each subject that is not among those compared. Events are those of the day before."""
    found = [(values["subject"], values["day"]) for values in warehouse.partitions(DISTRIBUTIONS)]
    lines = []
    for subject in subjects:
        day = as_of_date - timedelta(days=1) if subject == EVENTS else as_of_date
        days = {each for of, each in found if of == subject}
        if subject not in compared:
            there = day.isoformat() in days
            lines.append(f"{subject}: {'no reference days yet' if there else f'no {subject} on {day}'}")
    return lines


def newest_measured(warehouse: Warehouse) -> date | None:
    """The last as_of_date whose distributions are there; None before the first."""
    return max(
        (
            date.fromisoformat(values["day"]) + timedelta(days=values["subject"] == EVENTS)
            for values in warehouse.partitions(DISTRIBUTIONS)
        ),
        default=None,
    )
