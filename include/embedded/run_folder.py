"""What is on disk about the processes of one home: pid files, port, logs."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.embedded.errors import EmbeddedAirflowError
from include.embedded.processes import Started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """Files under <home>/airflow."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where pid files and port are kept while components run."""
        return self.home.resolve() / "airflow" / "run"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from starting or stopping components meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EmbeddedAirflowError(
                    f"one command at a time for {self.home}", "another up or down under way", "wait until it has ended"
                ) from None
            yield

    def log(self, component: str) -> Path:
        """The log of a component."""
        return self.home.resolve() / "airflow" / "logs" / "components" / f"{component}.log"

    def set_log_aside(self, component: str) -> Path:
        """Begin a new log; the one before is kept beside it. Returns the new log's path."""
        log = self.log(component)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        return log

    def last_lines(self, component: str, number: int = 25) -> str:
        """The end of a component's log."""
        log = self.log(component)
        return "\n".join(log.read_text(errors="replace").splitlines()[-number:]) if log.exists() else "(no log)"

    def record(self, component: str, started: Started) -> None:
        """Note that a component was started."""
        (self.folder / f"{component}.pid").write_text(f"{started.pid} {started.ident}\n")

    def started(self) -> dict[str, Started]:
        """Every component noted, whether it still runs or not."""
        return {path.stem: _read(path) for path in sorted(self.folder.glob("*.pid"))}

    def record_port(self, port: int) -> None:
        """Note the port of the API."""
        self._port_file.write_text(f"{port}\n")

    def port(self, default: int | None = None) -> int:
        """The port of the API last started here; EmbeddedAirflowError where none was and there is no default."""
        if self._port_file.exists():
            return int(self._port_file.read_text())
        if default is None:
            raise EmbeddedAirflowError(f"an Airflow started in {self.home}", "none", "make up")
        return default

    def forget(self) -> None:
        """Remove the pid files; the port is kept, for commands that run beside a stopped Airflow."""
        for path in self.folder.glob("*.pid"):
            path.unlink()

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"


def _read(path: Path) -> Started:
    pid, _, ident = path.read_text().strip().partition(" ")
    # A pid file cut short by a crash names nothing that runs.
    return Started(int(pid) if pid.isdigit() else 0, ident)
