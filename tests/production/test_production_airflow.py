"""recommender_daily on Celery, Postgres, Redis and an MLflow server, as docker-compose.yaml describes them.

A worker is killed in the middle of scoring, and the lists are those of an undisturbed run. Roles may what they should.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path

import httpx
import pytest

from include.embedded.rest import AirflowClient, DagRun
from include.production.roles import ON_CALL, OPERATOR, ROLES, VIEWER
from include.recommender.settings import SURFACES
from include.recommender.workspace import open_recommender
from include.retraining.publication.switch_log import SwitchLog, read_switch_log
from tests.production.conftest import LAST_DATE, SETTINGS, SHARDS, WORKERS
from tests.production.people import People, name_of
from tests.production.stack import Stack, wait_until

pytestmark = [pytest.mark.service, pytest.mark.timeout(1800)]
DAILY, ROLLBACK, SCORE = "recommender_daily", "rollback_publication", "publish.score_users"
PATIENCE = 800  # seconds; a quiet machine needs about 100
FIRST, LAST = datetime.combine(LAST_DATE, time(0), UTC), datetime.combine(LAST_DATE, time(23, 59), UTC)
# What the API says to those who may, of requests that change nothing: a wrong form is refused, no approval is there.
ALLOWED = {200, 400, 404}
SEE_RUNS = ("GET", f"/dags/{DAILY}/dagRuns", None)
TRIGGER = ("POST", f"/dags/{DAILY}/dagRuns", {"logical_date": None, "conf": {"train": "sometimes"}})
ROLL_BACK = ("POST", f"/dags/{ROLLBACK}/dagRuns", {"logical_date": None, "conf": {}})
FORGET = ("POST", "/dags/forget_user/dagRuns", {"logical_date": None, "conf": {}})
BACKFILL = (
    "POST", "/backfills/dry_run", {"dag_id": DAILY, "from_date": FIRST.isoformat(), "to_date": LAST.isoformat()},
)  # fmt: skip
CLEAR = ("POST", f"/dags/{DAILY}/clearTaskInstances", {"dry_run": True, "task_ids": ["check_settings"]})
NO_APPROVAL = f"/dags/{DAILY}/dagRuns/a_run/taskInstances/check_settings/-1/hitlDetails"
APPROVE = ("PATCH", NO_APPROVAL, {"chosen_options": ["Approve"]})
UNPAUSE = ("PATCH", f"/dags/{ROLLBACK}?update_mask=is_paused", {"is_paused": False})
CONNECTIONS, CONNECTION = ("GET", "/connections", None), ("GET", "/connections/any", None)
ADD_CONNECTION = ("POST", "/connections", {"connection_id": "any", "conn_type": "http"})
VARIABLES, CONFIG = ("GET", "/variables", None), ("GET", "/config", None)
ADD_VARIABLE = ("POST", "/variables", {"key": "any", "value": "thing"})
DELETE_DAG = ("DELETE", f"/dags/{DAILY}", None)
NOBODY_BUT_ADMIN = {
    "read connections": CONNECTIONS, "read a connection": CONNECTION, "add a connection": ADD_CONNECTION,
    "read variables": VARIABLES, "add a variable": ADD_VARIABLE, "read the configuration": CONFIG,
    "delete a DAG": DELETE_DAG,
}  # fmt: skip
NO_RIGHTS = "Public"  # the role of Flask AppBuilder that has none
Shard = tuple[str, str]  # state, worker
RIGHTS = {
    "see runs": (SEE_RUNS, {VIEWER, ON_CALL, OPERATOR}),
    "trigger": (TRIGGER, {ON_CALL, OPERATOR}),
    "roll back": (ROLL_BACK, {ON_CALL, OPERATOR}),
    "forget a user": (FORGET, {OPERATOR}),
    "backfill": (BACKFILL, {ON_CALL, OPERATOR}),
    "clear": (CLEAR, {ON_CALL, OPERATOR}),
    "approve": (APPROVE, {ON_CALL, OPERATOR}),
    "unpause": (UNPAUSE, {ON_CALL, OPERATOR}),
    **{what: (request, set()) for what, request in NOBODY_BUT_ADMIN.items()},
}


@dataclass(frozen=True)
class KilledRun:
    """The run of the last date, in which a worker died among its shards; each shard's tries as (state, worker)."""

    run: DagRun
    killed: str
    looked_healthy: bool
    tries: tuple[tuple[Shard, ...], ...]


@pytest.fixture(scope="module")
def people(stack: Stack, secrets: Mapping[str, str]) -> People:
    """One person for each role."""
    return People(stack.places.url, secrets["HIGAWARI_ADMIN_PASSWORD"])


