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

from include.recommender.kept_files import DAY_SECONDS, IN_USE_SECONDS, KeptFiles

if TYPE_CHECKING:
    from pathlib import Path

MATRIX = sparse.csr_matrix(np.array([[0, 0.25, 0.5], [0, 0, 0], [1e-6, 0, 0]]))
DAYS, GIB = 8, 1.0
ROWS = pa.table({"item_id": ["i1", "i2"], "users": pa.array([3, None], pa.int64())})


def kept_under(folder: Path, days: int = DAYS, gib: float = GIB) -> KeptFiles:
    return KeptFiles(folder, days, gib)


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    files = kept_under(tmp_path / "a")
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


@pytest.mark.parametrize(
    ("days", "gib", "kept"),
    [
        (DAYS, GIB, ["now", "today", "week"]),
        (7, GIB, ["now", "today"]),
        (0, GIB, ["now"]),
        # Of three folders of some 900 bytes each, two and a half fit, or none.
        (DAYS, 2250 / 2**30, ["now", "today"]),
        (DAYS, 0.0, ["now"]),
    ],
)
def test_what_nobody_wanted_for_days_is_removed_and_of_too_many_bytes_the_oldest(
    tmp_path: Path, days: int, gib: float, kept: list[str]
) -> None:
    idle = {"week": 7 * DAY_SECONDS + 60, "today": IN_USE_SECONDS + 60, "now": 60}
    for key in idle:
        with kept_under(tmp_path / key).alone():
            kept_under(tmp_path / key).keep_matrix("cosine", MATRIX)
    for key, seconds in idle.items():
        os.utime(tmp_path / key, (time.time() - seconds,) * 2)
    with kept_under(tmp_path / "now", days, gib).alone():
        assert kept_under(tmp_path / "now").matrix("cosine") is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


def test_large_values_are_kept_to_the_bit_too(tmp_path: Path) -> None:
    large = sparse.csr_matrix(np.array([[-(2.0**40), 0.5]]))
    files = kept_under(tmp_path / "a")
    with files.alone():
        files.keep_matrix("weights", large)
    found = files.matrix("weights")
    assert found is not None
    assert found.data.tobytes() == large.data.tobytes()


def test_a_disk_that_is_full_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("numpy.savez", full)
    monkeypatch.setattr("pyarrow.feather.write_feather", full)
    files = kept_under(tmp_path / "a")
    with files.alone():
        files.keep_matrix("cosine", MATRIX)
        files.keep_table("items", ROWS)
    assert [path.name for path in files.folder.iterdir()] == ["lock"]


def test_who_comes_second_waits_for_the_first(tmp_path: Path) -> None:
    working, may_end, seen = threading.Event(), threading.Event(), []

    def first() -> None:
        with kept_under(tmp_path / "a").alone():
            working.set()
            may_end.wait(10)
            kept_under(tmp_path / "a").keep_matrix("cosine", MATRIX)

    def second() -> None:
        with kept_under(tmp_path / "a").alone():
            seen.append(kept_under(tmp_path / "a").matrix("cosine"))

    threads = [threading.Thread(target=each) for each in (first, second)]
    threads[0].start()
    working.wait(10)
    threads[1].start()
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert seen[0] is not None
