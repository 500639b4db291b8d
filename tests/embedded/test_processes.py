"""Processes are told apart from later ones with their number, and ended with all they started."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.embedded.processes import Started, end, ident_of, launch

SLEEP = "import time; time.sleep(60)"
# A worker in a process group of its own, as Airflow's tasks are, that takes no notice of a TERM.
STUBBORN = f"import os, signal; os.setpgid(0, 0); signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT_OF_STUBBORN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{STUBBORN}']); {SLEEP}"


@pytest.fixture
def run(tmp_path: Path) -> Iterator:
    begun: list[Started] = []

    def launched(code: str, members: int = 1) -> Started:
        begun.append(launch([sys.executable, "-c", code], os.environ, tmp_path, tmp_path / "log"))
        wait_for(lambda: len(begun[-1].members()) == members)
        return begun[-1]

    yield launched
    end(begun, grace_seconds=0)


def wait_for(condition) -> None:
    end_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end_at
        time.sleep(0.05)


def test_it_leads_a_session(run) -> None:
    process = run(SLEEP)
    assert process.alive
    assert os.getsid(process.pid) == process.pid


def test_a_process_that_ended_by_itself_is_not_alive(run) -> None:
    process = run("pass", members=0)
    assert not process.alive


def test_ending_leaves_nothing(run) -> None:
    process = run(SLEEP)
    assert end([process], grace_seconds=10) == []
    assert not process.alive


def test_a_pid_given_to_another_process_is_left_alone() -> None:
    stale = Started(os.getpid(), "another moment")
    assert not stale.alive
    assert stale.members() == []
    assert end([stale], grace_seconds=0) == []


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1])
def test_a_pid_of_nobody(pid: int) -> None:
    assert not Started(pid, "1").alive
    assert Started(pid, "1").members() == []
    assert ident_of(pid) is None or pid == 0


def test_what_outlives_its_leader_is_found_and_killed(run) -> None:
    process = run(PARENT_OF_STUBBORN, members=2)
    os.kill(process.pid, 9)
    wait_for(lambda: not process.alive)
    assert len(process.members()) == 1
    assert len(end([process], grace_seconds=30)) == 1
    assert process.members() == []


def test_what_ignores_a_term_is_killed_after_the_grace_period(run) -> None:
    process = run(PARENT_OF_STUBBORN, members=2)
    assert len(end([process], grace_seconds=0.5)) == 1
    assert process.members() == []
