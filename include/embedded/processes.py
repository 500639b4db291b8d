"""Processes by pid: told apart from later ones with the same number, and ended with all they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

POLL_SECONDS = 0.1
SECOND_GRACE_SECONDS = 3
KILL_SECONDS = 10
# Kept to be reaped by the process that started them; where another one stops them, init does.
_CHILDREN: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Started:
    """A process that leads a session of its own; `ident` tells it from another one that got its number later."""

    pid: int
    ident: str

    @property
    def alive(self) -> bool:
        """Whether this very process runs."""
        return bool(self.ident) and ident_of(self.pid) == self.ident

    def members(self) -> list[int]:
        """It and all it started that still run, also after it died: the session outlives its leader."""
        if ident_of(self.pid) not in {self.ident, None} or self.pid <= 0:
            # The number now belongs to another process, which the kernel gives away only once the session has ended.
            return []
        return [pid for pid in psutil.pids() if _session(pid) == self.pid and ident_of(pid)]


def launch(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Started:
    """Start a command in a session of its own, with its output added to a log file."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _CHILDREN.append(process)
    return Started(process.pid, ident_of(process.pid) or "")


def end(processes: Iterable[Started], grace_seconds: float) -> list[int]:
    """TERM each process, again after the grace period, and KILL what is left of its session; returns the killed pids.

    What outlived its leader is killed at once: the scheduler's workers take no notice of a TERM.
    """
    started = list(processes)
    led = [process for process in started if process.alive]
    _terminate(led)
    if not _wait(lambda: any(process.members() for process in led), grace_seconds):
        # The second time the scheduler waits for no task, but says goodbye: the next one runs these again at once.
        _terminate(led)
        _wait(lambda: any(process.alive for process in led), SECOND_GRACE_SECONDS)
    killed = [pid for process in started for pid in process.members()]
    for pid in killed:
        _signal(pid, signal.SIGKILL)
    _wait(lambda: any(process.members() for process in started), KILL_SECONDS)
    return killed


def ident_of(pid: int) -> str | None:
    """The moment a process started, None where none runs (a zombie does not).

    On Linux in ticks since boot, which no change of the clock moves.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        return stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else f"{process.create_time():.2f}"
    except (psutil.Error, OSError, ValueError):
        return None


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _signal(pid: int, number: signal.Signals) -> None:
    # It may have ended since we looked.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _terminate(processes: Iterable[Started]) -> None:
    for process in processes:
        if process.alive:
            _signal(process.pid, signal.SIGTERM)


def _wait(while_true: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition ceased to hold in time."""
    end_at = time.monotonic() + seconds
    while holds := while_true():
        for child in _CHILDREN:
            child.poll()
        if time.monotonic() > end_at:
            break
        time.sleep(POLL_SECONDS)
    return not holds
