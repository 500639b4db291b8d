"""From a template to an answer: HTML with everything escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi import Request
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def rendered(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of the site; a value that the template names and nobody gives is an error."""
    root = _root(request)
    text = _environment().get_template(template).render(root=root, title_of_site=request.app.title, **values)
    return HTMLResponse(text, status)


def _root(request: Request) -> str:
    """The way from this page to the first one, relative, so that it holds behind any proxy."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return "../" * (path.count("/") - 1) or "./"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    return environment


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
