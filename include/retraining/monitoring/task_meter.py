"""What a task's process has used since it began: seconds, and its peak of memory."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# Sets the peak back to what is held now: proc(5), clear_refs.
RESET_PEAK = "5"
KIB = 1024


@dataclass(frozen=True)
class Used:
    """So far. Memory is the most the process held, with the libraries it shares with the one it forked from."""

    seconds: float
    peak_memory_bytes: int | None


@dataclass(frozen=True)
class TaskMeter:
    """Runs from when it is made."""

    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        """Forget peaks of before: a worker may run one task after another in its process."""
        reset_peak()

    def used(self) -> Used:
        """So far."""
        return Used(time.perf_counter() - self.started, peak_memory_bytes())


def reset_peak() -> None:
    """Where the kernel does not allow it, a peak of earlier tasks in the same process stays in the figure."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return


def peak_memory_bytes() -> int | None:
    """From the kernel's status page (VmHWM). None where there is none, as on macOS.

    Not from getrusage: its peak (ru_maxrss) cannot be reset.
    """
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * KIB if found else None
