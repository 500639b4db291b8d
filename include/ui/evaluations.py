"""What was measured offline before a decision: rows of `evaluation_results`, a surface at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.retraining.tables import EVALUATION_RESULTS
from include.ui.plots import Line, Point, Whisker
from include.ui.windows import table_of_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

CHALLENGER, CHAMPION, EVERYBODY = "challenger", "champion", "all"
# How the segment of a week begins; its first day follows.
WEEK = "week "
COLUMNS = ("as_of_date", "contender", "versus", "segment", "metric", "mean", "low", "high", "users")


@dataclass(frozen=True)
class Measured:
    """One row of a date and surface. `versus` is empty for a plain metric."""

    contender: str
    versus: str
    segment: str
    metric: str
    mean: float
    low: float
    high: float
    users: int


def champion_lines(warehouse: Warehouse, surface: str, metric: str, dates: Sequence[date]) -> tuple[Line, ...]:
    """Challenger, champion and best baseline of each date, of everybody; those that there are."""
    where = {"surface": surface, "metric": metric, "segment": EVERYBODY, "versus": ""}
    rows = table_of_days(warehouse, EVALUATION_RESULTS, "as_of_date", dates, COLUMNS, where).to_pylist()
    by_day: dict[date, dict[str, Any]] = {}
    for row in rows:
        by_day.setdefault(row["as_of_date"], {})[row["contender"]] = row
    found = {
        name: [(day, row) for day, rows in by_day.items() if (row := _of(name, rows))]
        for name in (CHALLENGER, CHAMPION, "best baseline")
    }
    return tuple(
        Line(name, tuple(Point(day, row["mean"], row["low"], row["high"]) for day, row in rows))
        for name, rows in found.items()
        if rows
    )


def measured(warehouse: Warehouse, day: date, surface: str) -> list[Measured]:
    """Everything that was measured for a decision."""
    rows = warehouse.read(EVALUATION_RESULTS, {"as_of_date": day, "surface": surface}, COLUMNS[1:]).to_pylist()
    return [Measured(**row) for row in rows]


def metrics_of(found: Iterable[Measured], metric: str) -> tuple[Whisker, ...]:
    """Each contender's metric among everybody, best first; who was measured on fewer weeks than others says so."""
    found = [of for of in found if not of.versus and of.metric == metric]
    plain = [of for of in found if of.segment == EVERYBODY]
    weeks = Counter(of.contender for of in found if of.segment.startswith(WEEK))
    all_weeks = max(weeks.values(), default=0)

    def name_of(contender: str) -> str:
        fewer = f", {weeks[contender]} of {all_weeks} weeks" if weeks[contender] < all_weeks else ""
        return contender.replace("_", " ") + fewer

    return tuple(
        Whisker(name_of(of.contender), of.mean, of.low, of.high)
        for of in sorted(plain, key=lambda of: (-of.mean, of.contender))
    )


def differences_of(found: Iterable[Measured], metric: str) -> tuple[Whisker, ...]:
    """The challenger minus each other contender, among everybody."""
    chosen = [of for of in found if of.versus and (of.segment, of.metric) == (EVERYBODY, metric)]
    return tuple(Whisker(f"over {of.versus.replace('_', ' ')}", of.mean, of.low, of.high) for of in chosen)


def segments_of(found: Iterable[Measured], metric: str, versus: str, most: int = 12) -> tuple[tuple[Whisker, ...], int]:
    """The challenger minus another in groups of people, the largest first, and how many groups there are.

    Those whose own interval lies below zero are never left out. Weeks are no groups.
    """
    groups = [
        of
        for of in found
        if (of.versus, of.metric) == (versus, metric) and of.segment != EVERYBODY and not of.segment.startswith(WEEK)
    ]
    losers_first = sorted(groups, key=lambda of: (of.high >= 0, -of.users, of.segment))
    losers = sum(of.high < 0 for of in groups)
    shown = sorted(losers_first[: max(most, losers)], key=lambda of: (-of.users, of.segment))
    return tuple(Whisker(of.segment, of.mean, of.low, of.high) for of in shown), len(groups)


def _of(name: str, rows: Mapping[str, Any]) -> Any:
    if name in (CHALLENGER, CHAMPION):
        return rows.get(name)
    baselines = [row for contender, row in rows.items() if contender not in (CHALLENGER, CHAMPION)]
    return max(baselines, key=lambda row: row["mean"], default=None)
