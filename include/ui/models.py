"""A model version as MLflow knows it: the run that made it, its lineage, metrics, parameters, and its model card."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.retraining.errors import RegistryError
from include.retraining.registry import CARD_PAGE, ModelRegistry
from include.ui.errors import NotThereError
from include.ui.reading import Reading
from include.ui.rendering import rendered

router = APIRouter()
# The card brings its styles and pictures with it, and needs nothing else. It is of our origin, so that whoever follows
# the link back is still logged in; no script runs in it, and no form is sent.
CARD_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-same-origin"
)
BACK = '<p><a href="../{version}">All about this model</a></p>'


@router.get("/models/{name}/{version}")
def model(request: Request, reading: Reading, name: str, version: str) -> HTMLResponse:
    """RegistryError where MLflow does not answer or does not know the version."""
    registry = _existing(reading.registry)
    found = registry.get(name, version)
    run = registry.run(found)
    has_card = registry.text(found, CARD_PAGE) is not None
    return rendered(request, "model.html.j2", model=found, run=run, has_card=has_card)


@router.get("/models/{name}/{version}/card")
def model_card(reading: Reading, name: str, version: str) -> HTMLResponse:
    """The card as decide_promotion made it; NotThereError where there is none."""
    registry = _existing(reading.registry)
    found = registry.get(name, version)
    card = registry.text(found, CARD_PAGE)
    if card is None:
        raise NotThereError(
            f"a model card of {name}/{version}", "none", "wait for decide_promotion of that run, or clear it"
        )
    # A card is a page of its own, as MLflow shows it; only here does it lead somewhere.
    page = card.replace("<body>", f"<body>{BACK.format(version=found.version)}", 1)
    return HTMLResponse(page, headers={"Content-Security-Policy": CARD_POLICY})


def _existing(registry: ModelRegistry) -> ModelRegistry:
    """Looking at a SQLite store that is not there would make one."""
    store = Path(registry.tracking_uri.removeprefix("sqlite:///"))
    if registry.tracking_uri.startswith("sqlite:///") and not store.is_file():
        raise RegistryError(
            f"MLflow's store at {store}", "no such file", "set MLFLOW_TRACKING_URI for the api-server as for the tasks"
        )
    return registry