@pytest.fixture(scope="module")
def killed_run(stack: Stack, people: People) -> KilledRun:
    """Started by an operator; a worker is killed once each has done a shard, and that one has another in hand."""
    operator = people.client(OPERATOR)
    operator.wait_for_dag(DAILY)
    (run,) = operator.backfill(DAILY, FIRST, LAST)
    operator.unpause(DAILY)
    victim = wait_until(
        lambda: in_the_middle(stack, lambda: shards_of(operator, run)),
        "a shard of each worker and one more",
        PATIENCE,
        lambda: shards_of(operator, run),
        lambda: not operator.dag_run(DAILY, run.run_id).ended,
    )
    stack.kill(victim)
    looked_healthy = stack.is_healthy("worker", victim)
    (ended,) = operator.wait_for_runs(DAILY, [run.run_id], PATIENCE)
    path = f"/dags/{DAILY}/dagRuns/{run.run_id}/taskInstances/{SCORE}"
    answers = [operator.call("GET", f"{path}/{shard}/tries")["task_instances"] for shard in range(SHARDS)]
    tries = tuple(tuple((each["state"], each["hostname"]) for each in answer) for answer in answers)
    return KilledRun(ended, victim, looked_healthy, tries)


@pytest.fixture
def switches(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[], SwitchLog]:
    """The log of what readers see, as another process on this machine reads it."""
    for name, value in {**SETTINGS, "HIGAWARI_HOME": stack.places.here("/var/lib/higawari")}.items():
        monkeypatch.setenv(name, value)
    return lambda: read_switch_log(open_recommender().warehouse)


def test_a_run_whose_worker_is_killed_publishes_what_an_undisturbed_one_does(
    killed_run: KilledRun, undisturbed_id: str, switches: Callable[[], SwitchLog]
) -> None:
    """Rule 3. The id of a publication is its date and the hash of its content."""
    assert killed_run.run.state == "success"
    assert switches().current == undisturbed_id


def test_both_workers_scored_and_what_the_dead_one_had_in_hand_was_tried_again(killed_run: KilledRun) -> None:
    last_tries = [tries[-1] for tries in killed_run.tries]
    assert {state for state, _ in last_tries} == {"success"}
    assert {worker for _, worker in last_tries} == set(WORKERS)
    again = [tries for tries in killed_run.tries if len(tries) > 1]
    assert killed_run.killed in {tries[0][1] for tries in again}
    assert len(again) < SHARDS


def test_the_health_check_of_a_worker_notices_its_death(stack: Stack, killed_run: KilledRun) -> None:
    survivor = next(worker for worker in WORKERS if worker != killed_run.killed)
    assert not killed_run.looked_healthy
    assert stack.is_healthy("worker", survivor)


def test_a_worker_holds_the_libraries_of_the_steps_for_all_of_its_tasks(stack: Stack, killed_run: KilledRun) -> None:
    (alive,) = (name for name in WORKERS if name != killed_run.killed)
    maps = Path(f"/proc/{stack.started[alive].pid}/maps").read_text()
    assert [name for name in ("duckdb", "deltalake") if name not in maps] == []


@pytest.mark.usefixtures("killed_run")
def test_rankers_are_registered_in_the_mlflow_server_which_keeps_their_files(stack: Stack) -> None:
    url = stack.service("worker").environment["MLFLOW_TRACKING_URI"]
    models = httpx.get(f"{url}/api/2.0/mlflow/registered-models/search", trust_env=False).json()["registered_models"]
    assert {model["name"] for model in models} == {f"recommender_{surface}" for surface in SURFACES}
    assert len(list(stack.places.path("/var/lib/mlflow").rglob("*.ubj"))) == len(SURFACES)


