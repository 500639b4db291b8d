"""The tabs on DAGs and runs in Airflow: they lead to the page that is about them, or say that none is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from include.retraining.publication.blocked import Blocking
from include.retraining.publication.switch_log import Switch, read_switch_log
from include.retraining.tables import PROMOTION_DECISIONS
from include.retraining.warehouse.protocol import Warehouse
from include.ui.at_work import ended_as
from include.ui.blocked import blockings_of
from include.ui.forms import FORM_OF, PAGE_OF
from include.ui.reading import Reading
from include.ui.rendering import rendered, root_of
from include.ui.task_links import date_of_run

router = APIRouter()


@dataclass(frozen=True)
class Left:
    """What a form's run left in the audit tables: moves of readers, blocked names, models that took office."""

    switches: Sequence[Switch] = ()
    blockings: Sequence[Blocking] = ()
    terms: Sequence[Mapping[str, Any]] = ()

    @property
    def anything(self) -> bool:
        """Whether it left a row."""
        return bool(self.switches or self.blockings or self.terms)


@router.get("/dags/{dag_id}/runs/{run_id:path}")
def of_run(request: Request, reading: Reading, dag_id: str, run_id: str) -> Response:
    """A daily run has a date, which has a page; a form's run may have changed what readers get."""
    if page := PAGE_OF.get(dag_id):
        return RedirectResponse(root_of(request) + page)
    day = date_of_run(dag_id, run_id) if dag_id == request.app.state.dag_id else None
    if day:
        return RedirectResponse(f"{root_of(request)}dates/{day}")
    left = _left_by(request, reading.warehouse, run_id) if dag_id in FORM_OF else Left()
    return _words(request, dag_id, run_id=run_id, left=left)


@router.get("/dags/{dag_id}")
def of_dag(request: Request, dag_id: str) -> Response:
    """The daily DAG's tab is the first page, that of another one of ours what it leaves behind."""
    if dag_id == request.app.state.dag_id or PAGE_OF.get(dag_id):
        return RedirectResponse(root_of(request) + (PAGE_OF.get(dag_id) or ""))
    return _words(request, dag_id, run_id="", left=Left())


def _left_by(request: Request, warehouse: Warehouse, run_id: str) -> Left:
    put_in_office = {"run_id": run_id, "kind": "applied", "choice": "rollback"}
    columns = ["surface", "model_version", "champion_version", "who", "reasons"]
    return Left(
        switches=[each for each in read_switch_log(warehouse).switches if each.run_id == run_id],
        blockings=[each for each in blockings_of(request, warehouse) if each.run_id == run_id],
        terms=warehouse.read(PROMOTION_DECISIONS, put_in_office, columns).to_pylist(),
    )


def _words(request: Request, dag_id: str, *, run_id: str, left: Left) -> Response:
    return rendered(
        request, "dag.html.j2", dag_id=dag_id, run_id=run_id, left=left,
        known=dag_id == request.app.state.dag_id or dag_id in FORM_OF,
        ended=ended_as(dag_id, run_id) if dag_id in FORM_OF and run_id else "",
        form=FORM_OF.get(dag_id), silent=dag_id in PAGE_OF,
    )  # fmt: skip
