"""The recommender's workspace and settings, as the environment names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from include.recommender.settings import RecommenderSettings
from include.recommender.tables import RECOMMENDER_TABLES
from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.errors import SettingsError
from include.retraining.settings import load_settings
from include.retraining.tables import MACHINERY_TABLES

if TYPE_CHECKING:
    from pathlib import Path


def test_opening_makes_every_table_under_the_home(tmp_path: Path) -> None:
    workspace = open_recommender()
    for table in (*RECOMMENDER_TABLES, *MACHINERY_TABLES):
        assert workspace.warehouse.read(table).num_rows == 0
        assert (tmp_path / "warehouse" / table.name).is_dir()
    assert workspace.landing.folder == tmp_path / "landing"
    assert str(tmp_path) in workspace.registry.tracking_uri


def test_the_shipped_config_file_says_what_the_code_defaults_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = load_settings(RecommenderSettings)
    monkeypatch.setenv("HIGAWARI_CONFIG", str(tmp_path / "none.toml"))
    assert RecommenderSettings() == shipped


def test_a_dag_file_still_parses_with_broken_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHARDS", "3")
    assert settings_for_parsing().publication.shards == 3
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHARDS", "many")
    assert settings_for_parsing().publication.shards == 2


def test_training_windows_must_fit_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_FEATURES__HISTORY_DAYS", "62")
    with pytest.raises(SettingsError, match=r"features\.history_days of at least 63"):
        load_settings(RecommenderSettings)
    monkeypatch.setenv("HIGAWARI_FEATURES__HISTORY_DAYS", "63")
    assert load_settings(RecommenderSettings).features.history_days == 63


def test_popularity_must_be_able_to_fill_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_CANDIDATES__POPULARITY", "19")
    with pytest.raises(SettingsError, match=r"candidates\.popularity of at least publication\.list_size"):
        load_settings(RecommenderSettings)
