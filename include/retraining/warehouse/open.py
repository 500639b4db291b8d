"""Opens the warehouse that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.warehouse.local import LocalWarehouse

if TYPE_CHECKING:
    from include.retraining.settings import RetrainingSettings
    from include.retraining.warehouse.protocol import Warehouse


def open_warehouse(settings: RetrainingSettings) -> Warehouse:
    """The warehouse of the settings' storage section."""
    storage = settings.storage
    return LocalWarehouse(storage.warehouse_folder, storage.spill_folder, storage.memory_limit, storage.threads)
