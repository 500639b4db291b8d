"""The application that Airflow mounts: every route asks Airflow whether this user may see the DAG."""

import importlib
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from include.retraining.errors import AsOfDateError, HigawariError
from include.retraining.workspace import Workspace
from include.ui import (
    champions,
    costs,
    dates,
    documents,
    drift,
    lists,
    models,
    outcomes,
    overview,
    publications,
    quality,
    runs,
)
from include.ui.errors import NotThereError
from include.ui.lists import LookUp
from include.ui.rendering import compile_templates, rendered

OpenWorkspace = Callable[[], Workspace[Any]]
STATIC = Path(__file__).parent / "static"
PAGES = (
    overview, dates, quality, publications, champions, outcomes, drift, costs, lists, runs, models, documents,
)  # fmt: skip
HEADERS = {
    # No script but our one file, nothing from elsewhere, and no frame but Airflow's.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATUS = {AsOfDateError: HTTPStatus.BAD_REQUEST, NotThereError: HTTPStatus.NOT_FOUND}
IN_WORDS = {
    HTTPStatus.UNAUTHORIZED: ("a user who is logged in", "nobody", "log in to Airflow, then open this page again"),
    HTTPStatus.FORBIDDEN: (
        "a user who may see the DAG",
        "one who may not",
        "ask those who run this Airflow for the right to read it",
    ),
    HTTPStatus.NOT_FOUND: ("one of the pages named above", "no such page", "follow one of the links above"),
}


# What reads of tables and pictures need: the first page would wait for it, as nothing else in an api-server loads it.
LIBRARIES = ("pyarrow.dataset", "pyarrow.compute", "deltalake", "duckdb", "matplotlib.figure")


def warm_up() -> None:
    """Load what pages need; done beside when the application is made."""
    for name in LIBRARIES:
        importlib.import_module(name)
    compile_templates()


def make_app(title: str, dag_id: str, open_workspace: OpenWorkspace, look_up: LookUp | None = None) -> FastAPI:
    """The site of one use case; whoever may read its DAG may read its pages."""
    threading.Thread(target=warm_up, daemon=True).start()
    readers_only = Depends(requires_access_dag(method="GET", param_dag_id=dag_id))
    # FastAPI's own pages about the API would be open to everybody.
    app = FastAPI(title=title, dependencies=[readers_only], docs_url=None, redoc_url=None, openapi_url=None)
    app.state.open_workspace, app.state.dag_id, app.state.look_up = open_workspace, dag_id, look_up
    app.middleware("http")(_with_headers)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(HigawariError)(_taught)
    app.exception_handler(Exception)(_broken)
    app.get("/style.css")(_style)
    app.get("/leave_frame.js")(_script)
    for module in PAGES:
        app.include_router(module.router)
    return app


async def _with_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _style() -> FileResponse:
    return FileResponse(STATIC / "style.css")


def _script() -> FileResponse:
    return FileResponse(STATIC / "leave_frame.js")


def _refused(request: Request, error: Exception) -> Response:
    """What Airflow or the router refuses."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    words = IN_WORDS.get(HTTPStatus(status), ("a page", f"HTTP {status}", "follow one of the links above"))
    return rendered(request, "error.html.j2", status, words=words, section="")


def _taught(request: Request, error: Exception) -> Response:
    """An error of ours says by itself what was expected, what was found and what to do."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), HTTPStatus.SERVICE_UNAVAILABLE)
    words = (error.expected, error.found, error.next_step) if isinstance(error, HigawariError) else ("", "", "")
    return rendered(request, "error.html.j2", status, words=words, section=getattr(error, "runbook_section", ""))


def _broken(request: Request, error: Exception) -> Response:
    """Any other error: its kind here; its text, which may name what is not for everybody, in the api-server's log."""
    words = ("tables that can be read", type(error).__name__, "see the log of the api-server; then open the page again")
    page = rendered(request, "error.html.j2", HTTPStatus.INTERNAL_SERVER_ERROR, words=words, section="unexpected-error")
    # It is the last to handle anything: no middleware of ours comes after it.
    page.headers.update(HEADERS)
    return page
