"""In CI a service test that is skipped makes the session fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from include.retraining.settings import PROJECT
from tests.conftest import LONGEST_FIRST, TESTS

SKIPPED = "import pytest\n\n@pytest.mark.service\ndef test_emulator():\n    pytest.skip('not here')\n"
OPTIONS = ["-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-o", "markers=service: x"]


@pytest.mark.parametrize(
    ("text", "ci", "workers", "code"),
    [
        (SKIPPED, "true", "0", 1),
        pytest.param(SKIPPED, "true", "1", 1, marks=pytest.mark.integration),
        (SKIPPED, "", "0", 0),
        (SKIPPED.replace("@pytest.mark.service\n", ""), "true", "0", 0),
        (SKIPPED.replace("pytest.skip('not here')", "pass"), "true", "0", 0),
    ],
    ids=["in CI", "in CI, side by side", "elsewhere", "no service", "not skipped"],
)
def test_only_a_skipped_service_test_in_ci_fails_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, ci: str, workers: str, code: int
) -> None:
    (tmp_path / "test_it.py").write_text(text)
    monkeypatch.setenv("CI", ci)
    command = [sys.executable, "-m", "pytest", *OPTIONS, "-n", workers, "--rootdir", str(tmp_path), str(tmp_path)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert ("test_it.py::test_emulator" in ended.stdout and "start the service" in ended.stdout) == bool(code)


def test_the_files_that_are_begun_first_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (TESTS / name).is_file()] == []
