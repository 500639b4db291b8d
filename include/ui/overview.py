"""The first page: what readers see now, the morning's questions in a line each, the latest dates, where to act."""

from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from include.retraining.publication.freshness import freshness, hold_in_words
from include.retraining.publication.history import read_history
from include.retraining.quality.history import recorded_dates
from include.retraining.run import parse_date
from include.retraining.warehouse.protocol import Warehouse
from include.ui import morning
from include.ui.at_work import runs_at_work
from include.ui.dates import days_between
from include.ui.failed import Failed, failed_dates, failed_of
from include.ui.forms import FORMS
from include.ui.late import late_dates, missing_today
from include.ui.reading import Reading
from include.ui.rendering import rendered
from include.ui.windows import dates_between, today_of

router = APIRouter()
DATES = 14


@router.get("/")
def overview(request: Request, reading: Reading, as_of_date: str = "") -> Response:
    """An address with a date, as the look-up box once had it, leads to the page of that date."""
    if as_of_date:
        return RedirectResponse(f"dates/{parse_date(as_of_date)}")
    warehouse, settings, dag_id = reading.warehouse, reading.settings, request.app.state.dag_id
    history = read_history(warehouse)
    last = max([*recorded_dates(warehouse)[:1], *history.dates[:1]], default=today_of(settings))
    last = max([last, *failed_dates(warehouse, dag_id, dates_between(last, today_of(settings)))])
    at_work = runs_at_work(dag_id)
    days = days_between(warehouse, dag_id, last - timedelta(days=DATES - 1), last, history)
    shown = [day for day in reversed(days.values()) if day.anything]
    current = history.find(history.log.current or "")
    _, current_date = history.log.pointer
    failed = _failed_since(warehouse, dag_id, list(days), current_date)
    fresh, line = freshness(warehouse, datetime.now(UTC))
    told = [
        morning.data_line(next((day for day in shown if day.verdict), None), failed),
        morning.decision_line(next((day for day in shown if day.decided), None)),
        morning.outcome_line(warehouse, settings.promotion.metric),
        morning.drift_line(warehouse),
        morning.cost_line(warehouse, dag_id, list(days)),
        morning.reproduction_line(warehouse),
    ]
    held = history.log.held_by(settings.publication.after_rollback)
    return rendered(
        request, "overview.html.j2", fresh=fresh, line=line, held=hold_in_words(held).removeprefix("; "),
        late=late_dates(warehouse, dag_id, current_date), missing=missing_today(settings, current_date),
        current=current, failed=failed, at_work=at_work, moved=history.log.last_move, told=told, dates=shown,
        forms=FORMS, metric=settings.promotion.metric,
    )  # fmt: skip


def _failed_since(warehouse: Warehouse, dag_id: str, dates: list[date], current: date | None) -> list[Failed]:
    """What failed of the date that readers see and of later ones, newest first: older dates are no news."""
    news = [day for day in dates if current is None or day >= current]
    return [failed for _, failed in sorted(failed_of(warehouse, dag_id, news).items(), reverse=True)]
