"""What has to be there before the components start: Airflow's database and MLflow's store, each made by one process."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded.errors import EmbeddedAirflowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.embedded.run_folder import RunFolder

COMMANDS = {
    "airflow-database": (sys.executable, "-m", "airflow", "db", "migrate"),
    "mlflow-store": (sys.executable, "-m", "include.embedded.prepare"),
}
# Importing MLflow and migrating takes 5 s, a few times that on a busy machine.
SECONDS = 300


def prepare(folder: RunFolder, environment: Mapping[str, str]) -> None:
    """Migrate both databases side by side; at once where these versions have done so before."""
    stamp = folder.folder / "prepared"
    if stamp.exists() and stamp.read_text() == _versions() and _databases_exist(folder.home):
        return
    processes = {name: _begin(folder, name, environment) for name in COMMANDS}
    try:
        for name, process in processes.items():
            if process.wait(SECONDS) != 0:
                raise EmbeddedAirflowError(f"{name} to be made", folder.last_lines(name), f"see {folder.log(name)}")
    except subprocess.TimeoutExpired as error:
        raise EmbeddedAirflowError(f"databases within {SECONDS} s", str(error), f"see {folder.log(name)}") from error
    finally:
        for process in processes.values():
            process.kill()
    stamp.write_text(_versions())


def make_mlflow_store(tracking_uri: str) -> None:
    """Make or migrate a SQLite store: three processes that open a fresh one at once crash in the migration."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = Path(tracking_uri.removeprefix("sqlite:///")).parent
    folder.mkdir(parents=True, exist_ok=True)
    SqlAlchemyStore(tracking_uri, (folder / "artifacts").as_uri())


def _begin(folder: RunFolder, name: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with folder.set_log_aside(name).open("wb") as log:
        return subprocess.Popen(
            COMMANDS[name], env=dict(environment), cwd=folder.home, stdout=log, stderr=subprocess.STDOUT
        )


def _versions() -> str:
    return " ".join(f"{name}-{version(name)}" for name in ("apache-airflow-core", "mlflow"))


def _databases_exist(home: Path) -> bool:
    return (home / "airflow" / "airflow.db").exists() and (home / "mlflow" / "mlflow.db").exists()


if __name__ == "__main__":
    make_mlflow_store(os.environ["MLFLOW_TRACKING_URI"])
