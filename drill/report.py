"""The table of a drill, as Markdown that reads well on a terminal too."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drill.kinds import Fault

HEADER = ("fault", "kind of task", "where", "alert after", "readers meanwhile", "recovered")


@dataclass(frozen=True)
class Row:
    """What became of one fault. `misses` say in words what was not as it should be."""

    fault: Fault
    lasting: bool
    kind: str
    where: str
    alert_seconds: float | None
    readers: str
    recovered: str
    misses: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """After how long an alert had arrived."""
        return "no alert" if self.alert_seconds is None else f"alert after {self.alert_seconds:.0f} s"

    def __str__(self) -> str:
        """One line while the drill goes on."""
        return f"{self.fault}, {self.where}: {self.told}; {'; '.join(self.misses) or 'as it should be'}"


def table(rows: Sequence[Row]) -> str:
    """All rows; those that differ only in where they struck are one."""
    merged = [_merged(list(group)) for _, group in groupby(sorted(rows, key=_order), key=_order)]
    cells = [HEADER, *merged]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    lines = [_line(row, widths) for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(text.ljust(width) for text, width in zip(row, widths, strict=True))} |"


def summary(rows: Sequence[Row]) -> str:
    """One line."""
    seconds = [row.alert_seconds for row in rows if row.alert_seconds is not None]
    missed = sum(bool(row.misses) for row in rows)
    told = f"{len(seconds)} alerts, half of them within {median(seconds):.0f} s" if seconds else "no alert"
    return f"{len(rows)} faults, {missed} missed; {told}"


def misses_of(rows: Iterable[Row]) -> list[str]:
    """Everything that was not as it should be."""
    return [f"{row.fault}, {row.where}: {miss}" for row in rows for miss in row.misses]


def _order(row: Row) -> tuple[object, ...]:
    return (row.lasting, row.fault, row.kind, row.alert_seconds or 0.0, row.readers, row.recovered, bool(row.misses))


def _merged(rows: list[Row]) -> tuple[str, ...]:
    first = rows[0]
    return (
        f"{first.fault}, every try" if first.lasting else first.fault,
        first.kind,
        first.where if len(rows) == 1 else f"{len(rows)} tasks",
        "no alert" if first.alert_seconds is None else f"{first.alert_seconds:.0f} s",
        first.readers,
        "MISSED" if first.misses else first.recovered,
    )
