"""A workspace opens what the settings and the environment name."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.retraining.publication.freshness import MachinerySettings
from include.retraining.settings import load_settings
from include.retraining.workspace import open_workspace, tracking_uri
from tests.retraining.processes import NOTES


def test_a_workspace_lies_under_home_and_its_tables_are_made(tmp_path: Path) -> None:
    workspace = open_workspace(load_settings(MachinerySettings), [NOTES])
    assert workspace.warehouse.read(NOTES).num_rows == 0
    assert (tmp_path / "warehouse" / "notes" / "_delta_log").is_dir()
    assert workspace.landing.folder == tmp_path / "landing"
    assert workspace.registry.tracking_uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"


def test_the_warehouse_follows_the_storage_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIGAWARI_STORAGE__WAREHOUSE", "other")
    monkeypatch.setenv("HIGAWARI_STORAGE__MEMORY_LIMIT", "150MB")
    warehouse = open_workspace(load_settings(MachinerySettings), []).warehouse
    assert (warehouse.folder, warehouse.memory_limit) == (tmp_path / "other", "150MB")  # type: ignore[attr-defined]


def test_a_registry_named_by_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert tracking_uri() == "http://mlflow:5000"
