"""`python -m include.embedded`."""

import subprocess
import sys
from pathlib import Path

import pytest

from include.embedded.__main__ import main
from include.embedded.environment import PROJECT
from include.embedded.secret_file import load_secrets


def embedded(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "include.embedded", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)


def test_exec_runs_a_command_within_the_environment(home: Path) -> None:
    code = (
        "import os, sys; print(os.environ['HIGAWARI_HASH_KEY'], os.environ['AIRFLOW_HOME'], sys.argv[1:]); sys.exit(7)"
    )
    answer = embedded("exec", "--home", str(home), "--", "python", "-c", code, "--home", "x")
    assert answer.returncode == 7
    key = load_secrets(home)["HIGAWARI_HASH_KEY"]
    assert answer.stdout.strip() == f"{key} {home / 'airflow'} ['--home', 'x']"


def test_exec_uses_the_python_of_this_environment(home: Path) -> None:
    answer = embedded("exec", "--home", str(home), "--", "python", "-c", "import sys; print(sys.prefix)")
    assert answer.stdout.strip() == sys.prefix


def test_exec_of_an_unknown_command(home: Path) -> None:
    answer = embedded("exec", "--home", str(home), "--", "no-such-command")
    assert answer.returncode == 127
    assert "no-such-command" in answer.stderr


def test_down_and_status_where_nothing_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--home", str(home)]) == 0
    assert main(["status", "--home", str(home)]) == 1
    assert capsys.readouterr().out == f"No Airflow runs in {home}\n" * 2


def test_refusals_are_told_without_a_traceback(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "secrets.env").write_text("HIGAWARI_HASH_KEY=x\n")
    assert main(["exec", "--home", str(home), "--", "true"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Expected: ")
    assert "Next step: " in told
