"""Matrices and tables that tasks of the last days made, kept on this machine for the next one that wants the same.

A cache: whoever finds nothing makes it anew, and a full disk costs no more than the time that takes.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from include.recommender.arrays import MICROS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

# What somebody asked for so lately may be in use.
IN_USE_SECONDS, DAY_SECONDS = 6 * 3600, 24 * 3600


@dataclass(frozen=True)
class KeptFiles:
    """The folder of all that has one key; the key says from what it was made.

    Among the folders beside it those go that nobody asked for in `days`, and those asked for longest ago while all
    are more than `gib`.
    """

    folder: Path
    days: int
    gib: float

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Tasks that want the same at the same time wait for the first of them. What nobody wants any more goes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.utime(self.folder)
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _remove_unused(self.folder.parent, self.days, self.gib)
            yield

    def table(self, name: str) -> pa.Table | None:
        """The rows kept under a name; None where there are none."""
        from pyarrow import ArrowInvalid, feather

        path = self.folder / f"{name}.arrow"
        try:
            return feather.read_table(path, memory_map=False)
        except FileNotFoundError:
            return None
        except (ArrowInvalid, OSError):  # cut short, as by a full disk
            path.unlink(missing_ok=True)
            return None

    def keep_table(self, name: str, rows: pa.Table) -> None:
        """All of it or nothing."""
        from pyarrow import feather

        self._write(f"{name}.arrow", lambda path: feather.write_feather(rows, str(path), compression="lz4"))

    def matrix(self, name: str) -> sparse.csr_matrix | None:
        """The matrix kept under a name; None where there is none."""
        path = self.folder / f"{name}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                micros, indices, indptr, shape = (stored[part] for part in ("micros", "indices", "indptr", "shape"))
        except FileNotFoundError:
            return None
        except (ValueError, EOFError, OSError, BadZipFile):  # cut short, as by a full disk
            path.unlink(missing_ok=True)
            return None
        return sparse.csr_matrix((micros.astype(np.float64) / MICROS, indices, indptr), shape=tuple(shape))

    def keep_matrix(self, name: str, matrix: sparse.csr_matrix) -> None:
        """All of it or nothing; its values are whole micro-units."""
        micros = matrix.data * MICROS
        np.rint(micros, out=micros)
        micros = micros.astype(np.int32 if np.abs(micros).max(initial=0) < 2**31 else np.int64)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(
                    file, micros=micros, indices=matrix.indices, indptr=matrix.indptr, shape=np.array(matrix.shape)
                )

        self._write(f"{name}.npz", write)

    def _write(self, name: str, write: Callable[[Path], None]) -> None:
        temporary = self.folder / f"{name}.{os.getpid()}.tmp"
        try:
            write(temporary)
            temporary.replace(self.folder / name)
        except OSError:
            temporary.unlink(missing_ok=True)


def _remove_unused(parent: Path, days: int, gib: float) -> None:
    """Remove folders that nobody asked for in so many days; and while they are larger together, the oldest of them."""
    import shutil

    folders = sorted(_used_and_bytes(parent))
    held = sum(size for _, size, _ in folders)
    for used, size, folder in folders:
        idle = time.time() - used
        if idle > IN_USE_SECONDS and (idle > days * DAY_SECONDS or held > gib * 2**30):
            shutil.rmtree(folder, ignore_errors=True)
            held -= size


def _used_and_bytes(parent: Path) -> Iterator[tuple[float, int, Path]]:
    """When each folder was asked for last, and what it holds; others may remove some meanwhile."""
    for folder in parent.iterdir():
        with suppress(OSError):
            yield folder.stat().st_mtime, sum(path.stat().st_size for path in folder.iterdir()), folder
