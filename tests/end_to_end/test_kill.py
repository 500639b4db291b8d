"""Killing a run at any moment and running it again ends in the tables of an undisturbed run (rule 3)."""

from __future__ import annotations

import os
import shutil
import signal
import time
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from include.retraining.warehouse.local import LocalWarehouse
from tests.end_to_end.conftest import RunElsewhere, Start
from tests.end_to_end.days import Death, contents, everything_seen, run_day_at
from tests.simulated_home import LAST_ARRIVAL

pytestmark = pytest.mark.integration
KILLED = {-signal.SIGKILL, -signal.SIGXFSZ}
# Each line is one day that dies again and again, a little later every time, before it is left to end.
DEATHS = {
    "events": [
        Death("quarantined_rows", "after"),
        Death("events", "torn"),
        Death("events", "after"),
        Death("items", "torn"),
    ],
    "features": [
        Death("data_quality_results", "torn"),
        Death("item_stats", "torn"),
        Death("user_items", "after"),
        Death("item_similarities", "torn"),
    ],
    "training": [
        Death("training_set", "torn"),
        Death("evaluation_results", "torn"),
        Death("promotion_decisions", "torn"),
        Death("promotion_decisions", "after"),
    ],
    "drafts": [
        Death("draft_user_recommendations", "after"),
        Death("draft_user_recommendations", "torn", turn=2),
        Death("draft_similar_items", "torn"),
    ],
    "stage, in the first table": [Death("user_recommendations", "torn")],
    "stage, after the first table": [Death("user_recommendations", "after")],
    "stage, after the second table": [Death("popular_items", "after")],
    "stage, after the third table": [Death("similar_items", "after"), Death("publications", "torn")],
    "before the switch": [Death("publications", "after"), Death("publication_switches", "torn")],
    "after the switch": [Death("publication_switches", "after")],
    "in record_champion": [Death("promotion_decisions", "torn", turn=2)],
    "after record_champion": [Death("promotion_decisions", "after", turn=2), Death("registry.alias", "before")],
}
WATCHED = ("events", "training_set", "user_recommendations", "publication_switches")


@pytest.fixture(scope="session")
def undisturbed(undisturbed_home: Path) -> dict[str, str]:
    """What a day leaves that nobody disturbs."""
    return contents(undisturbed_home)


@pytest.fixture(scope="session")
def complete(ready_home: Path, undisturbed_home: Path) -> list[list[object]]:
    """What readers get of the last two publications."""
    return [everything_seen(_warehouse(home)) for home in (ready_home, undisturbed_home)]


@pytest.mark.parametrize("deaths", DEATHS.values(), ids=list(DEATHS))
def test_a_day_that_died_ends_like_any_other(
    home: Path, deaths: list[Death], run_elsewhere: RunElsewhere, undisturbed: dict[str, str], complete: list[object]
) -> None:
    for death in deaths:
        assert run_elsewhere(home, LAST_ARRIVAL, death) in KILLED, f"the day never came to: {death}"
        assert everything_seen(_warehouse(home)) in complete
    assert run_elsewhere(home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def test_a_registration_that_was_cut_short_is_made_anew(
    home: Path, trained_home: Path, run_elsewhere: RunElsewhere, undisturbed: dict[str, str]
) -> None:
    shutil.copytree(trained_home / "mlflow", home / "mlflow", dirs_exist_ok=True)
    assert run_elsewhere(home, LAST_ARRIVAL, Death("registry.tag", "before")) in KILLED
    assert run_elsewhere(home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def test_killed_when_a_new_file_shows(
    home: Path, start: Start, run_elsewhere: RunElsewhere, undisturbed: dict[str, str], complete: list[object]
) -> None:
    """Whether its commit was before or after the kill is left to chance."""
    for table in WATCHED:
        before = _files(home, table)
        process = start(run_day_at, home, LAST_ARRIVAL)
        while process.is_alive() and _files(home, table) == before:
            time.sleep(0.0005)
        process.kill()
        process.join()
        assert process.exitcode in KILLED
        assert everything_seen(_warehouse(home)) in complete
    assert run_elsewhere(home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment(
    home: Path,
    seed: int,
    start: Start,
    run_elsewhere: RunElsewhere,
    undisturbed: dict[str, str],
    complete: list[object],
) -> None:
    dice = Random(seed)
    for seconds in sorted(dice.uniform(0.2, 4) for _ in range(3)):
        process = start(run_day_at, home, LAST_ARRIVAL)
        process.join(seconds)
        process.kill()
        process.join()
        assert process.exitcode in {0, *KILLED}
        assert everything_seen(_warehouse(home)) in complete
    assert run_elsewhere(home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def test_every_table_that_a_day_writes_is_torn_or_cut_off(undisturbed: dict[str, str]) -> None:
    died_in = {death.where for death in chain.from_iterable(DEATHS.values())}
    written = {name for name in undisturbed if not name.startswith("champion")}
    assert written - died_in == {"user_stats", "draft_popular_items", "readmissions", "blocked_items"}


def _files(home: Path, table: str) -> set[str]:
    return {
        os.path.join(folder, name) for folder, _, names in os.walk(home / "warehouse" / table) for name in names
    }


def _warehouse(home: Path) -> LocalWarehouse:
    return LocalWarehouse(home / "warehouse", home / "spill")
