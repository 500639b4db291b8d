"""The look-up: what a user or an item is shown right now. How that is found, the use case says."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse

from include.retraining.workspace import Workspace
from include.ui.errors import NotThereError
from include.ui.forms import BLOCK
from include.ui.reading import Reading
from include.ui.rendering import rendered

if TYPE_CHECKING:
    from include.retraining.publication.blocked import Called

router = APIRouter()


class LookUp(Protocol):
    """What a use case answers; templates/lists.html.j2 says what of its answers is shown.

    `called` has what people call the names in its tables of what is blocked.
    """

    called: ClassVar["Called"]

    def of_user(self, workspace: Workspace[Any], user_id: str) -> Any:
        """A user's lists, and in words whose they are."""

    def of_item(self, workspace: Workspace[Any], item_id: str) -> Any:
        """What is known of an item, and the items like it."""


@router.get("/lists")
def ask(request: Request) -> HTMLResponse:
    """The empty box."""
    return rendered(request, "lists.html.j2", answer=None, kind="user", name="", form=BLOCK)


@router.post("/lists")
def answer(
    request: Request, reading: Reading, kind: Annotated[str, Form()] = "user", name: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Sent as a form, not as an address: ids of people stay out of logs and of the browser's history."""
    wanted = name.strip()
    if not wanted:
        return ask(request)
    look_up = _look_up(request)
    found = look_up.of_item(reading, wanted) if kind == "item" else look_up.of_user(reading, wanted)
    return rendered(request, "lists.html.j2", answer=found, kind=kind, name=wanted, form=BLOCK)


@router.get("/items/{item_id:path}")
def item(request: Request, reading: Reading, item_id: str) -> HTMLResponse:
    """The same for an item, with an address."""
    found = _look_up(request).of_item(reading, item_id)
    return rendered(request, "lists.html.j2", answer=found, kind="item", name=item_id, form=BLOCK)


def _look_up(request: Request) -> LookUp:
    found: LookUp | None = request.app.state.look_up
    if found is None:
        raise NotThereError("lists that can be looked up", "none in this site", "follow one of the links above")
    return found
