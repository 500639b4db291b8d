"""Who ranks each surface: the terms of office, and how champion, challenger and best baseline did, date by date."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.retraining.monitoring.tables import REPRODUCTIONS
from include.retraining.promotion.decisions import terms_of_office
from include.retraining.run import parse_date
from include.retraining.tables import EVALUATION_RESULTS
from include.retraining.warehouse.protocol import Warehouse
from include.ui.decided import Decided, read_decided, surfaces_in
from include.ui.drawing import Picture
from include.ui.errors import NotThereError
from include.ui.evaluations import (
    CHAMPION,
    WEEK,
    Measured,
    champion_lines,
    differences_of,
    measured,
    metrics_of,
    segments_of,
)
from include.ui.forms import BACKFILL, ROLL_BACK_MODEL
from include.ui.plots import lines_plot, whiskers_plot
from include.ui.reading import Reading
from include.ui.rendering import rendered
from include.ui.windows import SPANS, USUAL, newest_date, window_of

router = APIRouter()
TERMS = 8
IN_WORDS = {
    "promote": "promoted by the run", "approve": "approved by a person", "rollback": "put back by a person",
}  # fmt: skip


@router.get("/champions")
def champions(request: Request, reading: Reading, days: str = USUAL) -> HTMLResponse:
    """A part for each surface about which something was ever decided."""
    warehouse, metric = reading.warehouse, reading.settings.promotion.metric
    window = window_of(days, reading.settings, newest_date(warehouse, EVALUATION_RESULTS))
    decided = read_decided(warehouse)
    parts = [_part(warehouse, surface, metric, window.dates) for surface in surfaces_in(decided)]
    latest = [each for day in sorted(decided, reverse=True)[:3] for each in decided[day]]
    return rendered(
        request, "champions.html.j2", parts=parts, metric=metric, window=window, spans=SPANS, latest=latest,
        in_words=IN_WORDS, forms=(ROLL_BACK_MODEL, BACKFILL),
    )  # fmt: skip


@router.get("/decisions/{as_of_date}/{surface}")
def decision(request: Request, reading: Reading, as_of_date: str, surface: str) -> HTMLResponse:
    """Why a challenger was promoted or not. NotThereError where nothing was decided."""
    day, warehouse, metric = parse_date(as_of_date), reading.warehouse, reading.settings.promotion.metric
    decided = next((each for each in read_decided(warehouse, [day]).get(day, []) if each.surface == surface), None)
    if decided is None:
        raise NotThereError(
            f"a decision about a challenger of {surface!r} on {day}", "none", "choose a date of the calendar"
        )
    found = measured(warehouse, day, surface)
    return rendered(
        request, "decision.html.j2", decided=decided, metric=metric, pictures=_evidence(found, decided, metric),
        weeks=[of for of in found if of.segment.startswith(WEEK) and not of.versus and of.metric == metric],
        form=ROLL_BACK_MODEL,
    )  # fmt: skip


def _part(warehouse: Warehouse, surface: str, metric: str, dates: list[date]) -> dict[str, Any]:
    terms = terms_of_office(warehouse, surface)[::-1]
    lines = champion_lines(warehouse, surface, metric, dates)
    changes = tuple(sorted({term["as_of_date"] for term in terms} & set(dates)))
    return {
        "surface": surface,
        "picture": lines_plot(lines, metric, days=changes) if lines else None,
        "terms": terms[:TERMS],
        "older": max(len(terms) - TERMS, 0),
        "reproduced": _reproduced(warehouse, surface),
    }


def _evidence(found: list[Measured], decided: Decided, metric: str) -> list[tuple[str, Picture]]:
    incumbent = CHAMPION if any(of.versus == CHAMPION for of in found) else decided.baseline
    groups, number = segments_of(found, metric, incumbent)
    left_out = f", {len(groups)} of {number} groups" if number > len(groups) else ""
    pictures = (
        (f"{metric} of each contender", metrics_of(found, metric), False),
        (f"The challenger minus each other, {metric}", differences_of(found, metric), True),
        (f"By group{left_out}: challenger minus {incumbent.replace('_', ' ')}", groups, True),
    )
    return [(title, whiskers_plot(values, metric, zero=zero, left=190)) for title, values, zero in pictures if values]


def _reproduced(warehouse: Warehouse, surface: str) -> dict[str, Any] | None:
    """The latest attempt to train a champion again."""
    columns = ["as_of_date", "surface", "model_version", "verdict", "why", "users_compared", "same_lists"]
    rows = warehouse.read(REPRODUCTIONS, {"surface": surface}, columns).to_pylist()
    return max(rows, key=lambda row: row["as_of_date"], default=None)
