"""What these tests do in processes of their own: run a day, die in the middle of one, read all along."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Literal, NamedTuple

import mlflow
import pyarrow as pa
from mlflow import MlflowClient

from include.recommender import pipeline
from include.recommender.backtest import run_day
from include.recommender.contenders import model_name
from include.recommender.current import current_user_recommendations
from include.recommender.settings import SURFACES
from include.recommender.tables import EVERYBODY, PUBLISHED_TABLES, RECOMMENDER_TABLES, USER_RECOMMENDATIONS
from include.recommender.workspace import open_recommender
from include.retraining.content_hash import content_hash
from include.retraining.publication.reader import read_current
from include.retraining.registry import ModelRegistry
from include.retraining.run import Run
from include.retraining.tables import MACHINERY_TABLES
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.protocol import Warehouse
from include.retraining.warehouse.table import Table
from tests.simulated_home import whole_environment_of

ALL_TABLES = (*RECOMMENDER_TABLES, *MACHINERY_TABLES)
Moment = Literal["before", "torn", "after"]
SMALLER_THAN_ANY_DATA_FILE = 500  # bytes
# What a call to the registry is called here, and where it is made.
REGISTRY_CALLS: dict[str, tuple[Any, str]] = {
    "registry.version": (mlflow, "register_model"),
    "registry.alias": (MlflowClient, "set_registered_model_alias"),
}


class Seen(NamedTuple):
    """What a reader gets of a published table, or of one list: the publications its rows are of, and their content."""

    name: str
    publication_ids: tuple[str, ...]
    rows: int
    content: str


@dataclass(frozen=True)
class Death:
    """Where a day dies: in the `turn`-th write of a table, or call to the registry.

    `torn` leaves half a data file on the disk, `after` dies when the write is committed and nobody knows it yet.
    """

    where: str
    moment: Moment
    turn: int = 1


def run_day_at(home: Path, as_of_date: date, death: Death | None = None) -> None:
    """Run a day in a home from its first step; with a death, this process does not survive it."""
    _use(home)
    if death:
        _arrange(death)
    run_day(Run(as_of_date, "in another process", "backtest"), open_recommender())


def go_on_with_day_at(home: Path, as_of_date: date, death: Death | None = None) -> None:
    """Run a day as Airflow retries it: what an earlier try finished is not run again, and what it returned is kept."""
    _use(home)
    for name, step in vars(pipeline).copy().items():
        if callable(step) and step.__module__ == pipeline.__name__ and not name.startswith("_"):
            setattr(pipeline, name, _once(step, home / "finished_steps.json"))
    run_day_at(home, as_of_date, death)


def read_all_along(home: Path, stop: Event, results: Connection) -> None:
    """Read what applications read until told to stop, once more after that, and send everything seen, in order."""
    _use(home)
    warehouse, seen, last_round = open_recommender().warehouse, [], False
    while not last_round:
        last_round = stop.is_set()
        seen += everything_seen(warehouse)
    results.send(seen)


def contents(home: Path) -> dict[str, str]:
    """Content hash of every table of a home, and of each champion: equal for equal days, whatever ids they got."""
    warehouse = LocalWarehouse(home / "warehouse", home / "spill")
    return {table.name: content_hash(table, warehouse.read(table)) for table in ALL_TABLES} | champions(home)


def champions(home: Path) -> dict[str, str]:
    """Content hash of the ranker that each surface's alias names."""
    registry = ModelRegistry(f"sqlite:///{home}/mlflow/mlflow.db")
    return {f"champion of {surface}": _champion(registry, surface) for surface in SURFACES}


def _champion(registry: ModelRegistry, surface: str) -> str:
    version = registry.champion(model_name(surface))
    return registry.get(model_name(surface), version).tags["model_sha256"] if version else "none"


def everything_seen(warehouse: Warehouse) -> list[Seen]:
    """What readers get now: each published table whole, and the list for everybody the way applications ask for it."""
    lists = [
        _seen(surface, USER_RECOMMENDATIONS, current_user_recommendations(warehouse, EVERYBODY, surface))
        for surface in SURFACES
    ]
    return [_seen(table.name, table, read_current(warehouse, table)) for table in PUBLISHED_TABLES] + lists


def _seen(name: str, table: Table, rows: pa.Table) -> Seen:
    ids = sorted(set(rows["publication_id"].to_pylist()))
    return Seen(name, tuple(ids), rows.num_rows, content_hash(table, rows))


def _use(home: Path) -> None:
    environment = whole_environment_of(home)
    os.environ.clear()
    os.environ.update(environment)


def _once(step: Callable[..., Any], finished_steps: Path) -> Callable[..., Any]:
    def once(run: Run, workspace: Any, *arguments: Any) -> Any:
        finished = json.loads(finished_steps.read_text()) if finished_steps.exists() else {}
        key = " ".join([step.__name__, *(str(argument) for argument in arguments if isinstance(argument, int | str))])
        if key not in finished:
            finished[key] = step(run, workspace, *arguments)
            finished_steps.write_text(json.dumps(finished))
        return finished[key]

    return once


def _arrange(death: Death) -> None:
    turns = count(1)
    if death.where in REGISTRY_CALLS:
        _make_deadly(*REGISTRY_CALLS[death.where], death.moment, lambda *_: next(turns) == death.turn)
        return
    for write in ("replace", "append_once"):
        _make_deadly(
            LocalWarehouse, write, death.moment, lambda _, t, *__: t.name == death.where and next(turns) == death.turn
        )


def _make_deadly(owner: Any, method: str, moment: Moment, is_it: Callable[..., bool]) -> None:
    survivable = getattr(owner, method)

    def deadly(*arguments: Any, **named: Any) -> Any:
        if not is_it(*arguments):
            return survivable(*arguments, **named)
        if moment == "torn":
            _die_in_the_middle_of_a_file()
        if moment != "before":
            survivable(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    setattr(owner, method, deadly)


def _die_in_the_middle_of_a_file() -> None:
    """From here on the kernel ends this process as soon as a file grows too long: no handler, no cleaning up."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALLER_THAN_ANY_DATA_FILE, resource.RLIM_INFINITY))
