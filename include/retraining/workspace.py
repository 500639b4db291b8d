"""What a step works with: settings, warehouse, deliveries, model registry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from include.retraining.registry import ModelRegistry
from include.retraining.settings import RetrainingSettings, home_folder
from include.retraining.warehouse.open import open_deliveries, open_warehouse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.retraining.deliveries import Deliveries
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

S = TypeVar("S", bound=RetrainingSettings)


@dataclass(frozen=True)
class Workspace(Generic[S]):
    """Everything outside a step that it reads from and writes to."""

    settings: S
    warehouse: Warehouse
    landing: Deliveries
    registry: ModelRegistry


def open_workspace(settings: S, tables: Iterable[Table]) -> Workspace[S]:
    """Open what the settings and the environment name; missing tables are made."""
    warehouse = open_warehouse(settings)
    warehouse.create_tables(tables)
    return Workspace(settings, warehouse, open_deliveries(settings), ModelRegistry(tracking_uri()))


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, else a SQLite store under HIGAWARI_HOME."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home_folder() / 'mlflow' / 'mlflow.db'}"
