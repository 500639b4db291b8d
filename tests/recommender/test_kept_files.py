"""What one task made the next one finds, to the bit; whatever happens to the files costs time only."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from include.recommender.kept_files import KEPT_SECONDS, KeptFiles

if TYPE_CHECKING:
    from pathlib import Path

MATRIX = sparse.csr_matrix(np.array([[0, 0.25, 0.5], [0, 0, 0], [1e-6, 0, 0]]))
ROWS = pa.table({"item_id": ["i1", "i2"], "users": pa.array([3, None], pa.int64())})


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    files = KeptFiles(tmp_path / "a")
    with files.alone():
        files.keep_matrix("cosine", MATRIX)
        files.keep_table("items", ROWS)
    return files


def test_what_was_kept_comes_back_to_the_bit(kept: KeptFiles) -> None:
    found = kept.matrix("cosine")
    assert found is not None
    for name in ("data", "indices", "indptr"):
        assert getattr(found, name).tobytes() == getattr(MATRIX, name).tobytes()
    assert found.shape == (3, 3)
    assert kept.table("items") == ROWS


def test_what_is_not_there_is_none(kept: KeptFiles) -> None:
    assert kept.matrix("basket") is None
    assert kept.table("cosine") is None


@pytest.mark.parametrize("size", [0, 100])
def test_a_file_that_was_cut_short_is_none_and_goes(kept: KeptFiles, size: int) -> None:
    for name in ("cosine.npz", "items.arrow"):
        path = kept.folder / name
        path.write_bytes(path.read_bytes()[:size])
    assert kept.matrix("cosine") is None
    assert kept.table("items") is None
    assert [path.name for path in kept.folder.iterdir()] == ["lock"]


def test_what_nobody_wanted_for_hours_is_removed(tmp_path: Path) -> None:
    past = time.time() - KEPT_SECONDS - 60
    for key in ("old", "used"):
        with KeptFiles(tmp_path / key).alone():
            KeptFiles(tmp_path / key).keep_matrix("cosine", MATRIX)
    for key in ("old", "used"):
        os.utime(tmp_path / key, (past, past))
    with KeptFiles(tmp_path / "used").alone():
        assert KeptFiles(tmp_path / "used").matrix("cosine") is not None
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_a_disk_that_is_full_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("numpy.savez", full)
    monkeypatch.setattr("pyarrow.feather.write_feather", full)
    files = KeptFiles(tmp_path)
    with files.alone():
        files.keep_matrix("cosine", MATRIX)
        files.keep_table("items", ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_who_comes_second_waits_for_the_first(tmp_path: Path) -> None:
    working, may_end, seen = threading.Event(), threading.Event(), []

    def first() -> None:
        with KeptFiles(tmp_path).alone():
            working.set()
            may_end.wait(10)
            KeptFiles(tmp_path).keep_matrix("cosine", MATRIX)

    def second() -> None:
        with KeptFiles(tmp_path).alone():
            seen.append(KeptFiles(tmp_path).matrix("cosine"))

    threads = [threading.Thread(target=each) for each in (first, second)]
    threads[0].start()
    working.wait(10)
    threads[1].start()
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert seen[0] is not None
