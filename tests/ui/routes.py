"""The routes of the site, so that no test forgets one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.routing import Route

if TYPE_CHECKING:
    from fastapi import FastAPI


def addresses_of(app: FastAPI) -> list[str]:
    """The address of every route, with something in place of each parameter."""
    assert all(isinstance(route, Route) for route in app.routes), "a mount has no dependencies: make it a route"
    return [re.sub(r"{\w+(:path)?}", "x", route.path) for route in app.routes if isinstance(route, Route)]
