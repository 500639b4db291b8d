"""Inside a task's process: let the armed fault strike. Airflow calls it right before the work begins."""

from __future__ import annotations

import fcntl
import functools
import os
import resource
import signal
import time
from typing import TYPE_CHECKING, Any

from drill.blows import BY_LIMIT, DrillFolder, Struck

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drill.blows import Blow

CLOSED_PORT = "http://127.0.0.1:1"
SECONDS_TO_TIMEOUT = 1
FOREVER = 3600
_OPEN_LOCKS: list[Any] = []


def strike(context: Any) -> None:
    """Arrange the fault that is armed for this try, if one is."""
    task, folder = context["ti"], DrillFolder.of_this_process()
    blow = next((b for b in folder.armed() if b.strikes(task.task_id, task.map_index, task.try_number)), None)
    _take_lock(folder, alone=blow is not None and blow.fault == "full disk")
    if blow:
        _arrange(blow, functools.partial(_strike, folder, blow, task.try_number), task.task)


def _arrange(blow: Blow, blow_now: Callable[[], None], operator: Any) -> None:
    """Call it once at the moment of the blow; MLflow's address is looked up before the step begins, so at once."""
    once = functools.cache(blow_now)
    work = operator.python_callable
    if blow.fault == "MLflow unreachable":
        os.environ["MLFLOW_TRACKING_URI"] = CLOSED_PORT

    @functools.wraps(work)
    def struck_work(*arguments: Any, **named: Any) -> Any:
        if blow.moment == "start":
            once()
        elif blow.moment == "write":
            _after_first_write(once)
        result = work(*arguments, **named)
        once()
        return result

    operator.python_callable = struck_work


def _after_first_write(blow_now: Callable[[], None]) -> None:
    from include.retraining.warehouse.local import LocalWarehouse

    for name in ("replace", "append_once"):
        setattr(LocalWarehouse, name, _then(getattr(LocalWarehouse, name), blow_now))


def _then(write: Callable[..., Any], blow_now: Callable[[], None]) -> Callable[..., Any]:
    def write_and_be_struck(*arguments: Any, **named: Any) -> Any:
        written = write(*arguments, **named)
        blow_now()
        return written

    return write_and_be_struck


def _strike(folder: DrillFolder, blow: Blow, try_number: int) -> None:
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    answer = folder.tell(Struck(blow.instance, try_number, blow.fault, blow.moment, os.getpid(), left))
    if blow.fault == "kill -9":
        time.sleep(FOREVER)
    elif blow.fault == "exception":
        raise RuntimeError("the drill: an error that nobody foresaw")
    elif blow.fault == "timeout":
        # Airflow's own timer, with hours of waiting left out.
        signal.setitimer(signal.ITIMER_REAL, min(left, SECONDS_TO_TIMEOUT))
        time.sleep(FOREVER)
    elif blow.fault == "full disk":
        _wait_for(answer)
        if answer.read_text() == BY_LIMIT:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _take_lock(folder: DrillFolder, *, alone: bool) -> None:
    """Kept until this process ends: a full disk must hit one task only."""
    lock = folder.lock.open()
    fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    _OPEN_LOCKS.append(lock)


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.02)
