"""Databases are made once per version, and a failure says why."""

import os
import sys
from pathlib import Path

import pytest

from include.embedded import prepare as prepare_module
from include.embedded.errors import EmbeddedAirflowError
from include.embedded.prepare import prepare
from include.embedded.run_folder import RunFolder

MAKE = "from pathlib import Path; p = Path({path!r}); p.parent.mkdir(exist_ok=True); p.open('a').write('x')"


@pytest.fixture
def folder(home: Path) -> RunFolder:
    folder = RunFolder(home)
    folder.folder.mkdir(parents=True)
    return folder


def commands(**codes: str) -> dict[str, tuple[str, ...]]:
    return {name: (sys.executable, "-c", code) for name, code in codes.items()}


def test_databases_are_made_once(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"one": folder.home / "airflow" / "airflow.db", "two": folder.home / "mlflow" / "mlflow.db"}
    codes = {name: MAKE.format(path=str(path)) for name, path in made.items()}
    monkeypatch.setattr(prepare_module, "COMMANDS", commands(**codes))
    prepare(folder, os.environ)
    prepare(folder, os.environ)
    assert [path.read_text() for path in made.values()] == ["x", "x"]
    made["two"].unlink()
    prepare(folder, os.environ)
    assert made["two"].exists()


def test_a_failure_shows_the_log_and_is_tried_again(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "COMMANDS", commands(one="import sys; sys.exit('disk is full')"))
    for _ in range(2):
        with pytest.raises(EmbeddedAirflowError, match="disk is full"):
            prepare(folder, os.environ)


def test_one_that_hangs_is_killed(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "COMMANDS", commands(one="import time; time.sleep(60)"))
    monkeypatch.setattr(prepare_module, "SECONDS", 0.1)
    with pytest.raises(EmbeddedAirflowError, match="timed out"):
        prepare(folder, os.environ)
