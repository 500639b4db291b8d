"""A small warehouse for the checks of the recommender."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.workspace import Workspace
    from tests.recommender.small_world import FakeRegistry


@pytest.fixture
def quality_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RecommenderSettings:
    """Default settings, whatever the config file says, and a hash key."""
    from include.recommender.settings import RecommenderSettings

    monkeypatch.setenv("HIGAWARI_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setenv("HIGAWARI_HASH_KEY", "test")
    return RecommenderSettings()


@pytest.fixture
def quality_warehouse(tmp_path: Path) -> LocalWarehouse:
    """Every table that checks read or write, empty."""
    from include.recommender.tables import EVENTS, ITEM_STATS, ITEMS, PUBLISHED_TABLES, TRAINING_SET
    from include.retraining.tables import MACHINERY_TABLES
    from include.retraining.warehouse.local import LocalWarehouse

    warehouse = LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill")
    warehouse.create_tables([*MACHINERY_TABLES, EVENTS, ITEMS, ITEM_STATS, TRAINING_SET, *PUBLISHED_TABLES])
    return warehouse


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RecommenderSettings:
    """The defaults in the code, whatever the config file says."""
    from include.recommender.settings import RecommenderSettings

    monkeypatch.setenv("HIGAWARI_CONFIG", str(tmp_path / "none.toml"))
    return RecommenderSettings()


@pytest.fixture
def settings_with(settings: RecommenderSettings) -> Callable[..., RecommenderSettings]:
    """Default settings with keys of some sections changed, given as `training={"snapshots": 2}`."""
    from include.recommender.settings import RecommenderSettings

    del settings  # it is what keeps the config file out
    return lambda **sections: RecommenderSettings(**sections)


@pytest.fixture
def registry() -> FakeRegistry:
    """A model registry without MLflow."""
    from tests.recommender.small_world import FakeRegistry

    return FakeRegistry()


@pytest.fixture
def workspace(
    settings: RecommenderSettings, warehouse: LocalWarehouse, registry: FakeRegistry, tmp_path: Path
) -> Workspace[RecommenderSettings]:
    """Default settings, empty tables, an empty landing zone, the registry above."""
    from typing import cast

    from include.retraining.landing import LandingZone
    from include.retraining.registry import ModelRegistry
    from include.retraining.workspace import Workspace

    return Workspace(settings, warehouse, LandingZone(tmp_path / "landing"), cast("ModelRegistry", registry))


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store, made once: migrating a new one takes seconds. Copy it."""
    from include.retraining.registry import ModelRegistry

    store = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    ModelRegistry(f"sqlite:///{store}").champion("nobody")
    return store
