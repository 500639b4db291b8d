"""From a template to an answer: HTML with everything escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse

from include.ui.plots import interval_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from fastapi import Request
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def rendered(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of the site; a value that the template names and nobody gives is an error."""
    root = root_of(request)
    site = {"root": root, "title_of_site": request.app.title, "daily": request.app.state.dag_id}
    text = _environment().get_template(template).render(site | values)
    return HTMLResponse(text, status)


def compile_templates() -> None:
    """Have every template ready: a tenth of a second of whoever asks for the first page."""
    for name in _environment().list_templates():
        _environment().get_template(name)


def root_of(request: Request) -> str:
    """The way from this page to the first one, relative, so that it holds behind any proxy."""
    # As the browser has it: a name within may hold a slash, which is no step down.
    sent = request.scope.get("raw_path", b"").decode() or request.scope["path"]
    path = sent.removeprefix(request.scope.get("root_path", ""))
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
    environment.filters["interval"] = _interval
    environment.filters["zip_words"] = _with_words
    return environment


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _interval(of: Any) -> str:
    """A measurement's mean with its interval."""
    return interval_in_words(of.mean, of.low, of.high)


def _with_words(values: Iterable[str], words: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each value with what people call it."""
    return [(value, words.get(value, value)) for value in values]
