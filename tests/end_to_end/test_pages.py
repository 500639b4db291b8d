"""The pages in a browser, from a real api-server: every panel, the look-up, tabs, ways out, rights, a fresh install.

Data checks, decisions, models, publications and lists are those of two days that ran; what follows a publication is
simulated rows of the tables.
"""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from benchmarks.simulated_history import SimulatedHistory
from include.embedded.components import start, stop
from include.embedded.environment import base_url
from include.embedded.run_folder import RunFolder
from include.embedded.secret_file import passwords_file
from include.recommender.look_up import RecommenderLookUp
from include.recommender.tables import RECOMMENDER_TABLES, USER_RECOMMENDATIONS
from include.recommender.workspace import recommender_to_read
from include.retraining.monitoring.tables import MONITORING_TABLES
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import (
    DATA_QUALITY_RESULTS,
    EVALUATION_RESULTS,
    MACHINERY_TABLES,
    PROMOTION_DECISIONS,
    PUBLICATION_SWITCHES,
    PUBLICATIONS,
    RUN_COSTS,
)
from include.retraining.warehouse.local import LocalWarehouse
from include.ui.addresses import PREFIX
from include.ui.app import make_app
from tests.end_to_end.browser import logged_in, needs_chromium
from tests.ports import free_port
from tests.prepared_home import give_databases
from tests.simulated_home import DAY_BEFORE, LAST_ARRIVAL, SMALL_TRAINING
from tests.ui.routes import addresses_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from include.embedded.rest import AirflowClient
    from tests.end_to_end.browser import Person

pytestmark = [pytest.mark.integration, pytest.mark.service, pytest.mark.timeout(1200)]
LOGS = (DATA_QUALITY_RESULTS, EVALUATION_RESULTS, PROMOTION_DECISIONS, PUBLICATIONS, PUBLICATION_SWITCHES)
DAG_ID, FORM = "recommender_daily", "rollback_publication"
PEOPLE = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,visitor:viewer",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
}
# The name in the menu, the heading, a sentence of a panel with figures, and how many pictures there are at least.
PANELS = {
    "Overview": ("Recommender", "does better than baseline", 0),
    "Dates": ("Dates", "only staged", 0),
    "Publications": ("Publications", "Who moved readers, and why", 0),
    "Champions": ("Champions", "In office", 2),
    "Outcomes": ("Outcomes", "On for_you the arm ranker does better than baseline", 4),
    "Drift": ("Drift", "Gradual: the last week", 8),
    "Cost": ("Cost", "Every try counts", 4),
}
ON_A_PHONE = (
    "", "dates", f"dates/{LAST_ARRIVAL}", f"quality/{LAST_ARRIVAL}", "publications", "champions",
    f"decisions/{LAST_ARRIVAL}/for_you", "outcomes", "drift", "drift/events/category", "costs", "lists",
)  # fmt: skip
COLOURS = "of => getComputedStyle(of).stroke + getComputedStyle(of).fill"


@pytest.fixture(scope="module")
def home(undisturbed_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days that ran; before them simulated ones in every log, and sixty simulated ones of what follows."""
    copy = tmp_path_factory.mktemp("pages") / "home"
    shutil.copytree(undisturbed_home, copy)
    earlier = SimulatedHistory(DAY_BEFORE - timedelta(days=1), days=58, first_switch=-58)
    earlier.write(warehouse_of(copy), only=LOGS)
    SimulatedHistory(LAST_ARRIVAL, days=60).write(warehouse_of(copy), only=(*MONITORING_TABLES, RUN_COSTS))
    return copy


@pytest.fixture(scope="module")
def airflow(home: Path, prepared_home: Path) -> Iterator[AirflowClient]:
    """One Airflow for this suite; nothing in it runs but what a test triggers."""
    give_databases(prepared_home, home)
    try:
        client = start(home, free_port(), SMALL_TRAINING | PEOPLE)
        client.wait_for_dag(DAG_ID)
        client.wait_for_dag(FORM)
        yield client
    finally:
        stop(home)


@pytest.fixture
def visitor(airflow: AirflowClient, home: Path) -> Iterator[Person]:
    """A viewer at a desk."""
    with logged_in(url_of(home), "visitor", password_of(home, "visitor")) as person:
        yield person


def warehouse_of(home: Path) -> LocalWarehouse:
    return LocalWarehouse(home / "warehouse", home / "spill", threads=1)


def url_of(home: Path) -> str:
    return base_url(RunFolder(home).port())


def password_of(home: Path, user: str) -> str:
    return str(json.loads(passwords_file(home).read_text())[user])


def complaints_of(page: Page) -> list[str]:
    """What the browser refuses or breaks on from now on, but for what Airflow's own pages do."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@needs_chromium
def test_every_panel_shows_real_data_in_airflows_own_frame(visitor: Person) -> None:
    complaints = complaints_of(visitor.page)
    visitor.press("Higawari")
    for name, (heading, told, pictures) in PANELS.items():
        visitor.ours.get_by_role("navigation", name="Recommender").get_by_role("link", name=name, exact=True).click()
        expect(visitor.ours.get_by_role("heading", level=1)).to_have_text(heading)
        content = visitor.ours.get_by_role("main")
        expect(content.get_by_text(told).first).to_be_visible()
        shown = content.locator("div.picture svg")
        assert shown.count() >= pictures, name
        for at in range(pictures):
            box = shown.nth(at).bounding_box()
            assert box is not None, name
            assert box["width"] > 200, name
            assert box["height"] > 60, name
        visitor.picture(f"page_{name.lower()}")
    assert complaints == []


@needs_chromium
def test_pictures_have_colours_by_day_and_by_night(airflow: AirflowClient, home: Path) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        with logged_in(url_of(home), "visitor", password_of(home, "visitor"), color_scheme=scheme) as person:
            person.open(f"{PREFIX}/outcomes")
            line = person.page.locator('.picture path[stroke="#0072b2"]').first
            letters = person.page.locator(".picture text").first
            seen[scheme] = [of.evaluate(COLOURS) for of in (line, letters)]
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][1] != seen["dark"][1]


