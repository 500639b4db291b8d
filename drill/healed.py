"""A night of faults that retries heal: the day is finished, nobody is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drill.equipment import misses_of_strikes
from drill.kinds import kind_of
from drill.report import Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from drill.blows import Blow
    from drill.equipment import Equipment
    from include.embedded.rest import TaskInstance


def healed_night(kit: Equipment, day: date, blows: Sequence[Blow]) -> list[Row]:
    """A row for each fault; none for a task that this day has no use for."""
    before = kit.inbox.count()
    kit.hand.begin_anew(lasting=False)
    kit.folder.arm(blows)
    run_id = kit.control.trigger(day)
    state = kit.control.wait(run_id)
    kit.hand.mend()
    time.sleep(kit.settle_seconds)
    misses = [
        *([f"the run of {day} ended {state}"] if state != "success" else []),
        *([f"told: {', '.join(kit.inbox.subjects(before))}"] if kit.inbox.count() != before else []),
        *([f"readers see {kit.reader.now}"] if not kit.reader.now.startswith(str(day)) else []),
    ]
    instances = kit.control.instances(run_id)
    used = [blow for blow in blows if instances[blow.instance].state != "skipped" or kit.strikes(blow)]
    return [_row(kit, blow, instances[blow.instance], used, misses) for blow in used]


def _row(kit: Equipment, blow: Blow, task: TaskInstance, blows: Sequence[Blow], misses: list[str]) -> Row:
    strikes = [(at, struck) for at, struck in kit.strikes(blow) if struck.try_number in blow.tries]
    tries = max(number for other in blows if other.instance == blow.instance for number in other.tries) + 1
    is_last = kind_of(blow.task_id).name == "announce"  # it has no retries, and its failure fails no run
    expected = ("failed", tries - 1) if is_last else ("success", tries)
    ended = (task.state, task.try_number)
    found = [
        *misses,
        *misses_of_strikes(strikes),
        *([] if ended == expected else [f"{ended[0]} after {ended[1]} tries, not {tries}"]),
    ]
    readers = kit.readers_at(strikes[-1][0] if strikes else time.time())
    recovered = "not needed: the day is done" if is_last else "by a retry"
    return Row(blow.fault, False, kind_of(blow.task_id).name, blow.instance, None, readers, recovered, tuple(found))
