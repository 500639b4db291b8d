"""One step in a process of its own, forked with the libraries imported, as Airflow's scheduler forks its tasks."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.embedded.environment import SHARED_CORES
from include.embedded.libraries import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from multiprocessing.connection import Connection

MIB = 2**20


@dataclass(frozen=True)
class Spent:
    """What a step took: wall and CPU seconds, the process's peak resident memory, rows and MiB of new files."""

    seconds: float
    cpu: float
    peak_mib: float
    rows: int
    mib: float
    result: Any = None


@dataclass(frozen=True)
class Site:
    """Where and for when steps run: a home, an as_of_date, and settings as environment variables."""

    home: Path
    day: date
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a step's process."""
        own = {
            "HIGAWARI_HOME": str(self.home),
            "HIGAWARI_HASH_KEY": "bench",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.home}/mlflow/mlflow.db",
        }
        return {**self.variables, **own}


def run_step(site: Site, function: str, **inputs: Any) -> Spent:
    """Call `module:function(run, workspace, **inputs)` in a new process. SystemExit where it fails.

    A step that the pipeline skips has no result. Imports of libraries and of the module do not count.
    """
    os.environ.update(SHARED_CORES)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(there, site, function, inputs))
    process.start()
    there.close()
    try:
        spent: Spent = here.recv()
    except EOFError:
        process.join()
        raise SystemExit(f"{function} ended with {process.exitcode}: no figure") from None
    process.join()
    return spent


def peak_memory() -> float:
    """Peak resident memory of this process in MiB: since it began, unlike that of getrusage."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _measure(channel: Connection, site: Site, function: str, inputs: dict[str, Any]) -> None:
    os.environ.update(site.environment)
    # What a step prints is not part of the table.
    os.dup2(sys.stderr.fileno(), 1)

    from include.recommender.workspace import open_recommender
    from include.retraining.errors import StepSkipped
    from include.retraining.run import Run

    module, _, name = function.partition(":")
    step = getattr(import_module(module), name)
    run, workspace = Run(site.day, f"bench_{site.day}", "backtest"), open_recommender()
    folder = workspace.settings.storage.warehouse_folder
    before = _files(folder)
    began, cpu_began = time.perf_counter(), time.process_time()
    try:
        result = step(run, workspace, **inputs)
    except StepSkipped:
        result = None
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    peak = peak_memory()
    new = {path: size for path, size in _files(folder).items() if path not in before}
    rows, size = (sum(of[at] for of in new.values()) for at in (0, 1))
    channel.send(Spent(seconds, cpu, peak, rows, size / MIB, result))


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Rows and bytes by file of every Delta table's current version."""
    from deltalake import DeltaTable

    found: dict[str, tuple[int, int]] = {}
    for log in folder.glob("*/_delta_log"):
        actions = DeltaTable(log.parent).get_add_actions(flatten=True)
        columns = [actions[name].to_pylist() for name in ("path", "num_records", "size_bytes")]
        for path, rows, size in zip(*columns, strict=True):
            found[f"{log.parent.name}/{path}"] = (rows, size)
    return found
