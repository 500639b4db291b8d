"""The warehouse that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.retraining.errors import SettingsError
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.settings import load_settings
from include.retraining.tables import PUBLICATIONS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.open import open_for_reading, open_warehouse
from include.retraining.warehouse.protocol import Warehouse


def test_the_embedded_warehouse_is_opened_with_its_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIGAWARI_STORAGE__SPILL", "elsewhere")
    monkeypatch.setenv("HIGAWARI_STORAGE__THREADS", "1")
    warehouse = open_warehouse(load_settings(MachinerySettings))
    assert warehouse == LocalWarehouse(tmp_path / "warehouse", tmp_path / "elsewhere", "600MB", 1)


def test_for_a_reader_a_table_that_nobody_made_yet_is_empty_and_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    reader = open_for_reading(load_settings(MachinerySettings), [PUBLICATIONS])
    assert reader.read(PUBLICATIONS, columns=["run_id"]).to_pydict() == {"run_id": []}
    assert reader.query("SELECT COUNT(*) AS rows_there FROM publications", {}).to_pylist() == [{"rows_there": 0}]
    assert list((tmp_path / "warehouse").iterdir()) == []


def test_bigquery_needs_a_project_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_WAREHOUSE", "bigquery")
    with pytest.raises(SettingsError, match=r"bigquery\.project"):
        load_settings(MachinerySettings)


def test_tables_of_somebodys_own_need_bigquery_and_come_in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_INGEST__EVENTS_TABLE", "shop.clicks")
    with pytest.raises(SettingsError, match="or neither"):
        load_settings(MachinerySettings)
    monkeypatch.setenv("HIGAWARI_INGEST__ITEMS_TABLE", "shop.products")
    with pytest.raises(SettingsError, match='warehouse = "bigquery"'):
        load_settings(MachinerySettings)


def test_where_things_are_does_not_change_the_hash_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = load_settings(MachinerySettings).hash
    monkeypatch.setenv("HIGAWARI_WAREHOUSE", "bigquery")
    monkeypatch.setenv("HIGAWARI_BIGQUERY__PROJECT", "p")
    assert load_settings(MachinerySettings).hash == embedded


def test_a_warehouse_has_fewer_than_ten_methods_and_the_embedded_one_has_them_all() -> None:
    methods = {name for name, value in vars(Warehouse).items() if callable(value) and not name.startswith("_")}
    assert len(methods) < 10
    assert methods <= set(vars(LocalWarehouse))
