"""Faults in the process of a task: at which moment, and what they leave behind for the drill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from drill import strike
from drill.blows import BY_LIMIT, FOLDER_VARIABLE, Blow, DrillFolder
from drill.disk import ROOM, SmallDisk
from drill.hand import Hand
from tests.simulated_home import PROJECT

TASK = "publish.stage"
WORKER = """
import sys
from types import SimpleNamespace
from drill.strike import strike
task = SimpleNamespace(python_callable=lambda: print("worked"))
strike({"ti": SimpleNamespace(task_id="publish.stage", map_index=-1, try_number=1, task=task)})
task.python_callable()
print("ended")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DrillFolder:
    folder = DrillFolder(tmp_path / "faults")
    folder.make()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder.path))
    return folder


@pytest.fixture
def hand(folder: DrillFolder, tmp_path: Path) -> Iterator[Hand]:
    hand = Hand(folder, SmallDisk(tmp_path, real=False))
    hand.start()
    yield hand
    hand.stop()


@pytest.fixture(autouse=True)
def no_locks_left() -> Iterator[None]:
    yield
    while strike._OPEN_LOCKS:
        strike._OPEN_LOCKS.pop().close()


def begin(work: Callable[[], str], try_number: int = 1) -> Callable[[], str]:
    """What Airflow calls for a try, after the fault was arranged."""
    operator = SimpleNamespace(python_callable=work)
    strike.strike({"ti": SimpleNamespace(task_id=TASK, map_index=-1, try_number=try_number, task=operator)})
    return operator.python_callable


def test_an_exception_at_the_start_keeps_the_work_from_being_done(folder: DrillFolder) -> None:
    folder.arm([Blow(TASK, -1, (1,), "exception")])
    done: list[str] = []
    work = begin(lambda: done.append("work") or "result")
    with pytest.raises(RuntimeError, match="nobody foresaw"):
        work()
    assert done == []
    (struck,) = folder.told().values()
    assert (struck.instance, struck.try_number, struck.fault, struck.pid) == (TASK, 1, "exception", os.getpid())
    assert begin(lambda: "result", try_number=2)() == "result"


def test_an_exception_at_the_end_comes_after_the_work(folder: DrillFolder) -> None:
    folder.arm([Blow(TASK, -1, (), "exception", "end")])
    done: list[str] = []
    work = begin(lambda: done.append("work") or "result", try_number=9)
    with pytest.raises(RuntimeError, match="nobody foresaw"):
        work()
    assert done == ["work"]


def test_an_exception_after_the_first_write(folder: DrillFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.retraining.warehouse.local import LocalWarehouse

    written: list[str] = []
    for name in ("replace", "append_once"):
        monkeypatch.setattr(LocalWarehouse, name, lambda self, table: written.append(table))
    folder.arm([Blow(TASK, -1, (1,), "exception", "write")])

    def work() -> str:
        warehouse = LocalWarehouse(Path(), Path())
        warehouse.replace("first")
        warehouse.append_once("second")
        return "result"

    with pytest.raises(RuntimeError, match="nobody foresaw"):
        begin(work)()
    assert written == ["first"]


def test_a_timeout_shortens_the_timer_that_is_running(folder: DrillFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    class TimerRangError(Exception):
        pass

    def ring(*_: object) -> None:
        raise TimerRangError

    monkeypatch.setattr(strike, "SECONDS_TO_TIMEOUT", 0.05)
    folder.arm([Blow(TASK, -1, (1,), "timeout")])
    work = begin(lambda: "result")
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 7200)
    try:
        with pytest.raises(TimerRangError):
            work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    (struck,) = folder.told().values()
    assert 7000 < struck.execution_timeout <= 7200


def test_an_unreachable_mlflow_is_one_at_a_closed_port(folder: DrillFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///somewhere")
    folder.arm([Blow(TASK, -1, (1,), "MLflow unreachable")])
    assert begin(lambda: os.environ["MLFLOW_TRACKING_URI"])() == strike.CLOSED_PORT
    assert len(folder.told()) == 1


def test_the_hand_kills_the_process_that_told_it(folder: DrillFolder, hand: Hand) -> None:
    folder.arm([Blow(TASK, -1, (1,), "kill -9", "end")])
    killed = run_worker(folder)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == "worked\n"
    ((at, struck),) = hand.struck
    assert (struck.instance, struck.fault, struck.moment) == (TASK, "kill -9", "end")
    assert at == pytest.approx(time.time(), abs=30)


def test_where_no_disk_can_be_filled_the_process_may_write_no_file(folder: DrillFolder, hand: Hand) -> None:
    folder.arm([Blow(TASK, -1, (1,), "full disk")])
    code = WORKER.replace('print("worked")', f'open({str(folder.path / "file")!r}, "w").write("x" * 9000)')
    failed = run_worker(folder, code)
    assert "File too large" in failed.stderr
    assert [answer.read_text() for answer in folder.told()] == [BY_LIMIT]


def test_a_disk_has_room_again_when_the_process_has_ended_though_nobody_looked_at_it(
    folder: DrillFolder, tmp_path: Path
) -> None:
    class Told(SmallDisk):
        def _resize(self, size: int) -> None:
            told.append("free" if size == ROOM else "full")

    told: list[str] = []
    hand = Hand(folder, Told(tmp_path, real=True))
    hand.start()
    folder.arm([Blow(TASK, -1, (1,), "full disk")])
    ended = subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=PROJECT, env={**os.environ, FOLDER_VARIABLE: str(folder.path)}
    )
    try:
        until = time.monotonic() + 30
        while told != ["full", "free"] and time.monotonic() < until:
            time.sleep(0.05)
        assert (told, ended.returncode) == (["full", "free"], None)
    finally:
        ended.kill()
        ended.wait()
        hand.stop()


def run_worker(folder: DrillFolder, code: str = WORKER) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-u", "-c", code]
    environment = {**os.environ, FOLDER_VARIABLE: str(folder.path)}
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
