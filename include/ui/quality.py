"""The data checks of a date: each stage's verdict, each check, what is in quarantine."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.retraining.quality.history import quarantine_counts, recorded_dates, results_of_dates, verdicts
from include.retraining.run import parse_date
from include.ui.failed import failed_of
from include.ui.forms import READMIT
from include.ui.reading import Reading
from include.ui.rendering import rendered

router = APIRouter()


@router.get("/quality/{as_of_date}")
def data_quality(request: Request, reading: Reading, as_of_date: str) -> HTMLResponse:
    """AsOfDateError for what is no date."""
    day, warehouse = parse_date(as_of_date), reading.warehouse
    stages = results_of_dates(warehouse, [day]).get(day, {})
    dates = recorded_dates(warehouse)
    return rendered(
        request, "quality.html.j2", day=day, stages=stages, verdicts=verdicts(stages),
        quarantine=quarantine_counts(warehouse, day), readmit=READMIT,
        failed=failed_of(warehouse, request.app.state.dag_id, [day]).get(day),
        before=max((other for other in dates if other < day), default=None),
        after=min((other for other in dates if other > day), default=None),
    )  # fmt: skip
