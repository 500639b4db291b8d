"""Start and stop Airflow's four components. Not `airflow standalone`: a TERM to it orphans its children."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.embedded.environment import HOST, embedded_environment
from include.embedded.errors import EmbeddedAirflowError
from include.embedded.health import wait_until_healthy
from include.embedded.prepare import prepare
from include.embedded.processes import end, launch
from include.embedded.rest import AirflowClient
from include.embedded.run_folder import RunFolder
from include.embedded.secret_file import write_passwords_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from include.embedded.processes import Started

# Without log servers the API is all that listens, on 127.0.0.1; they would listen on every interface.
# The API server reads the logs of tasks from disk.
COMPONENTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
PRODUCTION_POOL = "production"
# The scheduler lets running tasks end before it does.
GRACE_SECONDS = 30
# With their grace periods; the scheduler has the one that is asked for. Tasks that end meanwhile report to the API, so
# it goes last. The triggerer often waits 10 s for a child that has ended; its triggers are safe in the database.
STOPPING_ORDER = ((("dag-processor", "triggerer"), 3), (("scheduler",), None), (("api-server",), 10))


def start(home: Path, port: int, overrides: Mapping[str, str] | None = None, seconds: float = 180) -> AirflowClient:
    """Start an Airflow in `home` and return a client of it once every component is healthy.

    `overrides` are environment variables. Raises EmbeddedAirflowError where one runs already, the port is taken, or
    it is not healthy in time; then nothing is left running.
    """
    folder = RunFolder(home.resolve())
    with folder.locked():
        _refuse_if_running(folder)
        _refuse_if_port_taken(port)
        folder.forget()
        folder.record_port(port)
        write_passwords_file(folder.home)
        try:
            return _start(folder, embedded_environment(folder.home, port, overrides), seconds)
        except BaseException:
            _stop(folder, grace_seconds=5)
            raise


def stop(home: Path, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Stop what runs in `home`, running tasks after the grace period too; returns the components that ran.

    Raises EmbeddedAirflowError where a process survives.
    """
    folder = RunFolder(home.resolve())
    with folder.locked():
        return _stop(folder, grace_seconds)


def _start(folder: RunFolder, environment: Mapping[str, str], seconds: float) -> AirflowClient:
    prepare(folder, environment)
    since = datetime.now(UTC)
    for name, arguments in COMPONENTS.items():
        command = (sys.executable, "-m", "airflow", *arguments)
        folder.record(name, launch(command, environment, folder.home, folder.set_log_aside(name)))
    client = AirflowClient.for_home(folder.home)
    wait_until_healthy(client, folder, since, seconds)
    client.ensure_pool(PRODUCTION_POOL, 1, "Decisions and switches, one at a time: keep it at one slot")
    return client


def _stop(folder: RunFolder, grace_seconds: float) -> list[str]:
    started = folder.started()
    ran = [name for name, process in started.items() if process.members()]
    for names, seconds in STOPPING_ORDER:
        leaving = [process for name, process in started.items() if name in names]
        end(leaving, grace_seconds if seconds is None else seconds)
    if left := [str(pid) for process in started.values() for pid in process.members()]:
        raise EmbeddedAirflowError(
            "no process left", f"pids {', '.join(left)}", "see what holds them: ps -o pid,stat,args"
        )
    folder.forget()
    return ran


def _refuse_if_running(folder: RunFolder) -> None:
    running = [f"{name} ({_state(process)})" for name, process in folder.started().items() if process.members()]
    if running:
        found = f"{', '.join(running)} on port {folder.port()}"
        raise EmbeddedAirflowError(f"no Airflow running in {folder.home}", found, "use it, or stop it first: make down")


def _state(process: Started) -> str:
    return f"pid {process.pid}" if process.alive else "ended, but not what it started"


def _refuse_if_port_taken(port: int) -> None:
    with socket.socket() as probe:
        # As the server does, so that connections which are still closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EmbeddedAirflowError(
                f"port {port} on {HOST} to be free", str(error), "choose another: make up PORT=8081"
            ) from error
