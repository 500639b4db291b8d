"""Opens the warehouse that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.errors import SettingsError
from include.retraining.warehouse.local import LocalWarehouse

if TYPE_CHECKING:
    from include.retraining.settings import RetrainingSettings
    from include.retraining.warehouse.protocol import Warehouse


def open_warehouse(settings: RetrainingSettings) -> Warehouse:
    """The warehouse of the settings' storage section."""
    storage = settings.storage
    return LocalWarehouse(storage.warehouse_folder, storage.spill_folder, storage.memory_limit, storage.threads)


def open_for_reading(settings: RetrainingSettings) -> Warehouse:
    """The same for a reader: SettingsError where there is no warehouse, as an empty answer would look like no data."""
    folder = settings.storage.warehouse_folder
    if not folder.is_dir():
        raise SettingsError(
            f"a warehouse at {folder}", "no such folder", "set HIGAWARI_HOME to the home that the daily run writes to"
        )
    return open_warehouse(settings)
