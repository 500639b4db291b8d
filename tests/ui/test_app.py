"""Rights, headers and errors: the same on every page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Route

from include.ui.app import HEADERS
from tests.ui.routes import addresses_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_stranger_gets_nothing_on_any_route(app: FastAPI, stranger: TestClient) -> None:
    assert len(addresses_of(app)) >= 20
    for address in addresses_of(app):
        answer = stranger.get(address)
        assert answer.status_code == 401, address
        assert "log in to Airflow" in answer.text
    assert stranger.post("/lists", data={"name": "u1"}).status_code == 401


@pytest.mark.parametrize("address", ["/docs", "/redoc", "/openapi.json"])
def test_the_pages_of_fastapi_itself_are_off(reader: TestClient, address: str) -> None:
    assert reader.get(address).status_code == 404


def test_only_reading_is_possible(app: FastAPI) -> None:
    """The look-up is sent as a form so that ids of people are in no address; it reads like the others."""
    methods = {
        (method, route.path) for route in app.routes if isinstance(route, Route) for method in route.methods or ()
    }
    assert {each for each in methods if each[0] != "GET"} == {("POST", "/lists")}


def test_no_answer_allows_a_script_but_ours_or_anything_from_elsewhere(app: FastAPI, reader: TestClient) -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    for address in addresses_of(app):
        answer = reader.get(address)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, address
        text = re.sub(r'<script src="(\./|(\.\./)+)leave_frame\.js" defer></script>', "", answer.text)
        assert not re.search(r"<script|\son\w+=|style=|(src|href)=.(https?:)?//", text), address


def test_the_script_does_nothing_but_leave_the_frame(reader: TestClient) -> None:
    script = reader.get("/leave_frame.js")
    assert "javascript" in script.headers["content-type"]
    assert not re.search(r"fetch|XMLHttp|innerHTML|eval|cookie|document\.write", script.text)


def test_the_styles_come_with_the_package(reader: TestClient) -> None:
    style = reader.get("/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in style.text
    assert "url(" not in style.text


def test_addresses_are_relative_so_that_they_hold_behind_a_proxy(reader: TestClient) -> None:
    for page, root in (("/", "./"), ("/publications", "./"), ("/quality/2026-01-31", "../")):
        text = reader.get(page).text
        assert f'<link rel="stylesheet" href="{root}style.css">' in text
        assert not re.search(r'(href|src|action)="/', text), page


def test_an_unknown_page_says_so(reader: TestClient) -> None:
    answer = reader.get("/nothing/here")
    assert answer.status_code == 404
    assert "no such page" in answer.text


def test_without_a_warehouse_the_page_says_what_to_do(reader: TestClient, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "warehouse")
    answer = reader.get("/")
    assert answer.status_code == 503
    assert "before its first run there is none" in answer.text
    assert "runbook.md#settings-error" in answer.text


def test_what_cannot_be_read_is_told_in_words_without_details(reader: TestClient, tmp_path: Path) -> None:
    for log in (tmp_path / "warehouse" / "publications" / "_delta_log").glob("*.json"):
        log.write_text("not a log")
    answer = reader.get("/publications")
    assert answer.status_code == 500
    assert "see the log of the api-server" in answer.text
    assert str(tmp_path) not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


def test_the_pages_work_behind_a_proxy_that_puts_a_path_before_airflow(app: FastAPI, reader: TestClient) -> None:
    airflow = FastAPI(root_path="/team/airflow")
    airflow.mount("/higawari", app)
    behind = TestClient(airflow)
    for page, root in (("", "./"), ("publications", "./"), ("quality/2026-01-31", "../")):
        answer = behind.get(f"/team/airflow/higawari/{page}")
        assert answer.status_code == 200
        assert f'href="{root}style.css"' in answer.text
    assert behind.get("/team/airflow/higawari/style.css").status_code == 200


def test_a_task_that_loads_the_plugin_does_not_make_the_site() -> None:
    """Every task's process loads plugins."""
    code = (
        "import sys; from airflow.sdk.plugins_manager import integrate_macros_plugins; integrate_macros_plugins(); "
        "assert 'higawari' in sys.modules; assert not {'include.ui.app', 'mlflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
