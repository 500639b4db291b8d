"""An Airflow database and a small landing zone for running the DAG in this process."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService

if TYPE_CHECKING:
    from airflow.sdk import DAG

PROJECT = Path(__file__).resolve().parents[2]
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

SMALL_SERVICE = PhotoService(
    start=date(2026, 1, 1), days=40, users=300, items=150, births_per_day=3, events_per_day=900
)
LAST_ARRIVAL = date(2026, 2, 10)
SMALL_TRAINING = {
    "HIGAWARI_TRAINING__SNAPSHOTS": "2",
    "HIGAWARI_TRAINING__MAX_ROUNDS": "20",
    "HIGAWARI_TRAINING__EARLY_STOPPING_ROUNDS": "5",
}


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


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty simulated days as a landing zone; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("simulated") / "landing"
    write_landing_zone(SMALL_SERVICE, folder)
    return folder


@pytest.fixture(scope="session")
def trained_home(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the day before the last was published with a ranker, by the steps without Airflow."""
    home = tmp_path_factory.mktemp("trained")
    shutil.copytree(simulated, home / "landing")
    code = (
        "from datetime import date; from include.recommender.backtest import run_day; "
        "from include.recommender.workspace import open_recommender; from include.retraining.run import Run; "
        "run_day(Run(date(2026, 2, 9), 'before', 'backtest'), open_recommender())"
    )
    (home / "mlflow").mkdir()
    environment = {**os.environ, **SMALL_TRAINING, "HIGAWARI_HOME": str(home), "HIGAWARI_HASH_KEY": "for tests"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=PROJECT)
    return home


@pytest.fixture
def home(trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: None) -> Path:
    """A copy of trained_home that this test may do anything to; the settings and steps of this process look there."""
    copy = tmp_path / "home"
    shutil.copytree(trained_home, copy)
    for name, value in {**SMALL_TRAINING, "HIGAWARI_HOME": str(copy), "HIGAWARI_HASH_KEY": "for tests"}.items():
        monkeypatch.setenv(name, value)
    return copy
