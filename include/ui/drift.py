"""Drift, short and long apart: a sudden change stands out in the short one, a gradual one in the long one only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from itertools import product
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.retraining.monitoring.not_compared import newest_measured, not_compared
from include.retraining.monitoring.tables import DISTRIBUTIONS, DRIFT_METRICS
from include.retraining.warehouse.protocol import Warehouse
from include.ui.errors import NotThereError
from include.ui.plots import Line, Point, lines_plot, number, pairs_plot
from include.ui.reading import Reading
from include.ui.rendering import rendered
from include.ui.windows import SPANS, USUAL, dates_between, newest_date, table_of_days, window_of

router = APIRouter()
HORIZONS = {
    "short": ("Sudden: the last day", "The last day against the same weekdays of the last weeks."),
    "long": ("Gradual: the last week", "The last week against what the champion learnt from."),
}
SUBJECTS = ("events", "features", "scores", "lists")
COLUMNS = ("as_of_date", "horizon", "subject", "name", "value", "threshold", "drifted", "days_in_a_row")
IN_TIMES = "times its limit"
MOST_BINS, DAYS_BEFORE = 12, 28


@dataclass(frozen=True)
class Drifted:
    """What differs now, how far beyond its limit, for how long."""

    horizon: str
    subject: str
    name: str
    value: float
    threshold: float
    days_in_a_row: int

    @property
    def told(self) -> str:
        """Without its name."""
        since = "since that day" if self.days_in_a_row <= 1 else f"for {self.days_in_a_row} days in a row"
        return f"{number(self.value)}, limit {number(self.threshold)}, {since}"


@router.get("/drift")
def drift(request: Request, reading: Reading, days: str = USUAL) -> HTMLResponse:
    """For each horizon a picture per subject, and what differs now in words."""
    warehouse = reading.warehouse
    newest = newest_measured(warehouse) or newest_date(warehouse, DRIFT_METRICS)
    window = window_of(days, reading.settings, newest)
    measured = table_of_days(warehouse, DRIFT_METRICS, "as_of_date", window.dates, COLUMNS)
    rows = measured.filter(pc.equal(measured["as_of_date"], window.last)).to_pylist()
    compared = {row["subject"] for row in rows}
    return rendered(
        request, "drift.html.j2", window=window, spans=SPANS, horizons=HORIZONS, empty=not measured.num_rows,
        pictures=_pictures(measured), now=drifted_of(rows),
        nothing=not_compared(warehouse, window.last, SUBJECTS, compared) if newest else [], compared=bool(compared),
        names=sorted({(row["subject"], row["name"]) for row in rows}),
    )  # fmt: skip


@router.get("/drift/{subject}/{name:path}")
def one_measure(request: Request, reading: Reading, subject: str, name: str, days: str = USUAL) -> HTMLResponse:
    """One measure: both horizons, and its bins on the last day beside the weeks before. NotThereError without any."""
    warehouse = reading.warehouse
    window = window_of(days, reading.settings, newest_date(warehouse, DRIFT_METRICS))
    columns = (*COLUMNS, "statistic", "reference", "rows", "reference_rows")
    where = {"subject": subject, "name": name}
    rows = table_of_days(warehouse, DRIFT_METRICS, "as_of_date", window.dates, columns, where).to_pylist()
    if not rows:
        raise NotThereError(
            f"a measure among those of the page Drift, of the last {days} days", f"{subject} {name}", "choose one there"
        )
    latest = {row["horizon"]: row for row in rows}
    return rendered(
        request, "measure.html.j2", subject=subject, name=name, window=window, spans=SPANS, horizons=HORIZONS,
        latest=latest, pictures={horizon: _one_line(rows, horizon) for horizon in latest},
        bins=_bins(warehouse, subject, name),
    )  # fmt: skip


def drifted_of(rows: Iterable[Mapping[str, Any]]) -> list[Drifted]:
    """What is beyond its limit, longest first."""
    names = ("horizon", "subject", "name", "value", "threshold", "days_in_a_row")
    found = [Drifted(**{name: row[name] for name in names}) for row in rows if row["drifted"]]
    return sorted(found, key=lambda of: (-of.days_in_a_row, of.horizon, of.subject, of.name))


def _pictures(measured: pa.Table) -> dict[str, list[tuple[str, str, Any]]]:
    """By horizon (subject, what lies farthest out, picture): of each day the largest share of its limit reached.

    A year has tens of thousands of measures: what is not the largest of a day never becomes an object of Python.
    """
    limited = measured.filter(pc.and_(pc.greater(measured["threshold"], 0), pc.is_valid(measured["value"])))
    limited = limited.append_column("share", pc.divide(limited["value"], limited["threshold"]))
    of_a_day = ["horizon", "subject", "as_of_date"]
    farthest: dict[tuple[str, str], dict[date, float]] = {}
    for row in limited.group_by(of_a_day).aggregate([("share", "max")]).sort_by("as_of_date").to_pylist():
        farthest.setdefault((row["horizon"], row["subject"]), {})[row["as_of_date"]] = row["share_max"]
    found: dict[str, list[tuple[str, str, Any]]] = {horizon: [] for horizon in HORIZONS}
    for horizon, subject in product(HORIZONS, SUBJECTS):
        if days := farthest.get((horizon, subject)):
            line = Line("farthest measure", tuple(Point(day, share) for day, share in days.items()))
            note = f"on the last day: {_farthest(limited, horizon, subject, max(days))}"
            picture = lines_plot((line,), IN_TIMES, 1.0, "the limit", from_zero=True)
            found[horizon].append((subject, note, picture))
    return found


def _farthest(limited: pa.Table, horizon: str, subject: str, day: date) -> str:
    """The name of the measure."""
    asked = {"horizon": horizon, "subject": subject, "as_of_date": day}
    rows = limited.filter(reduce(pc.and_, [pc.equal(limited[name], value) for name, value in asked.items()]))
    return str(max((row["share"], row["name"]) for row in rows.select(["share", "name"]).to_pylist())[1])


def _one_line(rows: Sequence[Mapping[str, Any]], horizon: str) -> Any:
    chosen = [row for row in rows if row["horizon"] == horizon and row["value"] is not None]
    points = tuple(Point(row["as_of_date"], row["value"]) for row in chosen)
    limit = chosen[-1]["threshold"] if chosen else None
    unit = chosen[-1]["statistic"] if chosen else ""
    return lines_plot((Line(horizon, points),), unit, limit, "the limit", from_zero=True) if chosen else None


def _bins(warehouse: Warehouse, subject: str, name: str) -> Any:
    """Shares of the bins of the last day, beside those of the weeks before it."""
    newest = newest_date(warehouse, DISTRIBUTIONS)
    if newest is None:
        return None
    first = newest.fromordinal(newest.toordinal() - DAYS_BEFORE)
    where = {"subject": subject, "name": name}
    rows = table_of_days(
        warehouse, DISTRIBUTIONS, "day", dates_between(first, newest), ("day", "bin", "count"), where
    ).to_pylist()
    if not rows:
        return None
    # Events are of the day before the date that lists are of.
    last = max(row["day"] for row in rows)
    now = _shares(row for row in rows if row["day"] == last)
    before = _shares(row for row in rows if row["day"] != last)
    bins = list(dict.fromkeys([*now, *before]))
    largest = sorted(bins, key=lambda of: -max(now.get(of, 0), before.get(of, 0)))[:MOST_BINS]
    chosen = tuple((of, now.get(of, 0.0), before.get(of, 0.0)) for of in bins if of in largest)
    return pairs_plot(chosen, "share", (str(last), f"{DAYS_BEFORE} days before"))


def _shares(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["bin"]] = counts.get(row["bin"], 0) + (row["count"] or 0)
    whole = sum(counts.values()) or 1
    return {name: count / whole for name, count in counts.items()}
