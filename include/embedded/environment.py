"""The environment in which the components and everything beside them run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded.secret_file import ADMIN, ADMIN_PASSWORD, load_secrets, passwords_file

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
THREADS_PER_TASK = "2"
# How libraries of tasks that share the cores behave. Spinning threads cost more than they gain; and each pool of memory
# keeps what its threads gave back, so that with fewer of them a task of large data takes less.
SHARED_CORES = {
    "OMP_WAIT_POLICY": "passive",
    "OMP_NUM_THREADS": THREADS_PER_TASK,
    "OPENBLAS_NUM_THREADS": THREADS_PER_TASK,
    "MALLOC_ARENA_MAX": THREADS_PER_TASK,
}


def embedded_environment(home: Path, port: int, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment for a process of the Airflow in `home`, whose API listens on `port`.

    Starts from the present environment; ours wins over it, and `overrides` over ours.
    The admin's password is left out: tasks have no use for it.
    """
    home = home.resolve()
    private = {name: value for name, value in load_secrets(home).items() if name != ADMIN_PASSWORD}
    return {
        **_given(os.environ),
        **_airflow(home, port),
        **_beside_airflow(home),
        **private,
        **(overrides or {}),
    }


def base_url(port: int) -> str:
    """Where the UI and the REST API of an embedded Airflow are."""
    return f"http://{HOST}:{port}"


def _airflow(home: Path, port: int) -> dict[str, str]:
    airflow_home = home / "airflow"
    return {
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "include.embedded.local_executor.PreloadingLocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(home)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base_url(port)}/execution/",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": base_url(port),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(airflow_home / "logs"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        # Nothing listens there (--skip-serve-logs), but the API server asks: it must not reach another Airflow.
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_beside(port, 1)),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(_beside(port, 2)),
        # How long the dag-processor lets callbacks of failed runs, which send the alerts, take; 50 by default.
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # How long a task whose machine or worker died counts as running; 300 by default.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    }


def _beside_airflow(home: Path) -> dict[str, str]:
    """What our own code and its libraries read."""
    return {
        "HIGAWARI_HOME": str(home),
        "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow' / 'mlflow.db'}",
        "PYTHONPATH": str(PROJECT),
        # `python` and `airflow` are those of this environment, whether it is activated or not.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        **SHARED_CORES,
        # Nothing phones home.
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """The present environment, made fit for processes that run in another folder and have to start fast."""
    given = dict(environment)
    if config := given.get("HIGAWARI_CONFIG"):
        given["HIGAWARI_CONFIG"] = str(Path(config).resolve())
    # Without bytecode every start of Airflow takes twice as long; it is kept out of the source tree, as was asked.
    if given.pop("PYTHONDONTWRITEBYTECODE", ""):
        given.setdefault("PYTHONPYCACHEPREFIX", str(PROJECT / "var" / "pycache"))
    return given


def _beside(port: int, distance: int) -> int:
    """A port near another, within the valid range."""
    return port + distance if port + distance <= 65535 else port - distance
