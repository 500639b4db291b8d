from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from drill.disk import SmallDisk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk.at(tmp_path / "disk")
    if not disk.real:
        pytest.skip("no right to mount a file system")
    yield disk
    SmallDisk.forget(disk.folder)
    assert not disk.folder.is_mount()


def test_a_full_disk_takes_nothing_until_it_is_freed(disk: SmallDisk) -> None:
    kept = disk.folder / "kept"
    kept.write_text("x" * 50_000)
    disk.fill()
    with pytest.raises(OSError, match="No space left") as refused:
        (disk.folder / "more").write_text("x" * 50_000)
    assert refused.value.errno == errno.ENOSPC
    assert len(kept.read_text()) == 50_000
    disk.free()
    (disk.folder / "more").write_text("x" * 50_000)


def test_a_folder_without_a_disk_stays(tmp_path: Path) -> None:
    SmallDisk.forget(tmp_path)
    disk = SmallDisk(tmp_path, real=False)
    disk.fill()
    (tmp_path / "file").write_text("x")
    disk.free()
    assert "limit" in disk.what
