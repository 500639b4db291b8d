"""Rule 8: a published row leads to the code that made it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from include.retraining import code_version as module


def version_of(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(module, "PROJECT", project)
    return module.code_version.__wrapped__()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "include" / "sql").mkdir(parents=True)
    (tmp_path / "include" / "a.py").write_text("x = 1\n")
    (tmp_path / "include" / "sql" / "b.sql").write_text("SELECT 1\n")
    return tmp_path


def test_rule_8_another_process_finds_the_same_version() -> None:
    code = "from include.retraining.code_version import code_version; print(code_version())"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=module.PROJECT
    )
    assert printed.stdout.strip() == module.code_version()
    assert len(module.code_version()) == 12


@pytest.mark.parametrize(("name", "text"), [("a.py", "x = 2\n"), ("sql/b.sql", "SELECT 2\n"), ("c.py", "")])
def test_rule_8_a_changed_or_new_source_is_another_version(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    before = version_of(project, monkeypatch)
    (project / "include" / name).write_text(text)
    assert version_of(project, monkeypatch) != before


def test_a_renamed_source_is_another_version(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = version_of(project, monkeypatch)
    (project / "include" / "a.py").rename(project / "include" / "z.py")
    assert version_of(project, monkeypatch) != before


def test_compiled_files_and_readers_notes_do_not_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = version_of(project, monkeypatch)
    (project / "include" / "a.cpython-311.pyc").write_bytes(b"\0")
    (project / "include" / "notes.md").write_text("hello")
    assert version_of(project, monkeypatch) == before
