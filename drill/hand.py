"""The hand from outside: kills the tasks that are to be killed, fills the disk and frees it, notes when."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from drill.blows import BY_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

    from drill.blows import DrillFolder, Struck
    from drill.disk import SmallDisk

POLL_SECONDS = 0.03


@dataclass
class Hand(threading.Thread):
    """Answers what tasks tell until it is stopped. `lasting`: a full disk stays full until it is mended."""

    folder: DrillFolder
    disk: SmallDisk
    lasting: bool = False
    struck: list[tuple[float, Struck]] = field(default_factory=list)
    _known: set[Path] = field(default_factory=set)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True, name="hand")

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Look, and act."""
        while not self._ended.wait(POLL_SECONDS):
            for answer, struck in self.folder.told(self._known).items():
                self._known.add(answer)
                self._act(struck, answer)

    def stop(self) -> None:
        """Let go of everything."""
        self._ended.set()
        self.join()

    def begin_anew(self, *, lasting: bool) -> None:
        """Forget what was struck before."""
        self.lasting = lasting
        self.folder.forget()
        self._known.clear()
        self.struck.clear()

    def mend(self) -> None:
        """No fault strikes any more, and the disk has room."""
        self.folder.arm([])
        self.disk.free()

    def _act(self, struck: Struck, answer: Path) -> None:
        self.struck.append((time.time(), struck))
        if struck.fault == "kill -9":
            os.kill(struck.pid, signal.SIGKILL)
        elif struck.fault == "full disk":
            self._fill(struck, answer)

    def _fill(self, struck: Struck, answer: Path) -> None:
        if not self.disk.real:
            # The task that waits for it must not find it empty.
            written = answer.with_suffix(".written")
            written.write_text(BY_LIMIT)
            written.replace(answer)
            return
        self.disk.fill()
        answer.touch()
        if not self.lasting:
            while not _has_ended(struck.pid) and not self._ended.wait(POLL_SECONDS):
                pass
            self.disk.free()


def _has_ended(pid: int) -> bool:
    """Whether a process does nothing any more; Airflow may take seconds to look at one that has."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
