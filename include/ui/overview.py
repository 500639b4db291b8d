"""The first page: what readers see now, the morning's questions in a line each, the latest dates, where to act."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from include.retraining.publication.freshness import freshness, hold_in_words
from include.retraining.publication.history import read_history
from include.retraining.quality.history import recorded_dates
from include.retraining.run import parse_date
from include.ui import morning
from include.ui.dates import days_between
from include.ui.forms import FORMS
from include.ui.reading import Reading
from include.ui.rendering import rendered
from include.ui.windows import today_of

router = APIRouter()
DATES = 14


@router.get("/")
def overview(request: Request, reading: Reading, as_of_date: str = "") -> Response:
    """An address with a date, as the look-up box once had it, leads to the page of that date."""
    if as_of_date:
        return RedirectResponse(f"dates/{parse_date(as_of_date)}")
    warehouse, settings = reading.warehouse, reading.settings
    history = read_history(warehouse)
    last = max([*recorded_dates(warehouse)[:1], *history.dates[:1]], default=today_of(settings))
    days = days_between(warehouse, last - timedelta(days=DATES - 1), last, history)
    shown = [day for day in reversed(days.values()) if day.verdict or day.decided or day.publications]
    fresh, line = freshness(warehouse, datetime.now(UTC))
    told = [
        morning.data_line(next((day for day in shown if day.verdict), None)),
        morning.decision_line(next((day for day in shown if day.decided), None)),
        morning.outcome_line(warehouse, settings.promotion.metric),
        morning.drift_line(warehouse),
        morning.cost_line(warehouse, list(days)),
        morning.reproduction_line(warehouse),
    ]
    held = history.log.held_by(settings.publication.after_rollback)
    return rendered(
        request, "overview.html.j2", fresh=fresh, line=line, held=hold_in_words(held).removeprefix("; "),
        current=history.find(history.log.current or ""), moved=history.log.last_move, told=told, dates=shown,
        forms=FORMS,
    )  # fmt: skip
