"""recommender_daily through real components: api-server, scheduler, dag-processor, triggerer; a backfill over REST.

Then what follows a publication, on its schedule and by hand, and the pages that show it.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from include.demo.landing_writer import write_landing_zone
from include.embedded.components import start, stop
from include.embedded.environment import base_url, embedded_environment
from include.embedded.errors import AirflowApiError
from include.embedded.progress import watch_runs
from include.embedded.run_folder import RunFolder
from include.embedded.secret_file import ADMIN_PASSWORD, load_secrets, passwords_file
from include.recommender.current import current_user_recommendations
from include.recommender.settings import SURFACES
from include.recommender.workspace import open_recommender, recommender_to_read
from include.retraining.monitoring.tables import ARM_COMPARISONS, DRIFT_METRICS, OUTCOME_METRICS, REPRODUCTIONS
from include.retraining.publication.blocked import blocked_items
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import PROMOTION_DECISIONS, PUBLICATIONS, RUN_COSTS
from include.ui.addresses import NAVIGATION, PREFIX
from include.ui.app import make_app
from include.ui.outcomes import sentence
from include.ui.plots import number
from tests.end_to_end.browser import logged_in, needs_chromium
from tests.ports import free_port
from tests.prepared_home import give_databases
from tests.simulated_home import SMALL_SETTINGS, small_service
from tests.ui.routes import addresses_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.embedded.rest import AirflowClient, DagRun
    from include.retraining.warehouse.protocol import Warehouse

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]
DAG_ID, ROLLBACK = "recommender_daily", "rollback_publication"
FOLLOWING = ("recommender_outcomes", "recommender_drift", "recommender_weekly_review")
# Rankers are promoted and several users held back from them: there are two arms, and champions to train again.
SETTINGS = SMALL_SETTINGS | {"HIGAWARI_EXPERIMENT__HOLD_BACK_SHARE": "0.3"}
# From the trigger to readers seeing it: 10 s on a quiet machine, and a busy one may take three times as long.
SECONDS = 30
ONE_MORE_USER = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,visitor:viewer",
    # Whatever the tests of DAGs set for their own process.
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
}
DATED = {"Data quality", "Publication", "Runbook"}
# The date of the last 03:00 that has passed: Airflow backfills no run that is still to come.
TODAY = (datetime.now(UTC) - timedelta(hours=3)).date()
YESTERDAY, WEEK_AGO = TODAY - timedelta(days=1), TODAY - timedelta(days=7)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty days until yesterday, as they landed."""
    home = tmp_path_factory.mktemp("home")
    write_landing_zone(small_service(until=TODAY), home / "landing")
    return home


@pytest.fixture(scope="module")
def airflow(home: Path, prepared_home: Path) -> Iterator[AirflowClient]:
    """One Airflow for this suite."""
    give_databases(prepared_home, home)
    try:
        yield start(home, free_port(), SETTINGS | ONE_MORE_USER)
    finally:
        stop(home)


@pytest.fixture(scope="module")
def first_runs(airflow: AirflowClient) -> list[DagRun]:
    """A backfill of yesterday and today."""
    return backfill(airflow, YESTERDAY, TODAY)


