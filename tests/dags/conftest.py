"""An Airflow database and a home of its own for running the DAG in this process."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.simulated_home import PROJECT, environment_of

if TYPE_CHECKING:
    from airflow.sdk import DAG

# Airflow reads its configuration when it is first imported, so it is set before any test module imports it.
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="higawari-airflow-"))
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)
os.environ.update(
    AIRFLOW_HOME=str(AIRFLOW_HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    PYTHONPATH=str(PROJECT),
)


@pytest.fixture(scope="session")
def dags() -> dict[str, DAG]:
    """Every DAG of the folder, by id, parsed once."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(PROJECT / "dags"))
    assert not bag.import_errors
    return dict(bag.dags)


@pytest.fixture(scope="session")
def migrated() -> None:
    """Airflow's tables in the SQLite database of AIRFLOW_HOME."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)


@pytest.fixture
def home(trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: None) -> Path:
    """A copy of trained_home that this test may do anything to; the settings and steps of this process look there."""
    copy = tmp_path / "home"
    shutil.copytree(trained_home, copy)
    for name, value in environment_of(copy).items():
        monkeypatch.setenv(name, value)
    return copy
