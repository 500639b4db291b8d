"""Killing a task or a run at any moment, and running it again, ends in the tables of an undisturbed run (rule 3).

All along readers see the publication before or the new one, complete.
"""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from random import Random

import pytest

from include.retraining.warehouse.local import LocalWarehouse
from tests.end_to_end.conftest import RunElsewhere, Start
from tests.end_to_end.days import Death, Seen, contents, everything_seen, go_on_with_day_at, run_day_at
from tests.simulated_home import LAST_ARRIVAL

pytestmark = pytest.mark.integration
KILLED = {-signal.SIGKILL, -signal.SIGXFSZ}
# In the order of the day: each finds the steps before it finished.
DEATHS_OF_TASKS = (
    Death("quarantined_rows", "after"), Death("events", "torn"), Death("events", "after"), Death("items", "torn"),
    Death("data_quality_results", "torn"),
    Death("item_stats", "torn"), Death("user_stats", "after"), Death("user_items", "torn"),
    Death("chosen_parameters", "torn"),
    Death("item_similarities", "torn"), Death("training_set", "torn"), Death("data_quality_results", "after"),
    Death("evaluation_results", "torn"), Death("promotion_decisions", "torn"), Death("promotion_decisions", "after"),
    Death("list_explanations", "torn"), Death("draft_user_recommendations", "after"),
    Death("draft_user_recommendations", "torn", turn=2),
    Death("draft_popular_items", "after"), Death("draft_similar_items", "torn"),
    Death("user_recommendations", "torn"), Death("user_recommendations", "after"), Death("popular_items", "torn"),
    Death("popular_items", "after"), Death("similar_items", "torn"), Death("similar_items", "after"),
    Death("publications", "torn"), Death("publications", "after"),
    Death("publication_switches", "torn"), Death("publication_switches", "after"),
    Death("promotion_decisions", "torn"), Death("promotion_decisions", "after"), Death("registry.alias", "before"),
)  # fmt: skip
NOT_WRITTEN_DAILY = {
    "readmissions", "blocked_items", "blocked_lists", "task_failures", "alerts", "run_costs", "erasures", "erased_rows",
    "distributions", "drift_metrics", "reproductions", "outcome_metrics", "arm_comparisons", "exposures",
}  # fmt: skip
DEATHS_OF_RUNS = {
    "in stage, between its tables": Death("popular_items", "after"),
    "after the switch": Death("publication_switches", "after"),
    "in record_champion, before the alias": Death("promotion_decisions", "after", turn=2),
}
WATCHED = ("events", "user_recommendations", "publication_switches")


@pytest.fixture(scope="session")
def undisturbed(undisturbed_home: Path) -> dict[str, str]:
    """What a day leaves that nobody disturbs."""
    return contents(undisturbed_home)


@pytest.fixture(scope="session")
def complete(ready_home: Path, undisturbed_home: Path) -> list[list[Seen]]:
    """What readers get of the publication before, and of the new one."""
    return [everything_seen(_warehouse(home)) for home in (ready_home, undisturbed_home)]


def test_each_task_that_dies_is_retried_to_the_same_end(
    home: Path, run_elsewhere: RunElsewhere, undisturbed: dict[str, str], complete: list[list[Seen]]
) -> None:
    for death in DEATHS_OF_TASKS:
        assert run_elsewhere(go_on_with_day_at, home, LAST_ARRIVAL, death) in KILLED, f"the day never came to {death}"
        assert everything_seen(_warehouse(home)) in complete, death
    assert run_elsewhere(go_on_with_day_at, home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def test_a_task_dies_in_every_table_that_a_day_writes(undisturbed: dict[str, str]) -> None:
    tables = {name for name in undisturbed if not name.startswith("champion")}
    assert tables - {death.where for death in DEATHS_OF_TASKS} == NOT_WRITTEN_DAILY


@pytest.mark.parametrize("death", DEATHS_OF_RUNS.values(), ids=list(DEATHS_OF_RUNS))
def test_a_run_that_dies_is_started_anew_to_the_same_end(
    home: Path, death: Death, run_elsewhere: RunElsewhere, undisturbed: dict[str, str], complete: list[list[Seen]]
) -> None:
    assert run_elsewhere(run_day_at, home, LAST_ARRIVAL, death) in KILLED, "the day never came to it"
    assert everything_seen(_warehouse(home)) in complete
    assert run_elsewhere(run_day_at, home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def test_a_registration_that_was_cut_short_is_made_anew(
    home: Path, trained_home: Path, run_elsewhere: RunElsewhere, undisturbed: dict[str, str]
) -> None:
    shutil.copytree(trained_home / "mlflow", home / "mlflow", dirs_exist_ok=True)
    assert run_elsewhere(go_on_with_day_at, home, LAST_ARRIVAL, Death("registry.version", "before")) in KILLED
    assert run_elsewhere(go_on_with_day_at, home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def test_killed_as_soon_as_a_new_file_shows(
    home: Path, start: Start, run_elsewhere: RunElsewhere, undisturbed: dict[str, str], complete: list[list[Seen]]
) -> None:
    """Whether the write was committed by then is left to chance."""
    for table in WATCHED:
        before = _files(home, table)
        process = start(run_day_at, home, LAST_ARRIVAL)
        while process.is_alive() and _files(home, table) == before:
            time.sleep(0.0005)
        process.kill()
        process.join()
        assert process.exitcode in KILLED, f"the day never came to {table}"
        assert everything_seen(_warehouse(home)) in complete
    assert run_elsewhere(run_day_at, home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def test_killed_at_any_moment(
    home: Path, start: Start, run_elsewhere: RunElsewhere, undisturbed: dict[str, str], complete: list[list[Seen]]
) -> None:
    dice = Random(7)
    for seconds in sorted(dice.uniform(0.3, 4) for _ in range(4)):
        process = start(run_day_at, home, LAST_ARRIVAL)
        process.join(seconds)
        process.kill()
        process.join()
        assert process.exitcode in {0, *KILLED}
        assert everything_seen(_warehouse(home)) in complete
    assert run_elsewhere(run_day_at, home, LAST_ARRIVAL) == 0
    assert contents(home) == undisturbed


def _files(home: Path, table: str) -> set[str]:
    return {str(file) for file in (home / "warehouse" / table).rglob("*")}


def _warehouse(home: Path) -> LocalWarehouse:
    return LocalWarehouse(home / "warehouse", home / "spill")
