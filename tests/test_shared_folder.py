"""A folder that is made once for all processes of a session."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.shared_folder import shared_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """The factories of two workers of one session."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    for name in ("gw0", "gw1"):
        (tmp_path / name).mkdir()
    return [SimpleNamespace(getbasetemp=lambda name=name: tmp_path / name) for name in ("gw0", "gw1")]


def test_the_second_worker_gets_what_the_first_one_made(workers: list[SimpleNamespace]) -> None:
    made: list[Path] = []
    folders = {shared_folder(worker, "home", made.append) for worker in workers}
    assert folders == set(made)
    assert len(made) == 1


def test_what_could_not_be_made_is_made_anew(workers: list[SimpleNamespace]) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        shared_folder(workers[0], "home", fail)
    folder = shared_folder(workers[1], "home", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
