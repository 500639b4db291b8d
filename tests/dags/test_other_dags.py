"""Readmission and maintenance in a home with a published day."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from include.recommender.tables import USER_RECOMMENDATIONS, USER_STATS
from include.recommender.workspace import open_recommender
from include.retraining import airflow_steps
from include.retraining.airflow_steps import refuse_beside, runs_at_work
from include.retraining.errors import RunsActiveError
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import ERASURES, QUARANTINED_ROWS, READMISSIONS
from tests.dags.conftest import run_form
from tests.recommender.test_erasure import put, row_of

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG


def test_maintenance_is_weekly_and_really_removes(dags: dict[str, DAG]) -> None:
    dag = dags["maintenance_weekly"]
    assert dag.catchup is False
    assert dag.params.get_param("dry_run").value is False


def test_nothing_is_removed_beside_a_run() -> None:
    refuse_beside("recommender_daily", 0)
    with pytest.raises(RunsActiveError, match="2 running"):
        refuse_beside("recommender_daily", 2)


class Counts:
    """What Airflow answers about runs and tasks of a DAG, by state."""

    def __init__(self, runs: int, **tasks: int) -> None:
        self.runs, self.tasks = runs, tasks

    def get_dr_count(self, dag_id: str, states: list[str]) -> int:
        return self.runs if (dag_id, states) == ("recommender_daily", ["running"]) else 0

    def get_ti_count(self, dag_id: str, states: list[str]) -> int:
        return sum(self.tasks.get(state, 0) for state in states) if dag_id == "recommender_daily" else 0


@pytest.mark.parametrize(
    ("counts", "at_work"),
    [
        (Counts(0), 0),
        (Counts(1), 1),
        (Counts(1, awaiting_input=2), 0),
        (Counts(1, awaiting_input=1, running=1), 1),
        (Counts(1, awaiting_input=1, up_for_retry=1), 1),
        (Counts(2, awaiting_input=1), 1),
        (Counts(1, up_for_reschedule=1), 1),
        (Counts(0, awaiting_input=1), 0),
    ],
)
def test_a_run_that_only_waits_for_an_answer_is_not_at_work(counts: Counts, at_work: int) -> None:
    assert runs_at_work(counts, "recommender_daily") == at_work


@pytest.mark.integration
def test_forgetting_waits_for_an_active_run(home: Path, dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        now = datetime.now(UTC)
        session.add(
            DagRun(
                "recommender_daily", run_id="at_work", run_type="manual", state="running", logical_date=None,
                run_after=now, start_date=now,
            )
        )  # fmt: skip
    dag = dags["forget_user"]
    monkeypatch.setattr(dag.get_task("forget_user"), "retries", 0)
    try:
        state, tasks = run_form(dag, user_id="u000001", reason="a test", dry_run=False)
        assert (state, tasks["forget_user"]) == ("failed", "failed")
        assert open_recommender().warehouse.read(ERASURES).num_rows == 0
        assert run_form(dag, user_id="u000001", reason="a test", dry_run=True)[0] == "success"
    finally:
        with create_session() as session:
            session.query(DagRun).filter(DagRun.run_id == "at_work").delete()


@pytest.mark.integration
def test_rows_are_readmitted_once(home: Path, dags: dict[str, DAG], caplog: pytest.LogCaptureFixture) -> None:
    warehouse = open_recommender().warehouse
    day = date(2026, 2, 9)
    late = row_of(QUARANTINED_ROWS, arrival_date=day, source="events", row_id="late", reason="too_late", event_date=day)
    put(warehouse, QUARANTINED_ROWS, [{**late, "landed_row": '{"user_id": "u1", "item_id": "p1"}'}])
    form = {"row_ids": "late\n", "rule": None, "arrived_from": None, "arrived_until": None, "reason": "sender was down"}
    dag = dags["readmit_quarantined_rows"]
    with caplog.at_level(logging.INFO, airflow_steps.__name__):
        assert run_form(dag, **form, dry_run=True)[0] == "success"
    assert "Trigger recommender_daily with As-of date 2026-02-09" in caplog.text
    assert warehouse.read(READMISSIONS).num_rows == 0
    for _ in range(2):
        assert run_form(dag, **form, dry_run=False)[0] == "success"
    assert warehouse.read(READMISSIONS)["why"].to_pylist() == ["sender was down"]
    assert run_form(dag, **{**form, "row_ids": "lat"}, dry_run=False)[0] == "failed"


@pytest.mark.integration
def test_maintenance_keeps_what_readers_see(home: Path, dags: dict[str, DAG]) -> None:
    warehouse = open_recommender().warehouse
    put(warehouse, USER_RECOMMENDATIONS, [row_of(USER_RECOMMENDATIONS, publication_id="2026-01-01-000000000000")])
    current = read_switch_log(warehouse).current
    for dry_run, publications in ((True, {current, "2026-01-01-000000000000"}), (False, {current})):
        state, tasks = run_form(dags["maintenance_weekly"], dry_run=dry_run, reason="disk is full")
        assert (state, set(tasks.values())) == ("success", {"success"})
        found = {values["publication_id"] for values in warehouse.partitions(USER_RECOMMENDATIONS)}
        assert found == publications
    assert warehouse.partitions(USER_STATS) == [], "the simulated days are long past"
