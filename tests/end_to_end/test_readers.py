"""Readers see all of a publication or nothing of it, whatever runs and dies meanwhile (rule 4)."""

from __future__ import annotations

import shutil
import signal
from itertools import groupby
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from include.retraining.warehouse.local import LocalWarehouse
from tests.end_to_end.conftest import RunElsewhere, Start
from tests.end_to_end.days import Death, Seen, everything_seen, read_all_along, run_day_at
from tests.simulated_home import DAY_BEFORE, LAST_ARRIVAL

pytestmark = pytest.mark.integration
KILLED = -signal.SIGKILL
READS_AT_LEAST = 30


def test_readers_never_see_a_part_or_a_mixture(
    home: Path,
    ready_home: Path,
    undisturbed_home: Path,
    processes: ForkServerContext,
    start: Start,
    run_elsewhere: RunElsewhere,
) -> None:
    """From an empty warehouse through two days, the second of which dies between the tables of stage and is rerun."""
    shutil.rmtree(home / "warehouse")
    stop, (answers, results) = processes.Event(), processes.Pipe(duplex=False)
    reader = start(read_all_along, home, stop, results)
    try:
        assert run_elsewhere(run_day_at, home, DAY_BEFORE) == 0
        assert run_elsewhere(run_day_at, home, LAST_ARRIVAL, Death("user_recommendations", "after")) == KILLED
        assert run_elsewhere(run_day_at, home, LAST_ARRIVAL) == 0
        stop.set()
        assert answers.poll(60), "the reader died"
        seen: list[Seen] = answers.recv()
    finally:
        reader.kill()
        reader.join()

    first, second = (
        everything_seen(LocalWarehouse(finished / "warehouse", finished / "spill"))
        for finished in (ready_home, undisturbed_home)
    )
    for name in {what.name for what in second}:
        of_table = [what for what in seen if what.name == name]
        assert len(of_table) >= READS_AT_LEAST
        in_order = [what for what, _ in groupby(of_table)]
        assert [what.rows for what in in_order[:1]] == [0], "it began to read too late"
        assert in_order[1:] == [what for what in (*first, *second) if what.name == name]
