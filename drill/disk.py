"""A small file system for warehouse and models, which can be full at a word and free at the next."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROOM = 2**30
SMALLEST = 4096


@dataclass(frozen=True)
class SmallDisk:
    """A tmpfs at `folder`. Without the right to mount one it is a plain folder, and `real` is False."""

    folder: Path
    real: bool

    @classmethod
    def at(cls, folder: Path) -> SmallDisk:
        """Mount it where this is allowed."""
        folder.mkdir(parents=True)
        return cls(folder, _mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder))

    @staticmethod
    def forget(folder: Path) -> None:
        """Take away one that is still mounted there."""
        if folder.is_mount():
            SmallDisk(folder, real=True).remove()

    def fill(self) -> None:
        """From here on nothing more can be written: the file system is as small as what is on it."""
        used = shutil.disk_usage(self.folder).used
        self._resize(max(used, SMALLEST))

    def free(self) -> None:
        """There is room again."""
        self._resize(ROOM)

    def remove(self) -> None:
        """Take it away with all that is on it."""
        if self.real:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    @property
    def what(self) -> str:
        """What the drill calls a full disk."""
        return "tmpfs shrunk to what is on it" if self.real else "limit on the size of files (no right to mount)"

    def _resize(self, size: int) -> None:
        if self.real and not _mount("-o", f"remount,size={size}", self.folder):
            raise OSError(f"cannot resize the file system at {self.folder}")


def _mount(*arguments: str | Path) -> bool:
    if shutil.which("mount") is None:
        return False
    return subprocess.run(["mount", *map(str, arguments)], check=False, capture_output=True).returncode == 0
