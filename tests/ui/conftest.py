"""The site on a small warehouse, for a reader whose rights Airflow has found in order, and for nobody at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from tests import airflow_home  # noqa: F401 (before any test module imports Airflow)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from sqlalchemy.engine import Engine

    from include.retraining.warehouse.local import LocalWarehouse


@pytest.fixture
def app(warehouse: LocalWarehouse) -> FastAPI:
    """The site as the plugin makes it."""
    from include.recommender.look_up import RecommenderLookUp
    from include.recommender.workspace import recommender_to_read
    from include.ui.app import make_app

    return make_app("Recommender", "recommender_daily", recommender_to_read, RecommenderLookUp())


@pytest.fixture
def reader(app: FastAPI) -> TestClient:
    """Whoever may read. test_real_airflow_run.py asks the real Airflow about real users."""
    (rights,) = app.router.dependencies
    app.dependency_overrides[rights.dependency] = lambda: None
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def stranger(app: FastAPI) -> TestClient:
    """Somebody who is not logged in."""
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def airflow_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Airflow's tables, without rows, in a database that no other test knows."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy import create_engine
    from sqlalchemy.orm import scoped_session, sessionmaker

    import_all_models()
    engine = create_engine(f"sqlite:///{tmp_path / 'airflow.db'}")
    Base.metadata.create_all(engine)
    monkeypatch.setattr(settings, "Session", scoped_session(sessionmaker(bind=engine, expire_on_commit=False)))
    yield engine
    engine.dispose()
