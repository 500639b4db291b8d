"""The DAGs that operators start by a form, on simulated days, in this process."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pytest

from include.recommender import pipeline
from include.recommender.current import current_similar_items, current_user_recommendations
from include.recommender.office import chosen_for
from include.recommender.tables import PUBLISHED_TABLES, RECOMMENDER_TABLES, USER_RECOMMENDATIONS
from include.recommender.workspace import open_recommender
from include.retraining.promotion.decisions import champion_version
from include.retraining.publication.blocked import blocked_items
from include.retraining.publication.reader import read_current, read_publication
from include.retraining.publication.switch_log import SwitchLog, read_switch_log
from include.retraining.run import Run
from include.retraining.tables import ALERTS, MACHINERY_TABLES, PROMOTION_DECISIONS, RUN_COSTS, TASK_FAILURES
from tests.dags.conftest import run_with
from tests.dags.test_recommender_daily import run_dag
from tests.simulated_home import DAY_BEFORE, LAST_ARRIVAL, environment_of

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytestmark = pytest.mark.integration
# From the trigger to readers seeing it: 10 s on a quiet machine, and a busy one may take three times as long.
SECONDS = 30
NEXT_DAY = LAST_ARRIVAL + timedelta(days=1)
EMPTY = {
    "rollback_publication": {"action": "rollback", "publication_id": None},
    "rollback_model": {"surface": "for_you", "model": None},
    "block_items": {"action": "block", "item_ids": ["p"]},
}


@pytest.fixture
def published(undisturbed_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: None) -> list[str]:
    """The ids of the two publications, in a copy of that home."""
    shutil.copytree(undisturbed_home, tmp_path / "home")
    for name, value in environment_of(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    return [switch.to_publication_id for switch in log().switches]


def trigger(dag: DAG, *, dry_run: bool = False, at: datetime | None = None, **fields: Any) -> tuple[str, str]:
    """State of a run, and what its task said."""
    conf = {**EMPTY[dag.dag_id], "reason": "a complaint", **fields, "dry_run": dry_run}
    at = at or datetime.now(UTC)
    dag_run = run_with(dag, conf, run_after=at, logical_date=at)
    (task,) = dag_run.get_task_instances()
    return str(dag_run.state), str(task.xcom_pull(task_ids=task.task_id))


def log() -> SwitchLog:
    return read_switch_log(open_recommender().warehouse)


def everything() -> dict[str, int]:
    """The version of every table that a form may write; it grows with each write. Three others tell of the run."""
    warehouse = open_recommender().warehouse
    tables = {*MACHINERY_TABLES, *RECOMMENDER_TABLES} - {TASK_FAILURES, ALERTS, RUN_COSTS}
    return {table.name: warehouse.version(table) for table in tables}


def alias(surface: str = "for_you") -> str | None:
    return open_recommender().registry.champion(f"recommender_{surface}")


def test_a_dry_run_changes_nothing(dags: dict[str, DAG], published: list[str]) -> None:
    before, costs = (everything(), alias()), open_recommender().warehouse.version(RUN_COSTS)
    item = str(read_current(open_recommender().warehouse, USER_RECOMMENDATIONS)["item_id"][0])
    forms: dict[str, dict[str, Any]] = {**EMPTY, "block_items": {"action": "block", "item_ids": [item]}}
    for dag_id, fields in forms.items():
        state, said = trigger(dags[dag_id], dry_run=True, **fields)
        assert state == "success"
        assert said.startswith("Dry run, nothing was changed.")
        assert len(said.splitlines()) > 1
    assert (everything(), alias()) == before
    assert open_recommender().warehouse.version(RUN_COSTS) == costs


def test_rule_5_readers_are_back_within_seconds_and_later_runs_are_held_until_released(
    dags: dict[str, DAG], published: list[str]
) -> None:
    started = time.monotonic()
    state, said = trigger(dags["rollback_publication"])
    rows = current_user_recommendations(open_recommender().warehouse, "*", "for_you")
    assert time.monotonic() - started < SECONDS
    assert state == "success"
    assert set(rows["publication_id"].to_pylist()) == {published[0]}
    assert f"readers get: {published[0]}" in said
    assert "later runs are held" in said
    last = log().switches[-1]
    assert (last.kind, last.who, last.why) == ("rollback", "dag_test", "a complaint")

    staged = {"publication_id": f"{NEXT_DAY}-0123456789ab"}
    next_run = Run(NEXT_DAY, "next", "scheduled")
    assert "on hold" in pipeline.switch_current(next_run, open_recommender(), staged)["why"]
    assert trigger(dags["rollback_publication"], action="release")[0] == "success"
    assert log().current == published[0]
    assert pipeline.switch_current(next_run, open_recommender(), staged)["is_current"]


def test_a_hold_moves_nobody(dags: dict[str, DAG], published: list[str]) -> None:
    state, said = trigger(dags["rollback_publication"], action="hold")
    assert (state, log().current, log().is_held("resume")) == ("success", published[1], True)
    assert f"readers keep: {published[1]}" in said


def test_rule_3_a_form_that_is_cleared_adds_nothing(dags: dict[str, DAG], published: list[str]) -> None:
    now = datetime.now(UTC)
    for _ in range(2):
        assert trigger(dags["rollback_publication"], at=now)[0] == "success"
        assert trigger(dags["rollback_model"], at=now)[0] == "success"
    assert len(log().switches) == 3
    rows = open_recommender().warehouse.read(PROMOTION_DECISIONS, {"choice": "rollback"})
    assert rows.num_rows == 1


@pytest.mark.parametrize(
    ("dag_id", "fields"),
    [
        ("rollback_publication", {"publication_id": "2026-01-01-0123456789ab"}),
        ("rollback_model", {"model": "recommender_for_you/99"}),
        ("block_items", {"item_ids": ["no such item"]}),
        ("block_items", {"item_idz": ["p000001"]}),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    dags: dict[str, DAG], published: list[str], dag_id: str, fields: dict[str, Any]
) -> None:
    before = everything(), alias()
    assert trigger(dags[dag_id], **fields)[0] == "failed"
    assert (everything(), alias()) == before


def test_the_champion_before_is_that_of_the_next_date(dags: dict[str, DAG], published: list[str]) -> None:
    state, said = trigger(dags["rollback_model"])
    warehouse = open_recommender().warehouse
    assert state == "success", said
    assert champion_version(warehouse, "for_you", NEXT_DAY) == "recommender_for_you/1"
    assert champion_version(warehouse, "discover", NEXT_DAY) == "recommender_discover/2"
    assert champion_version(warehouse, "for_you", LAST_ARRIVAL) == "recommender_for_you/1"
    assert champion_version(warehouse, "for_you", DAY_BEFORE) is None
    assert (alias(), alias("discover")) == ("1", "2")
    assert log().current == published[1]


def test_without_a_champion_the_best_baseline_serves(dags: dict[str, DAG], published: list[str]) -> None:
    assert trigger(dags["rollback_model"], model="none")[0] == "success"
    workspace = open_recommender()
    assert champion_version(workspace.warehouse, "for_you", NEXT_DAY) is None
    assert alias() is None
    chosen = chosen_for(Run(NEXT_DAY, "next", "scheduled"), workspace, workspace.settings, "for_you", None)
    assert chosen["model"] == "baseline/own_history"


def test_bad_lists_and_their_model_are_taken_back_and_the_day_is_published_again(
    dags: dict[str, DAG], published: list[str]
) -> None:
    """The pair of actions of the runbook: readers first, then the model, then new lists by the old champion."""
    trigger(dags["rollback_publication"])
    trigger(dags["rollback_model"])
    trigger(dags["rollback_publication"], action="release")
    state, tasks = run_dag(dags["recommender_daily"], train="skip")
    assert state == "success", tasks
    assert log().current not in (None, *published)
    rows = current_user_recommendations(open_recommender().warehouse, "*", "for_you")
    assert set(rows["as_of_date"].to_pylist()) == {LAST_ARRIVAL}
    own = read_current(open_recommender().warehouse, USER_RECOMMENDATIONS, {"surface": "for_you"})
    assert "recommender_for_you/2" not in set(own["model_version"].to_pylist())
    assert "recommender_for_you/1" in set(own["model_version"].to_pylist())


def test_a_blocked_item_is_gone_from_every_list_and_stays_out_of_the_next_publication(
    home: Path, dags: dict[str, DAG]
) -> None:
    warehouse = open_recommender().warehouse
    rows = read_current(warehouse, USER_RECOMMENDATIONS)
    item = str(rows["item_id"].value_counts().to_pylist()[0]["values"])
    lists = pc.sum(pc.equal(rows["item_id"], item)).as_py()
    started = time.monotonic()
    state, said = trigger(dags["block_items"], item_ids=[item])
    assert state == "success"
    assert not names(item)
    assert time.monotonic() - started < SECONDS
    assert f"{item} vanishes from {lists} rows of user_recommendations" in said
    assert current_similar_items(warehouse, item).num_rows == 0

    state, tasks = run_dag(dags["recommender_daily"], train="skip")
    assert state == "success", tasks
    current = str(log().current)
    assert current.startswith(str(LAST_ARRIVAL))
    for table in PUBLISHED_TABLES:
        published = read_publication(warehouse, table, current)
        assert item not in {*published["item_id"].to_pylist(), *also_named(published)}

    trigger(dags["block_items"], action="unblock", item_ids=[item])
    assert blocked_items(warehouse) == frozenset()


def names(item: str) -> bool:
    """Whether readers find an item in any list of users, or among what is popular."""
    warehouse = open_recommender().warehouse
    return any(item in read_current(warehouse, table)["item_id"].to_pylist() for table in PUBLISHED_TABLES)


def also_named(rows: Any) -> list[str]:
    return list(rows["similar_item_id"].to_pylist()) if "similar_item_id" in rows.column_names else []


def test_a_users_own_list_is_taken_away_by_the_form_and_the_person_is_not_named(
    dags: dict[str, DAG], published: list[str]
) -> None:
    warehouse = open_recommender().warehouse
    person = str(read_current(warehouse, USER_RECOMMENDATIONS, {"surface": "discover"})["user_id"][-1].as_py())
    state, said = trigger(dags["block_items"], item_ids=None, user_ids=[person], surface="discover")
    assert (state, person in said) == ("success", False)
    assert set(current_user_recommendations(warehouse, person, "discover")["user_id"].to_pylist()) == {"*"}
    assert set(current_user_recommendations(warehouse, person, "for_you")["user_id"].to_pylist()) == {person}