@needs_chromium
def test_the_look_up_shows_a_real_users_list_and_says_so_where_the_id_is_unknown(visitor: Person, home: Path) -> None:
    warehouse = warehouse_of(home)
    current = str(read_switch_log(warehouse).current)
    rows = warehouse.read(USER_RECOMMENDATIONS, {"publication_id": current, "surface": "for_you"}).to_pylist()
    row = next(row for row in rows if row["user_id"] != "*" and row["rank"] == 1)
    visitor.press("Higawari")
    visitor.ours.get_by_role("link", name="Look up", exact=True).click()
    for name, told in ((row["user_id"], "Their own list"), ("nobody-like-this", "Nobody with the id")):
        visitor.ours.get_by_label("with the id").fill(name)
        visitor.ours.get_by_role("button", name="Show").click()
        expect(visitor.ours.get_by_text(told).first).to_be_visible()
        assert name not in visitor.page.url
        if told == "Their own list":
            expect(visitor.ours.get_by_text(row["item_id"]).first).to_be_visible()
            visitor.picture("page_look_up")
    expect(visitor.ours.get_by_text("The list for everybody, as they have none of their own").first).to_be_visible()


@needs_chromium
def test_evidence_of_a_decision_and_its_model_card_are_two_clicks_from_the_calendar(visitor: Person) -> None:
    visitor.press("Higawari")
    visitor.ours.get_by_role("link", name="Dates", exact=True).click()
    visitor.ours.get_by_role("link", name=f"{LAST_ARRIVAL}: data").click()
    visitor.ours.get_by_role("main").get_by_role("link", name="for_you", exact=True).click()
    expect(visitor.ours.get_by_role("heading", name="Evidence")).to_be_visible()
    assert visitor.ours.locator("div.picture svg").count() >= 2
    visitor.picture("page_decision")
    visitor.ours.get_by_role("link", name="Model card of the challenger").click()
    expect(visitor.ours.get_by_text("Model card: for_you").first).to_be_visible()


@needs_chromium
def test_tabs_on_the_dag_and_its_runs_lead_to_what_is_about_them(airflow: AirflowClient, visitor: Person) -> None:
    run = airflow.trigger(DAG_ID, {"as_of_date": str(LAST_ARRIVAL)})
    for path, heading in (
        (f"/dags/{DAG_ID}", "Recommender"),
        (f"/dags/{DAG_ID}/runs/{quote(run.run_id, safe='')}", str(LAST_ARRIVAL)),
        (f"/dags/{FORM}", FORM),
    ):
        visitor.open(path)
        visitor.page.get_by_role("main").get_by_role("link", name="Higawari").or_(
            visitor.page.locator("a[href*='plugin/pages-of']")
        ).first.click()
        expect(visitor.ours.get_by_role("heading", level=1)).to_have_text(heading)


@needs_chromium
def test_ways_out_of_the_frame_lead_to_the_trigger_form(airflow: AirflowClient, home: Path) -> None:
    with logged_in(url_of(home), "admin", password_of(home, "admin")) as admin:
        admin.press("Higawari")
        admin.ours.get_by_role("link", name="Roll back, hold or release").click()
        admin.page.wait_for_url(f"**/dags/{FORM}")
        expect(admin.page.locator("iframe")).to_have_count(0)
        admin.press("Trigger", "button")
        expect(admin.page.get_by_role("dialog").locator("[name=element_reason]")).to_be_visible()
        admin.page.go_back()
        admin.open(f"{PREFIX}/dates/{LAST_ARRIVAL}")
        admin.press("Run or backfill dates")
        admin.page.wait_for_url(f"**/dags/{DAG_ID}")


