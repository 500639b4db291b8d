"""A small warehouse for the checks of the recommender."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse


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
    """Default settings with some sections changed: settings_with(training={"snapshots": 2})."""
    from include.recommender.settings import RecommenderSettings

    del settings  # it is what keeps the config file out
    return lambda **sections: RecommenderSettings(**sections)
