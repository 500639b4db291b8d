"""The recommender's workspace and settings, as the environment names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from include.recommender.settings import RecommenderSettings
from include.recommender.sources import SOURCE_NAMES
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


@pytest.mark.parametrize(
    ("variable", "value", "days"),
    # Three evaluated weeks, the week of the labels, three more snapshots, and 28 days to look back on.
    [(None, "", 77), ("TRAINING__SNAPSHOTS", "[2, 5]", 84), ("EVALUATION__WEEKS", "4", 84)],
)
def test_training_windows_must_fit_the_history(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, value: str, days: int
) -> None:
    if variable:
        monkeypatch.setenv(f"HIGAWARI_{variable}", value)
    monkeypatch.setenv("HIGAWARI_FEATURES__HISTORY_DAYS", str(days - 1))
    with pytest.raises(SettingsError, match=rf"features\.history_days of at least {days}"):
        load_settings(RecommenderSettings)
    monkeypatch.setenv("HIGAWARI_FEATURES__HISTORY_DAYS", str(days))
    assert load_settings(RecommenderSettings).features.history_days == days


def test_every_source_may_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SOURCE_NAMES:
        monkeypatch.setenv(f"HIGAWARI_CANDIDATES__{name.upper()}", "0")
    switched_off = load_settings(RecommenderSettings).candidates
    assert switched_off.model_dump(include=set(SOURCE_NAMES)) == dict.fromkeys(SOURCE_NAMES, 0)


def test_a_short_list_to_choose_from_is_never_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_LISTS__POPULARITY_DAYS", "[]")
    with pytest.raises(SettingsError, match=r"lists\.popularity_days"):
        load_settings(RecommenderSettings)
