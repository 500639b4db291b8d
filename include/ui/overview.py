"""The first page: what readers see now, and the latest dates with verdict and publication."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from include.retraining.publication.freshness import freshness
from include.retraining.publication.history import read_history
from include.retraining.quality.history import recorded_dates, results_of_dates, verdicts
from include.retraining.run import parse_date
from include.ui.reading import Reading
from include.ui.rendering import rendered

router = APIRouter()
DATES = 30


@router.get("/")
def overview(request: Request, reading: Reading, as_of_date: str = "") -> Response:
    """The look-up box of a date leads here, and on to the page of that date."""
    if as_of_date:
        return RedirectResponse(f"quality/{parse_date(as_of_date)}")
    history = read_history(reading.warehouse)
    checked = recorded_dates(reading.warehouse)[:DATES]
    stages = results_of_dates(reading.warehouse, checked)
    dates = sorted({*checked, *history.dates[:DATES]}, reverse=True)[:DATES]
    fresh, line = freshness(reading.warehouse, datetime.now(UTC))
    return rendered(
        request, "overview.html.j2", fresh=fresh, line=line, current=history.log.current,
        dates=[(day, verdicts(stages.get(day, {})), history.of_date(day)) for day in dates],
    )  # fmt: skip
