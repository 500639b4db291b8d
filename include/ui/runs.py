"""The tabs on DAGs and runs in Airflow: they lead to the page that is about them, or say that none is."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from include.retraining.publication.switch_log import read_switch_log
from include.ui.at_work import ended_as
from include.ui.forms import FORM_OF, PAGE_OF
from include.ui.reading import Reading
from include.ui.rendering import rendered, root_of
from include.ui.task_links import date_of_run

router = APIRouter()


@router.get("/dags/{dag_id}/runs/{run_id:path}")
def of_run(request: Request, reading: Reading, dag_id: str, run_id: str) -> Response:
    """A daily run has a date, which has a page; a form's run may have moved readers."""
    if page := PAGE_OF.get(dag_id):
        return RedirectResponse(root_of(request) + page)
    ours = dag_id == request.app.state.dag_id
    day = date_of_run(dag_id, run_id) if ours else None
    if day:
        return RedirectResponse(f"{root_of(request)}dates/{day}")
    known = ours or dag_id in FORM_OF
    switches = [each for each in read_switch_log(reading.warehouse).switches if each.run_id == run_id] if known else []
    return _words(request, dag_id, run_id=run_id, day=day, switches=switches, known=known)


@router.get("/dags/{dag_id}")
def of_dag(request: Request, dag_id: str) -> Response:
    """The daily DAG's tab is the first page, that of another one of ours what it leaves behind."""
    if dag_id == request.app.state.dag_id or PAGE_OF.get(dag_id):
        return RedirectResponse(root_of(request) + (PAGE_OF.get(dag_id) or ""))
    return _words(request, dag_id, run_id="", day=None, switches=[], known=dag_id in FORM_OF)


def _words(
    request: Request, dag_id: str, *, run_id: str, day: date | None, switches: list[Any], known: bool
) -> Response:
    return rendered(
        request, "dag.html.j2", dag_id=dag_id, run_id=run_id, day=day, switches=switches, known=known,
        ended=ended_as(dag_id, run_id) if dag_id in FORM_OF and run_id else "",
        form=FORM_OF.get(dag_id), silent=dag_id in PAGE_OF,
    )  # fmt: skip
