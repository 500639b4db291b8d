"""Airflow's database and MLflow's store as the first start makes them, made once for the homes of many tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from include.embedded.environment import embedded_environment
from include.embedded.prepare import prepare
from include.embedded.run_folder import RunFolder
from tests.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

STAMP, AIRFLOW, MLFLOW = "airflow/run/prepared", "airflow/airflow.db", "mlflow/mlflow.db"


def make_prepared(home: Path) -> None:
    """What `make up` makes before it starts anything."""
    folder = RunFolder(home)
    folder.folder.mkdir(parents=True)
    prepare(folder, embedded_environment(home, free_port()))


def give_databases(prepared: Path, home: Path) -> None:
    """Spare the first start in `home` the migrations; a store with models stays."""
    for name in (STAMP, AIRFLOW, MLFLOW):
        if not (home / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(prepared / name, home / name)
