"""A model's page: from a real registry, without one, and without a card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.retraining.registry import CARD_PAGE, ModelRegistry, RegisteredModel

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

CARD = "<!doctype html><title>card</title><style>b {}</style><body>A card</body>"
NAME = "recommender_for_you"


@pytest.fixture
def registered(tmp_path: Path) -> RegisteredModel:
    """A version in the store under HIGAWARI_HOME."""
    from mlflow import MlflowClient

    (tmp_path / "mlflow").mkdir()
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "artifacts").as_uri())
    run = client.create_run(experiment)
    client.log_metric(run.info.run_id, "ndcg_at_10", 0.123456)
    client.log_param(run.info.run_id, "rounds", "<b>20</b>")
    client.create_registered_model(NAME)
    version = client.create_model_version(NAME, "nowhere", run.info.run_id, tags={"as_of_date": "2026-01-10"})
    return RegisteredModel(NAME, str(version.version), dict(version.tags))


def test_a_model_is_told_with_its_run_metrics_parameters_and_card(
    reader: TestClient, registered: RegisteredModel, tmp_path: Path
) -> None:
    path = f"/models/{registered.label}"
    text = reader.get(path).text
    for part in (registered.label, "ndcg_at_10", "0.12346", "&lt;b&gt;20&lt;/b&gt;", "2026-01-10", "No model card yet"):
        assert part in text
    assert reader.get(f"{path}/card").status_code == 404

    registry = ModelRegistry(f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    registry.attach(registered, {CARD_PAGE: CARD})
    assert 'href="../../models/recommender_for_you/1/card"' in reader.get(path).text
    card = reader.get(f"{path}/card")
    assert card.text == CARD.replace("<body>", '<body><p><a href="../1">All about this model</a></p>')
    assert card.headers["content-security-policy"].endswith("sandbox allow-same-origin")
    assert "script" not in card.headers["content-security-policy"]


@pytest.mark.usefixtures("registered")
def test_a_model_that_nobody_registered_is_told_in_words(reader: TestClient) -> None:
    answer = reader.get(f"/models/{NAME}/99")
    assert answer.status_code == 503
    assert "registry-error" in answer.text


def test_looking_makes_no_store(reader: TestClient, tmp_path: Path) -> None:
    answer = reader.get(f"/models/{NAME}/1")
    assert answer.status_code == 503
    assert "set MLFLOW_TRACKING_URI for the api-server" in answer.text
    assert not (tmp_path / "mlflow").exists()
