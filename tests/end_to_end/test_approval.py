"""A person approves, rejects or says nothing, through a real scheduler and api-server; lists never wait for it."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from include.demo.landing_writer import write_landing_zone
from include.embedded.components import start, stop
from include.embedded.environment import base_url, embedded_environment
from include.embedded.errors import AirflowApiError
from include.embedded.rest import AirflowClient
from include.embedded.run_folder import RunFolder
from include.embedded.secret_file import passwords_file
from include.recommender.tables import USER_RECOMMENDATIONS, USER_STATS
from include.recommender.workspace import open_recommender
from include.retraining.alerting.readers import readers_now
from include.retraining.promotion.decisions import champion_version
from include.retraining.publication.reader import read_current
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import ALERTS, PROMOTION_DECISIONS
from tests.end_to_end.browser import logged_in, needs_chromium
from tests.ports import free_port
from tests.prepared_home import give_databases
from tests.simulated_home import PROJECT, SMALL_SETTINGS, small_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from include.retraining.warehouse.protocol import Warehouse

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]
DAG_ID = "recommender_daily"
NOW = datetime.now(UTC)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
USERS = "admin:admin,hana:op,ines:op,victor:viewer"
SECONDS = 500


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty days until yesterday, as they landed."""
    home = tmp_path_factory.mktemp("home")
    write_landing_zone(small_service(until=TODAY), home / "landing")
    configure(home, hours=12)
    return home


@pytest.fixture(scope="module")
def airflow(home: Path, prepared_home: Path) -> Iterator[AirflowClient]:
    """One Airflow for this suite, with people of three roles."""
    give_databases(prepared_home, home)
    try:
        # Without runs of the schedule: unpausing would make one of today.
        ours = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS, "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
        client = start(home, free_port(), settings_of(home) | ours)
        client.wait_for_dag(DAG_ID)
        yield client
    finally:
        stop(home)


