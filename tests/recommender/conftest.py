"""A small warehouse for the checks of the recommender."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
