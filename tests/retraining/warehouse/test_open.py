"""The warehouse that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.retraining.publication.freshness import MachinerySettings
from include.retraining.settings import load_settings
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.open import open_warehouse
from include.retraining.warehouse.protocol import Warehouse


def test_the_embedded_warehouse_is_opened_with_its_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIGAWARI_STORAGE__SPILL", "elsewhere")
    monkeypatch.setenv("HIGAWARI_STORAGE__THREADS", "1")
    warehouse = open_warehouse(load_settings(MachinerySettings))
    assert warehouse == LocalWarehouse(tmp_path / "warehouse", tmp_path / "elsewhere", "2GB", 1)


def test_a_warehouse_has_fewer_than_ten_methods_and_the_embedded_one_has_them_all() -> None:
    methods = {name for name, value in vars(Warehouse).items() if callable(value) and not name.startswith("_")}
    assert len(methods) < 10
    assert methods <= set(vars(LocalWarehouse))
