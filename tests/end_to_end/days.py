"""What other processes do in these tests: run a day, die in one, read all along. Little is imported at the top."""

from __future__ import annotations

import os
import resource
import signal
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from include.recommender.backtest import run_day
from include.recommender.current import current_user_recommendations
from include.recommender.lists import EVERYBODY
from include.recommender.tables import PUBLISHED_TABLES
from include.recommender.workspace import open_recommender
from include.retraining.content_hash import content_hash
from include.retraining.publication.reader import read_current
from include.retraining.registry import ModelRegistry
from include.retraining.run import Run
from include.retraining.warehouse.local import LocalWarehouse
from tests.simulated_home import whole_environment_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Event

    import pyarrow as pa

    from include.retraining.warehouse.table import Table

SMALLER_THAN_ANY_DATA_FILE = 500


@dataclass(frozen=True)
class Death:
    """Where a day dies: in the `turn`-th write of a table, or in a call to the model registry.

    `torn` dies with half a data file on the disk, `after` once the write is committed but before anyone knows.
    """

    where: str
    moment: Literal["before", "torn", "after"]
    turn: int = 1

    def __str__(self) -> str:
        return f"{self.where} {self.moment}" + (f" {self.turn}" if self.turn > 1 else "")


def run_day_at(home: Path, as_of_date: date, death: Death | None = None) -> None:
    """Run a day in a home; with a death, this process does not survive it."""
    os.environ.clear()
    os.environ.update(environment)
    if death:
        die_in(death)
    run_day(Run(as_of_date, "in another process", "backtest"), open_recommender())


def die_in(death: Death) -> None:
    """Make this process kill itself there."""
    turns = count(1)
    if death.where.startswith("registry."):
        _patch(ModelRegistry, death.where.removeprefix("registry."), lambda *_: next(turns) == death.turn, death)
        return
    for write in ("replace", "append_once"):
        _patch(
            LocalWarehouse,
            write,
            lambda _, table, *__: table.name == death.where and next(turns) == death.turn,
            death,
        )


def _patch(owner: type, name: str, is_it: Callable[..., bool], death: Death) -> None:
    original = getattr(owner, name)

    def deadly(*arguments: Any) -> Any:
        if not is_it(*arguments):
            return original(*arguments)
        if death.moment == "torn":
            _die_while_writing_a_file()
        elif death.moment == "after":
            original(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody survives SIGKILL")

    setattr(owner, name, deadly)