@needs_chromium
def test_every_page_can_be_read_on_a_phone_and_by_keyboard(airflow: AirflowClient, home: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
    with logged_in(url_of(home), "visitor", password_of(home, "visitor"), **phone) as person:
        for width in (390, 320):
            person.page.set_viewport_size({"width": width, "height": 844})
            for path in ON_A_PHONE:
                person.open(f"{PREFIX}/{path}")
                assert person.page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        person.page.set_viewport_size({"width": 390, "height": 844})
        person.open(f"{PREFIX}/outcomes")
        person.page.keyboard.press("Tab")
        expect(person.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        person.page.keyboard.press("Enter")
        details = person.page.locator("summary").first
        details.focus()
        person.page.keyboard.press("Enter")
        expect(person.page.locator("details[open] table").first).to_be_visible()
        details.scroll_into_view_if_needed()
        person.page.keyboard.press("Enter")
        person.page.evaluate("window.scrollTo(0, 620)")
        person.picture("page_phone")


def test_an_anonymous_visitor_gets_nothing_on_any_route(airflow: AirflowClient, home: Path) -> None:
    app = make_app("Recommender", DAG_ID, recommender_to_read, RecommenderLookUp())
    for address in addresses_of(app):
        assert httpx.get(url_of(home) + PREFIX + address, trust_env=False).status_code == 401, address
    asked = httpx.post(f"{url_of(home)}{PREFIX}/lists", data={"name": "*"}, trust_env=False)
    assert asked.status_code == 401
    assert "item" not in asked.text


def test_a_viewer_sees_but_cannot_act(airflow: AirflowClient, home: Path) -> None:
    account = {"username": "visitor", "password": password_of(home, "visitor")}
    token = httpx.post(f"{url_of(home)}/auth/token", json=account, trust_env=False).json()["access_token"]
    rights = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url_of(home), headers=rights, timeout=60, trust_env=False) as visitor:
        for path in ON_A_PHONE:
            assert visitor.get(f"{PREFIX}/{path}").status_code == 200, path
        assert "list for everybody" in visitor.post(f"{PREFIX}/lists", data={"name": "*"}).text
        for dag_id in (FORM, "block_items", "rollback_model", "readmit_quarantined_rows", DAG_ID):
            body = {"logical_date": None, "conf": {"reason": "curious"}}
            assert visitor.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body).status_code == 403, dag_id
        for method in ("PUT", "PATCH", "DELETE"):
            assert visitor.request(method, f"{PREFIX}/lists").status_code == 405


def test_ids_of_people_are_not_in_the_api_servers_log(airflow: AirflowClient, home: Path) -> None:
    account = {"username": "visitor", "password": password_of(home, "visitor")}
    token = httpx.post(f"{url_of(home)}/auth/token", json=account, trust_env=False).json()["access_token"]
    rights = {"Authorization": f"Bearer {token}"}
    asked = httpx.post(f"{url_of(home)}{PREFIX}/lists", data={"name": "person-4711"}, headers=rights, trust_env=False)
    assert "person-4711" in asked.text
    logs = [path.read_text(errors="replace") for path in home.rglob("*.log") if path.stat().st_size]
    assert any(f"{PREFIX}/lists" in text for text in logs), "the test looks in the wrong place"
    assert not any("person-4711" in text for text in logs)


@needs_chromium
def test_a_fresh_install_says_in_words_what_will_come(visitor: Person, home: Path) -> None:
    """Empty tables in place of those of the home."""
    full = home / "warehouse"
    full.rename(home / "kept")
    try:
        warehouse_of(home).create_tables((*RECOMMENDER_TABLES, *MACHINERY_TABLES))
        for path, told in (
            ("", "will appear here: unpause it"),
            ("dates", "Nothing was checked, decided or published"),
            ("champions", "Nothing has been decided yet"),
            ("outcomes", "No outcome has been measured"),
            ("drift", "Nothing has been compared"),
            ("costs", "Nothing is recorded"),
            ("publications", "None has been made yet"),
        ):
            visitor.open(f"{PREFIX}/{path}")
            expect(visitor.page.get_by_text(told).first).to_be_visible()
            assert visitor.page.locator("div.picture").count() == 0
        shutil.rmtree(full)
        visitor.open(f"{PREFIX}/")
        expect(visitor.page.get_by_text("before its first run there is none")).to_be_visible()
    finally:
        shutil.rmtree(full, ignore_errors=True)
        (home / "kept").rename(full)
