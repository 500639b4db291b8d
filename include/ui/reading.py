"""What a route asks for: the tables, opened to look at only."""

from typing import Annotated, Any

from fastapi import Depends, Request

from include.retraining.workspace import Workspace


def _open(request: Request) -> Workspace[Any]:
    workspace: Workspace[Any] = request.app.state.open_workspace()
    return workspace


Reading = Annotated[Workspace[Any], Depends(_open)]