def test_mlflow_answers_to_the_name_that_tasks_use_and_to_no_other(stack: Stack) -> None:
    url = stack.service("worker").environment["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/experiments/search"
    statuses = [
        httpx.post(url, json={"max_results": 1}, headers=headers, trust_env=False).status_code
        for headers in ({}, {"Host": "evil.example.com"})
    ]
    assert statuses == [200, 403]


@pytest.mark.parametrize("what", RIGHTS)
def test_each_role_may_do_this_or_not(people: People, what: str) -> None:
    request, allowed = RIGHTS[what]
    answers = {role: people.answer(role, *request) for role in ROLES}
    wrong = {
        role: answer.text
        for role, answer in answers.items()
        if answer.status_code not in (ALLOWED if role in allowed else {403})
    }
    assert not wrong


def test_pages_are_for_those_who_may_see_the_daily_dag(stack: Stack, people: People) -> None:
    answers = {role: people.page(role, "publications") for role in (*ROLES, NO_RIGHTS)}
    assert {role: answer.status_code for role, answer in answers.items()} == {
        **dict.fromkeys(ROLES, 200),
        NO_RIGHTS: 403,
    }
    assert all("All, newest first" in answers[role].text for role in ROLES)
    assert "a user who may see the DAG" in answers[NO_RIGHTS].text
    assert httpx.get(f"{stack.places.url}/higawari/publications", trust_env=False).status_code == 401


@pytest.mark.parametrize("what", ["read connections", "read variables"])
def test_the_admin_may(people: People, what: str) -> None:
    assert people.answer("admin", *NOBODY_BUT_ADMIN[what]).status_code == 200


def test_nobody_gets_in_without_a_password(stack: Stack, people: People) -> None:
    people.client(VIEWER)
    for password in ("wrong", ""):
        with pytest.raises(httpx.HTTPStatusError, match=r"40[01]"):
            people.log_in(name_of(VIEWER), password)
    assert httpx.get(f"{stack.places.url}/api/v2/dags", trust_env=False).status_code == 401


def test_a_person_logs_in_by_the_form_through_a_proxy_with_tls(stack: Stack, secrets: Mapping[str, str]) -> None:
    """The key that the browser gets is for https only, and opens the API."""
    proxy = {"Host": "airflow.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    with httpx.Client(base_url=stack.places.url, headers=proxy, timeout=60, trust_env=False) as browser:
        form = browser.get("/auth/login/")
        account = {"username": "admin", "password": secrets["HIGAWARI_ADMIN_PASSWORD"]}
        cookies = {
            "Cookie": form.headers["Set-Cookie"].split(";")[0],
            "Referer": "https://airflow.example.com/auth/login/",
        }
        answer = browser.post("/auth/login/", data={**account, "csrf_token": csrf_token(form.text)}, headers=cookies)
        (key,) = [each for each in answer.headers.get_list("Set-Cookie") if each.startswith("_token=")]
        assert {"Secure", "HttpOnly"} <= set(key.split("; "))
        assert browser.get("/api/v2/dags", headers={"Cookie": key.split(";")[0]}).status_code == 200


def test_the_operator_triggers_a_form(people: People) -> None:
    run = people.client(OPERATOR).trigger("block_items", {"action": "block", "item_ids": ["p1"], "reason": "a trial"})
    assert run.run_type == "manual"


def test_the_next_start_sets_roles_anew_and_leaves_the_admin_alone(stack: Stack, people: People) -> None:
    more = {"action": {"name": "can_read"}, "resource": {"name": "Connections"}}
    people.accounts("PATCH", f"/roles/{VIEWER}", {"name": VIEWER, "actions": [more]})
    later = replace(stack, variables={**stack.variables, "HIGAWARI_ADMIN_PASSWORD": "another one"})
    later.run("init", ("python", "-m", "include.production.access"))
    found = people.accounts("GET", f"/roles/{VIEWER}")["actions"]
    assert {(each["action"]["name"], each["resource"]["name"]) for each in found} == ROLES[VIEWER]
    assert people.log_in("admin", stack.variables["HIGAWARI_ADMIN_PASSWORD"])


@pytest.mark.usefixtures("killed_run")
def test_on_call_takes_readers_back_and_is_named(people: People, switches: Callable[[], SwitchLog]) -> None:
    on_call = people.client(ON_CALL)
    before, latest = (str(switch.to_publication_id) for switch in switches().switches)
    run = on_call.trigger(ROLLBACK, {"reason": "bad lists", "dry_run": False})
    (ended,) = on_call.wait_for_runs(ROLLBACK, [run.run_id], 120)
    assert ended.state == "success"
    last = switches().switches[-1]
    assert (last.from_publication_id, last.to_publication_id, last.kind) == (latest, before, "rollback")
    assert (last.who, last.why) == (name_of(ON_CALL), "bad lists")


def in_the_middle(stack: Stack, shards: Callable[[], list[Shard]]) -> str:
    """A worker with a shard in hand, once each has done one; it stands still, so the shard stays in its hand."""

    def busy() -> list[str]:
        found = shards()
        all_did_one = {worker for state, worker in found if state == "success"} == set(WORKERS)
        return [worker for state, worker in found if state == "running" and all_did_one]

    for worker in busy():
        frozen = stack.freeze(worker)
        if worker in busy():
            return worker
        for process in frozen:
            process.resume()
    return ""


def csrf_token(page: str) -> str:
    """What a form carries so that no other site can send it."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    return found[1]


def shards_of(client: AirflowClient, run: DagRun) -> list[Shard]:
    """State and worker of each shard that has begun."""
    answer = client.call("GET", f"/dags/{DAILY}/dagRuns/{run.run_id}/taskInstances?limit=100")
    return [(each["state"], each["hostname"]) for each in answer["task_instances"] if each["task_id"] == SCORE]
