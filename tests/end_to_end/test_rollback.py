"""After a rollback runs stage and say so, until an operator releases the hold (rule 5)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.demo.landing_writer import write_landing_zone
from include.recommender import pipeline
from include.recommender.backtest import run_day
from include.recommender.operations import roll_back_publication
from include.recommender.settings import RecommenderSettings
from include.recommender.workspace import open_recommender
from include.retraining.operation import Operation
from include.retraining.publication.roll_back import Action
from include.retraining.publication.status import status_of
from include.retraining.publication.switch_log import SwitchLog, read_switch_log
from include.retraining.run import Run
from include.retraining.tables import PUBLICATIONS
from include.retraining.workspace import Workspace
from tests.end_to_end.days import everything_seen
from tests.simulated_home import LAST_ARRIVAL, SMALL_SERVICE, environment_of

pytestmark = pytest.mark.integration
NEXT_DAY = LAST_ARRIVAL + timedelta(days=1)
Recommender = Workspace[RecommenderSettings]


@pytest.fixture
def workspace(undisturbed_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recommender:
    """A home with two published days, and the delivery of one more."""
    home = tmp_path / "home"
    shutil.copytree(undisturbed_home, home)
    write_landing_zone(replace(SMALL_SERVICE, days=SMALL_SERVICE.days + 1), home / "landing", first_arrival=NEXT_DAY)
    for name, value in environment_of(home).items():
        monkeypatch.setenv(name, value)
    return open_recommender()


def test_a_rollback_holds_later_runs_until_it_is_released(
    workspace: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [switch.to_publication_id for switch in log_of(workspace).switches]
    said = what_switch_current_says(monkeypatch)
    operator(workspace, "rollback")
    rolled_back_to = everything_seen(workspace.warehouse)
    assert {id_ for what in rolled_back_to for id_ in what.publication_ids} == {first}

    third = run_next_day(workspace)
    assert said == ["staged only: publishing is on hold after a rollback, until an operator releases it"]
    assert everything_seen(workspace.warehouse) == rolled_back_to
    assert workspace.warehouse.read(PUBLICATIONS, {"publication_id": third}).num_rows == 1
    assert [status_of(log_of(workspace), each) for each in (first, second, third)] == [
        "current",
        "rolled_back",
        "staged",
    ]
    assert f"readers see {first}" in pipeline.announce_run(run_of_next_day(), workspace)

    operator(workspace, "release")
    assert everything_seen(workspace.warehouse) == rolled_back_to
    assert run_next_day(workspace) == third
    assert said[1:] == [f"readers were moved from {first}"]
    assert log_of(workspace).current == third


def test_what_was_rolled_back_does_not_come_back_by_a_rerun(
    workspace: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [switch.to_publication_id for switch in log_of(workspace).switches]
    said = what_switch_current_says(monkeypatch)
    operator(workspace, "rollback")
    operator(workspace, "release")
    assert run_day(Run(LAST_ARRIVAL, "again", "manual"), workspace)["publication_id"] == second
    assert said == ["staged only: this very publication was rolled back"]
    assert log_of(workspace).current == first


def run_of_next_day() -> Run:
    return Run(NEXT_DAY, "the next day", "scheduled", train="skip")


def run_next_day(workspace: Recommender) -> str:
    """The publication that the next day stages."""
    return str(run_day(run_of_next_day(), workspace)["publication_id"])


def log_of(workspace: Recommender) -> SwitchLog:
    return read_switch_log(workspace.warehouse)


def operator(workspace: Recommender, action: Action) -> None:
    roll_back_publication(Operation(action, "operator", "a test", dry_run=False), workspace, action, None)


def what_switch_current_says(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the reason that each switch_current gives."""
    said: list[str] = []
    switch = pipeline.switch_current

    def listening(*arguments: Any) -> dict[str, Any]:
        result = switch(*arguments)
        said.append(result["why"])
        return result

    monkeypatch.setattr(pipeline, "switch_current", listening)
    return said
