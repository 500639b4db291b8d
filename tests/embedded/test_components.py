"""Refusals to start, and stopping what does not run."""

import os
import socket
import sys
from pathlib import Path

import pytest

from include.embedded import components
from include.embedded.components import start, stop
from include.embedded.errors import EmbeddedAirflowError
from include.embedded.processes import Started, end, launch
from include.embedded.run_folder import RunFolder


def test_a_taken_port_is_refused_before_anything_starts(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(EmbeddedAirflowError, match="to be free") as refusal:
            start(home, other.getsockname()[1])
    assert "make up PORT=" in refusal.value.next_step
    assert RunFolder(home).started() == {}


def test_a_second_start_is_refused(home: Path, free_port: int) -> None:
    folder = RunFolder(home)
    folder.folder.mkdir(parents=True)
    folder.record_port(8123)
    running = launch([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, home, home / "log")
    folder.record("scheduler", running)
    with pytest.raises(EmbeddedAirflowError, match=rf"scheduler \(pid {running.pid}\) on port 8123"):
        start(home, free_port)
    end([running], grace_seconds=5)


def test_two_commands_at_once_are_refused(home: Path, free_port: int) -> None:
    with RunFolder(home).locked(), pytest.raises(EmbeddedAirflowError, match="another up or down"):
        start(home, free_port)


def test_stopping_what_does_not_run_is_no_error(home: Path) -> None:
    assert stop(home) == []
    assert stop(home) == []


@pytest.mark.parametrize("content", ["", "abc", "999999999 12345", "{ours} 1"])
def test_stale_pid_files_name_nothing_and_go_away(home: Path, content: str) -> None:
    folder = RunFolder(home)
    folder.folder.mkdir(parents=True)
    (folder.folder / "scheduler.pid").write_text(content.format(ours=os.getpid()))
    assert stop(home) == []
    assert folder.started() == {}


def test_a_failed_start_says_why_and_leaves_nothing(
    home: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[Started] = []

    def launch_broken(command, environment, folder, log) -> Started:
        launched.append(launch([sys.executable, "-c", "print('no such module: x')"], environment, folder, log))
        return launched[-1]

    monkeypatch.setattr(components, "prepare", lambda folder, environment: None)
    monkeypatch.setattr(components, "launch", launch_broken)
    with pytest.raises(EmbeddedAirflowError, match="no such module: x"):
        start(home, free_port, seconds=20)
    assert len(launched) == 4
    assert RunFolder(home).started() == {}
    assert not [pid for process in launched for pid in process.members()]


def test_the_log_of_an_earlier_start_is_kept_aside(home: Path) -> None:
    folder = RunFolder(home)
    folder.set_log_aside("scheduler").write_text("first")
    folder.set_log_aside("scheduler").write_text("second")
    assert folder.last_lines("scheduler") == "second"
    assert folder.log("scheduler").with_suffix(".previous.log").read_text() == "first"
