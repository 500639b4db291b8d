"""The publications, what became of each, who moved readers why, and what is blocked."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.retraining.publication.archive import read_archive
from include.retraining.publication.blocked import blocked_now
from include.retraining.publication.history import read_history
from include.retraining.quality.history import results_of_dates, verdicts
from include.ui.blocked import blockings_of
from include.ui.errors import NotThereError
from include.ui.forms import BLOCK, ROLL_BACK
from include.ui.reading import Reading
from include.ui.rendering import rendered

router = APIRouter()
SHOWN, BLOCKED_SHOWN = 60, 20


@router.get("/publications")
def all_publications(request: Request, reading: Reading) -> HTMLResponse:
    """The newest of them, of the switches, and of what is blocked."""
    history = read_history(reading.warehouse)
    switches = list(reversed(history.log.switches))
    blocked = blocked_now(blockings_of(request, reading.warehouse))
    return rendered(
        request, "publications.html.j2", current=history.log.current, forms=(ROLL_BACK, BLOCK),
        back_to=read_archive(reading.warehouse).had_before,
        publications=history.publications[:SHOWN], older=max(len(history.publications) - SHOWN, 0),
        switches=switches[:SHOWN], older_switches=max(len(switches) - SHOWN, 0),
        blocked=blocked[:BLOCKED_SHOWN], blocked_before=max(len(blocked) - BLOCKED_SHOWN, 0),
    )  # fmt: skip


@router.get("/publications/{publication_id}")
def publication(request: Request, reading: Reading, publication_id: str) -> HTMLResponse:
    """NotThereError where no publication has the id."""
    history = read_history(reading.warehouse)
    found = history.find(publication_id)
    if found is None:
        newest = ", ".join(each.publication_id for each in history.publications[:3]) or "none yet"
        raise NotThereError(
            "the id of a publication that was checked", repr(publication_id), f"choose one; the newest: {newest}"
        )
    stages = results_of_dates(reading.warehouse, [found.as_of_date]).get(found.as_of_date, {})
    return rendered(
        request, "publication.html.j2", publication=found, switches=history.switches_of(publication_id),
        verdicts=verdicts(stages),
    )  # fmt: skip
