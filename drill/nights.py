"""What strikes in which night: kills in every task, faults that a retry heals, faults that outlast every retry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import cycle
from typing import TYPE_CHECKING

from drill.blows import Blow
from drill.kinds import KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drill.blows import Moment
    from drill.kinds import Kind

MOMENTS: tuple[Moment, ...] = ("start", "write", "end")


@dataclass(frozen=True)
class Task:
    """A task of the DAG as Airflow knows it. `maps` are its map indexes: (-1,) where it is not mapped."""

    task_id: str
    retries: int
    maps: tuple[int, ...] = (-1,)


@dataclass(frozen=True)
class Nights:
    """Faults by the name of the night, and what should have been drilled and is not."""

    planned: dict[str, list[Blow]]
    missing: list[str]


def plan_nights(tasks: Sequence[Task], only: Sequence[str] = ()) -> Nights:
    """All three nights; with `only`, the faults whose night, kind or name is among those, and nothing is missed."""
    kills, (second_tries, healed) = killed_night(tasks), healed_nights(tasks)
    planned = {"outlasting": outlasting_night(tasks), "killed": [*kills, *second_tries], "healed": healed}
    if not only:
        return Nights(planned, missing(tasks, [blow for blows in planned.values() for blow in blows]))
    wanted = {name: [blow for blow in blows if _is_among(only, name, blow)] for name, blows in planned.items()}
    return Nights({name: blows for name, blows in wanted.items() if blows}, [])


def killed_night(tasks: Sequence[Task]) -> list[Blow]:
    """Kill the first try of every task, at one of three moments in turn."""
    moments = cycle(MOMENTS)
    return [Blow(task.task_id, index, (1,), "kill -9", next(moments)) for task in tasks for index in task.maps]


def healed_nights(tasks: Sequence[Task]) -> tuple[list[Blow], list[Blow]]:
    """Spread what retries heal over the second tries of the killed night and all but the last of the next night.

    Each kind gets each of its faults once; what has no retries gets one in the second night, as it can take no more.
    """
    nights: tuple[list[Blow], list[Blow]] = ([], [])
    for kind in KINDS:
        instances = [(task, index) for task in tasks for index in task.maps if kind_of(task.task_id) == kind]
        places = [
            (night, task.task_id, index, number)
            for night, number in ((1, 1), (1, 2), (0, 2))
            for task, index in instances
            if number <= task.retries
        ] or [(1, task.task_id, index, 1) for task, index in instances]
        for fault, (night, task_id, index, number) in zip(kind.healed, places, strict=False):
            nights[night].append(Blow(task_id, index, (number,), fault))
    return nights


def outlasting_night(tasks: Sequence[Task]) -> list[Blow]:
    """For each kind one fault that goes on through every try, in the order of the DAG.

    The announcement comes last: with it the run is a success, and what failed before is over.
    """
    order = {task.task_id: number for number, task in enumerate(tasks)}
    blows = [blow for kind in KINDS if (blow := _outlasting(kind, tasks)) is not None]
    return sorted(blows, key=lambda blow: (kind_of(blow.task_id).name == "announce", order[blow.task_id]))


def missing(tasks: Sequence[Task], blows: Sequence[Blow]) -> list[str]:
    """What was to be drilled and is not: (kind, fault) without a blow, tasks without a kill."""
    planned = Counter((kind_of(blow.task_id).name, blow.fault) for blow in blows)
    kinds = {kind_of(task.task_id) for task in tasks}
    faults = [f"{kind.name}: {fault}" for kind in kinds for fault in kind.healed if not planned[kind.name, fault]]
    killed = {(blow.task_id, blow.map_index) for blow in blows if blow.fault == "kill -9"}
    tasks_left = [task.task_id for task in tasks for index in task.maps if (task.task_id, index) not in killed]
    return [*faults, *(f"{task_id}: kill -9" for task_id in tasks_left)]


def _outlasting(kind: Kind, tasks: Sequence[Task]) -> Blow | None:
    if kind.outlasting is None:
        return None
    first = next((task for name in kind.tasks for task in tasks if fnmatchcase(task.task_id, name)), None)
    if first is None:
        return None
    moment: Moment = "write" if kind.outlasting == "kill -9" else "start"
    return Blow(first.task_id, first.maps[-1], (), kind.outlasting, moment)


def _is_among(only: Sequence[str], night: str, blow: Blow) -> bool:
    return bool({night, kind_of(blow.task_id).name, blow.fault, blow.task_id} & set(only))