@pytest.fixture
def warehouse(home: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The warehouse of that Airflow, as another process sees it."""
    for name, value in embedded_environment(home, RunFolder(home).port(), SETTINGS).items():
        if os.environ.get(name) != value and name.startswith(("HIGAWARI_", "MLFLOW_")):
            monkeypatch.setenv(name, value)
    return open_recommender().warehouse


def backfill(client: AirflowClient, first: date, last: date, reprocess: str = "none") -> list[DagRun]:
    client.wait_for_dag(DAG_ID)
    client.wait_until_no_backfill_is_open(DAG_ID)
    bounds = (
        datetime(first.year, first.month, first.day, tzinfo=UTC),
        datetime(last.year, last.month, last.day, 23, 59, tzinfo=UTC),
    )
    runs = client.backfill(DAG_ID, *bounds, reprocess=reprocess)
    client.unpause(DAG_ID)
    return watch_runs(client, DAG_ID, [run.run_id for run in runs], seconds=900)


def test_a_backfill_publishes_each_of_its_dates(first_runs: list[DagRun], warehouse: Warehouse) -> None:
    assert [run.state for run in first_runs] == ["success", "success"]
    log = read_switch_log(warehouse)
    assert [switch.kind for switch in log.switches] == ["publish", "publish"]
    assert [switch.to_publication_id[:10] for switch in log.switches] == [str(YESTERDAY), str(TODAY)]
    assert current_user_recommendations(warehouse, "nobody we know", "for_you").num_rows == 20


def test_every_task_succeeded_and_shards_are_named(airflow: AirflowClient, first_runs: list[DagRun]) -> None:
    tasks = airflow.task_instances(DAG_ID, first_runs[-1].run_id)
    assert {task.state for task in tasks if not task.task_id.startswith("request_approval.")} == {"success"}
    assert {task.state for task in tasks if task.task_id.startswith("request_approval.")} == {"skipped"}
    answer = airflow.call("GET", f"/dags/{DAG_ID}/dagRuns/{first_runs[-1].run_id}/taskInstances")
    names = {
        row.get("rendered_map_index") for row in answer["task_instances"] if row["task_id"] == "publish.score_users"
    }
    assert names == {"shard 0", "shard 1"}


def test_only_small_values_go_through_xcom(airflow: AirflowClient, first_runs: list[DagRun]) -> None:
    """Ids, counts and verdicts; data goes through tables."""
    entries = airflow.call(
        "GET", f"/dags/{DAG_ID}/dagRuns/{first_runs[-1].run_id}/taskInstances/~/xcomEntries?limit=100"
    )
    for entry in entries["xcom_entries"]:
        path = f"/dags/{DAG_ID}/dagRuns/{first_runs[-1].run_id}/taskInstances/{entry['task_id']}/xcomEntries"
        value = airflow.call("GET", f"{path}/{entry['key']}?map_index={entry['map_index']}")["value"]
        assert len(str(value)) < 2000, entry["task_id"]


def test_an_older_backfill_stages_and_leaves_production_alone(airflow: AirflowClient, warehouse: Warehouse) -> None:
    """Rule 5."""
    before = len(read_switch_log(warehouse).switches)
    applied = warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).num_rows
    (run,) = backfill(airflow, WEEK_AGO, WEEK_AGO)
    assert run.state == "success"
    assert len(read_switch_log(warehouse).switches) == before
    assert warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).num_rows == applied
    assert warehouse.read(PUBLICATIONS, {"as_of_date": WEEK_AGO}).num_rows == 1
    states = {task.task_id: task.state for task in airflow.task_instances(DAG_ID, run.run_id)}
    assert states["publish.verify_current"] == states["record_champions.for_you"] == "skipped"


@pytest.fixture(scope="module")
def following(airflow: AirflowClient, first_runs: list[DagRun]) -> dict[str, list[DagRun]]:
    """As an operator starts it: triggered for today, and unpaused, for which the scheduler makes a run of its own."""
    runs: dict[str, list[DagRun]] = {}
    for dag_id in FOLLOWING:
        airflow.wait_for_dag(dag_id)
        airflow.trigger(dag_id, {"as_of_date": str(TODAY)})
        airflow.unpause(dag_id)
    for dag_id in FOLLOWING:
        until = time.monotonic() + 120
        while len(runs.get(dag_id, [])) < 2 and time.monotonic() < until:
            time.sleep(0.5)
            runs[dag_id] = airflow.dag_runs(dag_id)
        runs[dag_id] = airflow.wait_for_runs(dag_id, [run.run_id for run in runs[dag_id]], 600)
    return runs


def test_what_follows_runs_on_its_schedule_and_when_asked(
    airflow: AirflowClient, following: dict[str, list[DagRun]], warehouse: Warehouse
) -> None:
    for dag_id, runs in following.items():
        assert {(run.run_type, run.state) for run in runs} == {("scheduled", "success"), ("manual", "success")}, dag_id
        asked = next(run for run in runs if run.run_type == "manual")
        assert {task.state for task in airflow.task_instances(dag_id, asked.run_id)} == {"success"}, dag_id
    outcomes = warehouse.read(OUTCOME_METRICS, {"computed_for": TODAY, "reading": "held_7_days"}).to_pylist()
    assert YESTERDAY in {row["as_of_date"] for row in outcomes}
    assert {row["arm"] for row in outcomes} == {"", "ranker", "baseline"}
    drift = warehouse.read(DRIFT_METRICS, {"as_of_date": TODAY}).to_pylist()
    assert {row["horizon"] for row in drift if row["subject"] == "events"} == {"short", "long"}
    again = warehouse.read(REPRODUCTIONS, {"as_of_date": TODAY}).to_pylist()
    assert {row["verdict"] for row in again} == {"same"}
    assert set(FOLLOWING) <= set(warehouse.read(RUN_COSTS, None, ["dag_id"])["dag_id"].to_pylist())


@pytest.mark.service
@needs_chromium
def test_the_pages_show_what_those_runs_found(
    airflow: AirflowClient, following: dict[str, list[DagRun]], home: Path, warehouse: Warehouse
) -> None:
    outcomes = warehouse.read(OUTCOME_METRICS, {"computed_for": TODAY, "metric": "ndcg@10"}).to_pylist()
    asked = {"as_of_date": YESTERDAY, "surface": "for_you", "dimension": "all", "model_version": ""}
    arms = [row for row in outcomes if all(row[name] == value for name, value in asked.items()) and row["arm"]]
    drift = warehouse.read(DRIFT_METRICS, {"as_of_date": TODAY}).to_pylist()
    dates = set(warehouse.read(RUN_COSTS, None, ["as_of_date"])["as_of_date"].to_pylist())
    with logged_in(base_url(RunFolder(home).port()), "admin", load_secrets(home)[ADMIN_PASSWORD]) as person:
        person.press("Higawari")
        answers = person.ours.get_by_role("main").locator("dl.answers")
        expect(answers.get_by_text(f"{TODAY} for_you came out the same")).to_be_visible()

        person.ours.get_by_role("navigation", name="Recommender").get_by_role("link", name="Outcomes").click()
        picture = person.ours.locator("figure", has_text="ndcg@10 by arm, for_you")
        picture.locator("summary").click()
        for row in arms:
            expect(picture.locator("tr", has_text=str(YESTERDAY))).to_contain_text(number(row["mean"]))
        expect(person.ours.locator("figcaption", has_text="By list source, for_you")).to_be_visible()
        compared = warehouse.read(ARM_COMPARISONS, {"computed_for": TODAY, "metric": "ndcg@10"}).to_pylist()
        for row in compared:
            expect(person.ours.get_by_text(sentence(row)).first).to_be_visible()

        person.ours.get_by_role("navigation", name="Recommender").get_by_role("link", name="Drift").click()
        measures = {(row["subject"], row["name"]) for row in drift}
        expect(person.ours.get_by_text(f"{len(measures)} measures").first).to_be_visible()
        for horizon in ("short", "long"):
            part = person.ours.locator(f"section[aria-labelledby=h-{horizon}]")
            expect(part.locator("figure", has_text="Events").locator("svg")).to_be_visible()

        person.ours.get_by_role("navigation", name="Recommender").get_by_role("link", name="Cost").click()
        expect(person.ours.get_by_text(f"{len(dates)} date").first).to_be_visible()

        person.ours.get_by_role("navigation", name="Recommender").get_by_role("link", name="Champions").click()
        expect(person.ours.get_by_text("trained again: the same").first).to_be_visible()


def test_nonsense_in_the_form_is_refused(airflow: AirflowClient) -> None:
    airflow.wait_for_dag(DAG_ID)
    for conf in ({"train": "sometimes"}, {"as_of_date": "yesterday"}, {"publish": 1}):
        with pytest.raises(AirflowApiError, match="400"):
            airflow.trigger(DAG_ID, conf)


def test_an_anonymous_visitor_gets_nothing(airflow: AirflowClient, home: Path) -> None:
    url = base_url(RunFolder(home).port())
    for path in ("/api/v2/dags", f"/api/v2/dags/{DAG_ID}/dagRuns", "/api/v2/connections", *every_route_of_the_pages()):
        answer = httpx.get(url + path, trust_env=False)
        assert (answer.status_code, path) == (401, path)


def test_a_viewer_sees_every_page_and_cannot_act(airflow: AirflowClient, home: Path) -> None:
    """By the token of a script, and by the cookie of a browser."""
    url = base_url(RunFolder(home).port())
    token = token_of(home, "visitor")
    for rights in ({"headers": {"Authorization": f"Bearer {token}"}}, {"cookies": {"_token": token}}):
        with httpx.Client(base_url=url, trust_env=False, **rights) as visitor:  # type: ignore[arg-type]
            for path in every_route_of_the_pages():
                assert visitor.get(path, follow_redirects=True).status_code not in (401, 403), path
            assert visitor.get(f"{PREFIX}/publications").status_code == 200
            body = {"logical_date": None, "conf": {"reason": "curious"}}
            assert visitor.post(f"/api/v2/dags/{ROLLBACK}/dagRuns", json=body).status_code == 403


def test_every_task_of_a_real_run_has_its_links_and_each_leads_to_a_page(
    airflow: AirflowClient, first_runs: list[DagRun], home: Path
) -> None:
    run, links = first_runs[-1], {}
    asked = [task for task in airflow.task_instances(DAG_ID, run.run_id) if task.state != "skipped"]
    for task in asked:
        path = f"/dags/{DAG_ID}/dagRuns/{run.run_id}/taskInstances/{task.task_id}/links?map_index={task.map_index}"
        links[task.task_id] = {name: to for name, to in airflow.call("GET", path)["extra_links"].items() if to}
    trained = {name for name in links if name.split(".")[0] in SURFACES or name.startswith("record_champions.")}
    assert {name: set(found) for name, found in links.items()} == {
        name: DATED | ({"MLflow run"} if name in trained else set()) for name in links
    }
    addresses = {address for found in links.values() for address in found.values()}
    assert f"/plugin/{NAVIGATION}{PREFIX}/quality/{TODAY}" in addresses
    headers = {"Authorization": f"Bearer {token_of(home, 'visitor')}"}
    with httpx.Client(
        base_url=base_url(RunFolder(home).port()), headers=headers, timeout=60, trust_env=False
    ) as reader:
        for address in {address.partition("#")[0] for address in addresses}:
            within_the_frame = address.removeprefix(f"/plugin/{NAVIGATION}")
            assert reader.get(within_the_frame).status_code == 200, address
            assert "text/html" in reader.get(address).headers["content-type"]


def every_route_of_the_pages() -> list[str]:
    app = make_app("Recommender", DAG_ID, recommender_to_read)
    return [PREFIX + address for address in addresses_of(app)]


def token_of(home: Path, user: str) -> str:
    password = json.loads(passwords_file(home).read_text())[user]
    answer = httpx.post(
        f"{base_url(RunFolder(home).port())}/auth/token", json={"username": user, "password": password}, trust_env=False
    )
    return str(answer.json()["access_token"])


@pytest.mark.usefixtures("first_runs")
def test_an_operator_rolls_back_by_a_form_within_seconds_and_is_named(
    airflow: AirflowClient, warehouse: Warehouse
) -> None:
    """Rule 5. The DAG waits for no unpause and for no other run."""
    first, second = (str(switch.to_publication_id) for switch in read_switch_log(warehouse).switches[:2])
    airflow.wait_for_dag(ROLLBACK)
    with pytest.raises(AirflowApiError, match="400"):
        airflow.trigger(ROLLBACK, {"dry_run": False})  # without a reason

    started = time.monotonic()
    run = airflow.trigger(ROLLBACK, {"reason": "bad lists", "dry_run": False})
    while read_switch_log(warehouse).current != first and time.monotonic() - started < SECONDS:
        time.sleep(0.1)
    seconds = time.monotonic() - started
    last = read_switch_log(warehouse).switches[-1]
    assert (last.from_publication_id, last.to_publication_id, last.kind) == (second, first, "rollback")
    assert (last.who, last.why, last.run_id) == ("admin", "bad lists", run.run_id)
    assert seconds < SECONDS
    (ended,) = airflow.wait_for_runs(ROLLBACK, [run.run_id], 60)
    assert ended.state == "success"

    back = airflow.trigger(ROLLBACK, {"reason": "was right", "publication_id": second, "dry_run": False})
    free = airflow.trigger(ROLLBACK, {"reason": "was right", "action": "release", "dry_run": False})
    assert {run.state for run in airflow.wait_for_runs(ROLLBACK, [back.run_id, free.run_id], 60)} == {"success"}
    log = read_switch_log(warehouse)
    assert (log.current, log.is_held("hold")) == (second, False)


def test_a_form_is_for_people_only(airflow: AirflowClient) -> None:
    airflow.wait_for_dag(ROLLBACK)
    with pytest.raises(AirflowApiError):
        airflow.backfill(ROLLBACK, datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))


def test_a_form_without_what_it_needs_is_refused(airflow: AirflowClient) -> None:
    airflow.wait_for_dag("block_items")
    whole = {"action": "block", "item_ids": ["p1"], "reason": "why"}
    for wrong in (
        {"reason": None},
        {"reason": " "},
        {"item_ids": []},
        {"item_ids": "p1"},
        {"action": "x"},
    ):
        with pytest.raises(AirflowApiError, match="400"):
            airflow.trigger("block_items", whole | wrong)
    with pytest.raises(AirflowApiError, match="400"):
        airflow.trigger("block_items")


@pytest.mark.service
@needs_chromium
def test_a_person_finds_pages_and_links_in_the_browser(
    airflow: AirflowClient, first_runs: list[DagRun], home: Path, warehouse: Warehouse
) -> None:
    current = str(read_switch_log(warehouse).current)
    task = f"/dags/{DAG_ID}/runs/{quote(first_runs[-1].run_id, safe='')}/tasks/for_you.evaluate/details"
    with logged_in(base_url(RunFolder(home).port()), "admin", load_secrets(home)[ADMIN_PASSWORD]) as person:
        person.press("Higawari")
        expect(person.ours.get_by_text(f"readers see {current}")).to_be_visible()
        person.picture("overview")
        person.ours.get_by_role("link", name=current).click()
        expect(person.ours.get_by_role("heading", name=f"Publication {current}")).to_be_visible()
        person.open(task)
        expect(person.page.get_by_role("link", name="Runbook")).to_be_visible()
        person.picture("task_links")
        for link, heading in (
            ("Data quality", f"Data quality of {TODAY}"),
            ("Publication", f"Publication {current}"),
            ("MLflow run", "Model recommender_for_you/"),
            ("Runbook", "evaluate"),
        ):
            person.open(task)
            person.press(link)
            expect(person.ours.get_by_role("heading", name=heading).first).to_be_in_viewport()
            person.picture(link.lower().replace(" ", "_"))


@pytest.mark.service
@needs_chromium
@pytest.mark.usefixtures("first_runs")
def test_a_person_fills_in_forms_in_the_browser(airflow: AirflowClient, home: Path, warehouse: Warehouse) -> None:
    before = read_switch_log(warehouse)
    with logged_in(base_url(RunFolder(home).port()), "admin", load_secrets(home)[ADMIN_PASSWORD]) as person:
        assert person.form(ROLLBACK).get_by_role("button", name="Trigger").is_disabled(), "without a reason"
        reason = {"reason": "lists of dogs for cat people"}
        wrong = person.trigger(ROLLBACK, {"publication_id": "2026-01-31-nonsense", **reason}, dry_run=True)
        first = before.switches[0].to_publication_id
        earlier = {"publication_id": first, **reason}
        dry = person.trigger(ROLLBACK, earlier, dry_run=True, picture="form")
        blocked = person.trigger("block_items", {"item_ids": "p000001\np000002", **reason}, dry_run=False)
        states = [run.state for run in airflow.wait_for_runs(ROLLBACK, [wrong, dry], 120)]
        assert states == ["failed", "success"]
        for run_id, said in ((wrong, f"superseded: {first}"), (dry, "Dry run, nothing was changed")):
            person.open(f"/dags/{ROLLBACK}/runs/{quote(run_id, safe='')}/tasks/roll_back_publication")
            expect(person.page.get_by_text(said).first).to_be_visible()
            person.picture("wrong_id" if run_id == wrong else "dry_run")
    assert read_switch_log(warehouse).switches == before.switches
    airflow.wait_for_runs("block_items", [blocked], 60)
    assert {"p000001", "p000002"} <= set(blocked_items(warehouse))