@pytest.fixture
def warehouse(home: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The warehouse of that Airflow, as another process sees it."""
    for name, value in embedded_environment(home, RunFolder(home).port(), settings_of(home)).items():
        if os.environ.get(name) != value and name.startswith(("HIGAWARI_", "MLFLOW_")):
            monkeypatch.setenv(name, value)
    return open_recommender().warehouse


@pytest.fixture(scope="module")
def asking(airflow: AirflowClient) -> str:
    """A run of yesterday that waits for two answers."""
    run = airflow.trigger(DAG_ID, {"as_of_date": str(YESTERDAY)})
    airflow.unpause(DAG_ID)
    for surface in ("for_you", "discover"):
        wait_until(partial(state_of, airflow, run.run_id, f"request_approval.{surface}"), "awaiting_input")
    return run.run_id


def configure(home: Path, hours: float) -> None:
    """Settings that a running Airflow reads with its next task."""
    text = (PROJECT / "config" / "recommender.toml").read_text()
    changed = text.replace('approval = "never"', 'approval = "always"').replace(
        "approval_hours = 12", f"approval_hours = {hours}"
    )
    (home / "settings.toml").write_text(changed.replace("approvers = []", 'approvers = ["hana", "victor"]'))


def settings_of(home: Path) -> dict[str, str]:
    # A question closes before the next run starts, which is far off whenever the tests run.
    run_at = f"{(NOW - timedelta(hours=2)):%H}:00"
    return SMALL_SETTINGS | {
        "HIGAWARI_CONFIG": str(home / "settings.toml"),
        "HIGAWARI_BUSINESS__RUN_AT": run_at,
        "HIGAWARI_ALERTS__DEADLINE": "23:59",
        # These must follow it.
        "HIGAWARI_DRIFT__RUN_AT": "23:58",
        "HIGAWARI_OUTCOMES__RUN_AT": "23:58",
    }


def as_user(home: Path, name: str) -> AirflowClient:
    password = json.loads(passwords_file(home).read_text())[name]
    return AirflowClient(base_url(RunFolder(home).port()), name, password)


def state_of(airflow: AirflowClient, run_id: str, task_id: str) -> str:
    return next(task.state for task in airflow.task_instances(DAG_ID, run_id) if task.task_id == task_id)


def wait_until(found: Callable[[], object], wanted: object, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while (seen := found()) != wanted:
        assert time.monotonic() < end, f"{seen}, not {wanted}, after {seconds} s"
        assert seen not in ("failed", "upstream_failed", "skipped"), seen
        time.sleep(1)


def question(run_id: str, surface: str) -> str:
    return f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/request_approval.{surface}/-1/hitlDetails"


def answer(client: AirflowClient, run_id: str, surface: str, option: str, comment: str = "") -> dict[str, Any]:
    body = {"chosen_options": [option], "params_input": {"comment": comment}}
    return client.call("PATCH", question(run_id, surface), body)


def approve_in_the_ui(home: Path, run_id: str, comment: str) -> None:
    """Read the question about for_you under Required Actions, write a comment, press Approve."""
    password = json.loads(passwords_file(home).read_text())["hana"]
    task = f"/dags/{DAG_ID}/runs/{quote(run_id)}/tasks/request_approval.for_you"
    with logged_in(
        base_url(RunFolder(home).port()), "hana", password, viewport={"width": 1280, "height": 2200}
    ) as hana:
        hana.open(f"{task}/required_actions")
        expect(hana.page.get_by_role("table").first).to_contain_text("makes the lists from the next day on")
        field = hana.page.locator("[name=element_comment]")
        field.fill(comment)
        hana.picture("approval")
        hana.press("Approve", "button")
        expect(field).to_be_disabled()


def recorded(warehouse: Warehouse, surface: str, day: object = YESTERDAY) -> list[dict[str, Any]]:
    rows = warehouse.read(PROMOTION_DECISIONS, {"surface": surface, "as_of_date": day}).to_pylist()
    return sorted(rows, key=lambda row: row["recorded_at"])


def test_lists_are_out_before_anybody_is_asked(airflow: AirflowClient, asking: str, warehouse: Warehouse) -> None:
    """Rule 7: people are slower than readers."""
    switched_at = read_switch_log(warehouse).switches[-1].switched_at
    for surface in ("for_you", "discover"):
        asked = airflow.call("GET", question(asking, surface))
        assert switched_at < datetime.fromisoformat(asked["created_at"])
        assert "Readers have their lists" in asked["body"]
        assert [row["choice"] for row in recorded(warehouse, surface)] == ["ask"]
    assert readers_now(warehouse).have(YESTERDAY)
    wait_until(partial(state_of, airflow, asking, "announce_run"), "success")
    kinds = [row["kind"] for row in warehouse.read(ALERTS, {"run_id": asking}).to_pylist()]
    assert kinds.count("approval_requested") == 2


def test_who_may_not_answer_gets_403(asking: str, home: Path, warehouse: Warehouse) -> None:
    """A viewer by role, though named among the approvers; an operator who is not named."""
    for name in ("victor", "ines"):
        with pytest.raises(AirflowApiError, match="403"):
            answer(as_user(home, name), asking, "for_you", "Approve")
    assert [row["kind"] for row in recorded(warehouse, "for_you")] == ["decided"]


def test_a_person_is_forgotten_while_a_question_is_open(
    airflow: AirflowClient, asking: str, warehouse: Warehouse
) -> None:
    """A form that runs beside no daily run does not count one that only waits for an answer."""
    user = warehouse.read(USER_STATS, {"as_of_date": YESTERDAY}, ["user_id"])["user_id"][0].as_py()
    airflow.wait_for_dag("forget_user")
    run = airflow.trigger("forget_user", {"user_id": user, "reason": "asked for it", "dry_run": False})
    (ended,) = airflow.wait_for_runs("forget_user", [run.run_id], SECONDS)
    assert ended.state == "success"
    assert state_of(airflow, asking, "request_approval.for_you") == "awaiting_input"


@needs_chromium
def test_approve_and_reject_are_recorded_with_the_person(
    airflow: AirflowClient, asking: str, home: Path, warehouse: Warehouse
) -> None:
    """One answer in the UI, the other by REST."""
    approve_in_the_ui(home, asking, "looks right")
    hana = as_user(home, "hana")
    answer(hana, asking, "discover", "Reject", "not yet")
    with pytest.raises(AirflowApiError, match="409"):
        answer(hana, asking, "discover", "Approve")
    (run,) = airflow.wait_for_runs(DAG_ID, [asking], SECONDS)
    assert run.state == "success"
    decided, approved, applied = recorded(warehouse, "for_you")
    assert (approved["kind"], approved["who"], approved["reasons"]) == ("approved", "hana", ["looks right"])
    assert decided["recorded_at"] < approved["answered_at"] <= approved["recorded_at"]
    assert (applied["kind"], applied["choice"], applied["who"]) == ("applied", "approve", "hana")
    _, rejected = recorded(warehouse, "discover")
    assert (rejected["kind"], rejected["who"], rejected["reasons"]) == ("rejected", "hana", ["not yet"])
    assert champion_version(warehouse, "for_you", TODAY) == decided["model_version"]
    assert champion_version(warehouse, "discover", TODAY) is None
    assert state_of(airflow, asking, "record_champions.discover") == "skipped"


def test_the_next_day_is_served_by_the_approved_one_and_silence_keeps_it(
    airflow: AirflowClient, asking: str, home: Path, warehouse: Warehouse
) -> None:
    approved = champion_version(warehouse, "for_you", TODAY)
    assert approved
    configure(home, hours=0.003)
    run = airflow.trigger(DAG_ID, {"as_of_date": str(TODAY)})
    (ended,) = airflow.wait_for_runs(DAG_ID, [run.run_id], SECONDS)
    assert ended.state == "success"
    rows = read_current(warehouse, USER_RECOMMENDATIONS, {"surface": "for_you"})
    assert set(rows["as_of_date"].to_pylist()) == {TODAY}
    assert approved in set(rows["model_version"].to_pylist())
    for surface in ("for_you", "discover"):
        decided, silent = recorded(warehouse, surface, TODAY)
        assert (decided["choice"], silent["kind"], silent["who"]) == ("ask", "timed_out", "nobody")
    assert champion_version(warehouse, "for_you", TODAY + timedelta(days=1)) == approved
    told = warehouse.read(ALERTS, {"kind": "approval_timed_out"}).to_pylist()
    assert {row["severity"] for row in told} == {"notice"}
    assert len(told) == 2
