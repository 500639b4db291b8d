"""Similarities of past dates, kept on this machine for hours: short lists, training and evaluation see the same weeks.

A cache: what is not there is computed, and what is there was computed from the very same pairs, settings and code.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from include.recommender.arrays import MICROS
from include.retraining.code_version import code_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from include.recommender.snapshot import Snapshot

KEPT_SECONDS = 6 * 3600


def kept_or_computed(folder: Path, key: str, compute: Callable[[], sparse.csr_matrix]) -> sparse.csr_matrix:
    """The matrix that was kept under this key, else what `compute` gives, kept from now on.

    Tasks that want the same matrix at the same time wait for the first of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}.npz"
    with _alone(folder / f"{key}.lock"):
        if (found := _read(path)) is None:
            found = compute()
            _remove_old(folder)
            _write(path, found)
    return found


def key_of(method: str, using: str, snapshot: Snapshot) -> str:
    """A hash of all that decides the similarities of a method, `using` being its settings."""
    return hashlib.sha256("\n".join([method, using, code_version(), snapshot.touched_hash]).encode()).hexdigest()[:32]


def _read(path: Path) -> sparse.csr_matrix | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            micros, indices, indptr, shape = (stored[name] for name in ("micros", "indices", "indptr", "shape"))
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, OSError, BadZipFile):  # cut short, as by a full disk
        path.unlink(missing_ok=True)
        return None
    os.utime(path)
    return sparse.csr_matrix((micros.astype(np.float64) / MICROS, indices, indptr), shape=tuple(shape))


def _write(path: Path, matrix: sparse.csr_matrix) -> None:
    """All of it or nothing; a full disk loses no more than the time that the next task takes to compute it again."""
    micros = np.rint(matrix.data * MICROS).astype(np.int64)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, micros=micros, indices=matrix.indices, indptr=matrix.indptr, shape=np.array(matrix.shape))
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)


def _remove_old(folder: Path) -> None:
    before = time.time() - KEPT_SECONDS
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
