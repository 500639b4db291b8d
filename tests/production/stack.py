"""The services of docker-compose.yaml as processes of this machine: same commands, same environment, other places."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import psutil

from include.embedded.processes import Started, end, launch
from tests.production.compose_file import PROJECT, Service, service
from tests.production.services import OwnRole

STOPPING_ORDER = ("worker-1", "worker-2", "dag-processor", "triggerer", "scheduler", "api-server", "mlflow")
FOLDERS = re.compile("/var/lib/higawari|/var/lib/mlflow|/opt/airflow/logs")
HERE = "127.0.0.1"
T = TypeVar("T")


@dataclass(frozen=True)
class Places:
    """Where on this machine is what the compose file names: folders, databases, ports."""

    folder: Path
    role: OwnRole
    redis: str
    api: int
    mlflow: int
    health: int

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"http://{HERE}:{self.api}"

    def here(self, text: str) -> str:
        """A command, a URL, a path or a host of the containers, as it is here."""
        text = FOLDERS.sub(lambda match: f"{self.folder}{match[0]}", text).replace("/opt/higawari", str(PROJECT))
        for there, here in (
            ("//airflow:", f"//{self.role.name}:"),
            ("postgres:5432/", f"{self.role.address}/{self.role.name}_"),
            ("redis:6379/0", self.redis),
            ("0.0.0.0", HERE),
        ):
            text = text.replace(there, here)
        for port, ours in ((8080, self.api), (5000, self.mlflow), (8974, self.health)):
            text = re.sub(rf"(?:api-server|mlflow|localhost|{HERE}):{port}\b", f"{HERE}:{ours}", text)
            text = text.replace(f"--port={port}", f"--port={ours}")
        return text

    def path(self, there: str) -> Path:
        return Path(self.here(there))


@dataclass
class Stack:
    """Services that run, by the names of their containers."""

    folder: Path
    variables: Mapping[str, str]
    settings: Mapping[str, str]
    places: Places
    overrides: Mapping[str, str]
    started: dict[str, Started] = field(default_factory=dict)

    def run(self, name: str, command: tuple[str, ...] = ()) -> None:
        """Run a service that ends by itself, and well, or another command in its place."""
        here = self.service(name)
        log = self.log(name)
        with log.open("wb") as output:
            code = subprocess.call(
                command or here.command,
                env=here.environment,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=300,
            )
        assert code == 0, log.read_text()[-5000:]

    def start(self, name: str, container: str) -> None:
        here = self.service(name, container)
        self.started[container] = launch(here.command, here.environment, self.folder, self.log(container))

    def log(self, container: str) -> Path:
        return self.folder / f"{container}.log"

    def is_healthy(self, name: str, container: str) -> bool:
        """What the health check of the compose file finds."""
        here = self.service(name, container)
        return subprocess.run(here.health_check, env=here.environment, capture_output=True, check=False).returncode == 0

    def wait_until_healthy(self, name: str, container: str) -> None:
        wait_until(
            lambda: self.is_healthy(name, container),
            f"{container} to be healthy",
            200,
            lambda: self.log(container).read_text()[-5000:],
            lambda: self.started[container].alive,
            pause=4,
        )

    def freeze(self, container: str) -> list[psutil.Process]:
        """Stop the time of all that runs in a container."""
        leader = psutil.Process(self.started[container].pid)
        processes = [leader, *leader.children(recursive=True)]
        for process in processes:
            process.suspend()
        return processes

    def kill(self, container: str) -> None:
        """SIGKILL to all that runs in a container. First it stands still, so that none can report another's death."""
        processes = self.freeze(container)
        del self.started[container]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=20)

    def stop(self) -> None:
        for name in STOPPING_ORDER:
            if name in self.started:
                end([self.started[name]], grace_seconds=2)

    def service(self, name: str, container: str = "") -> Service:
        """A service as it runs here; a container has a host name and an AIRFLOW_HOME of its own."""
        there = service(name, self.variables, self.settings)
        for target in there.targets:
            self.places.path(target).mkdir(parents=True, exist_ok=True)
        here = {key: self.places.here(value) for key, value in there.environment.items()}
        mine = {
            **{key: value for key, value in os.environ.items() if key in {"LANG", "TMPDIR", "PYTHONPYCACHEPREFIX"}},
            **here,
            **self.overrides,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "AIRFLOW_HOME": str(self.folder / "containers" / (container or name)),
            "HOSTNAME": container or name,
        }
        return replace(
            there,
            command=tuple(map(self.places.here, there.command)),
            environment=mine,
            health_check=tuple(map(self.places.here, there.health_check)),
        )


def host_name() -> str:
    """What Airflow calls the machine of a task: here all run on one, and are told apart as containers are."""
    return os.environ["HOSTNAME"]


def wait_until(
    what: Callable[[], T],
    called: str,
    seconds: float,
    found: Callable[[], object] = lambda: "",
    while_true: Callable[[], bool] = lambda: True,
    pause: float = 1,
) -> T:
    """Return it once it is true; fail after so many seconds, or once it no longer can be.

    A health check starts an Airflow that is slow to import: asked without a pause it slows down what it asks about.
    """
    end_at = time.monotonic() + seconds
    while not (is_so := what()):
        assert time.monotonic() < end_at, f"expected {called} within {seconds:.0f} s, found {found()}"
        assert while_true(), f"expected {called}, found an end: {found()}"
        time.sleep(pause)
    return is_so
