"""The look-up box: what it answers, what it refuses, and that ids of people are in no address and no log."""

from __future__ import annotations

import logging
from html import unescape
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from benchmarks.simulated_history import SimulatedHistory, item_id, user_id
from include.recommender.tables import ITEMS
from include.recommender.workspace import recommender_to_read
from include.ui.app import make_app
from tests.conftest import put_in_place

if TYPE_CHECKING:
    from pathlib import Path

    from include.retraining.warehouse.local import LocalWarehouse

NASTY = '<script>alert("x")</script>'


@pytest.fixture
def history(warehouse: LocalWarehouse, two_days: tuple[Path, SimulatedHistory]) -> SimulatedHistory:
    written, simulated = two_days
    put_in_place(written, warehouse)
    return simulated


def asked(reader: TestClient, name: str, kind: str = "user", status: int = 200) -> str:
    answer = reader.post("/lists", data={"kind": kind, "name": name})
    assert answer.status_code == status
    return " ".join(unescape(answer.text).split())


@pytest.mark.usefixtures("history")
def test_a_user_is_shown_with_titles_categories_sources_and_reasons(reader: TestClient) -> None:
    text = asked(reader, f"  {user_id(0)} ")
    for part in (
        f"User {user_id(0)}", "A cat at dusk, 0", "own history", "+0.27: ", "Their own list",
        f'href="./items/{item_id(0)}"', 'href="./../dags/block_items" data-airflow',
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.usefixtures("history")
def test_sources_and_scores_are_told_in_words(reader: TestClient) -> None:
    text = asked(reader, user_id(0))
    assert "its score comes next" not in text
    assert "<dt>ease 10d</dt><dd>what is touched together with the user's items (EASE, half-life 10 days)</dd>" in text
    assert f"--surface discover --user {user_id(0)} --rank 2</code>" in text


@pytest.mark.usefixtures("history")
def test_an_id_that_nobody_has_is_told_with_the_list_that_is_shown(reader: TestClient) -> None:
    text = asked(reader, "nobody")
    assert '<input id="name" name="name" value="nobody"' in text
    assert "Nobody with the id 'nobody'" in text
    assert "The list for everybody" in text
    assert "A cat at dusk" in text


@pytest.mark.usefixtures("history")
def test_an_item_has_an_address_and_the_box(reader: TestClient) -> None:
    for text in (asked(reader, item_id(3), "item"), unescape(reader.get(f"/items/{item_id(3)}").text)):
        assert "A otter at dusk, 3" in text
        assert "A capybara at dusk, 4" in text


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("kind", ["user", "item"])
def test_what_is_typed_stays_text(reader: TestClient, kind: str) -> None:
    raw = reader.post("/lists", data={"kind": kind, "name": NASTY}).text
    assert "&lt;script&gt;" in raw
    assert "<script>" not in raw


def test_a_hostile_title_stays_text(reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory) -> None:
    rows = [row | {"title": NASTY, "category": NASTY} for row in warehouse.read(ITEMS).to_pylist()]
    warehouse.replace(ITEMS, {"snapshot_date": history.last}, pa.Table.from_pylist(rows, schema=ITEMS.schema))
    raw = reader.post("/lists", data={"name": user_id(0)}).text
    assert raw.count("&lt;script&gt;") > 40
    assert "<script>" not in raw


@pytest.mark.usefixtures("history")
def test_nothing_typed_is_asked_again(reader: TestClient) -> None:
    for data in ({}, {"name": " "}, {"kind": "user"}):
        answer = reader.post("/lists", data=data)
        assert answer.status_code == 200
        assert "the list for everybody" in answer.text


@pytest.mark.usefixtures("history")
def test_ids_of_people_are_in_no_address_and_no_log(reader: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        text = asked(reader, user_id(0))
        asked(reader, "no such person")
    assert user_id(0) not in caplog.text
    assert "no such person" not in caplog.text
    assert 'method="post"' in text
    assert not [part for part in text.split("<") if user_id(0) in part and "href" in part]


@pytest.mark.usefixtures("warehouse")
def test_before_the_first_publication_the_answer_says_so(reader: TestClient) -> None:
    assert "Nothing has been published yet" in asked(reader, "u1")


@pytest.mark.usefixtures("warehouse")
def test_a_use_case_without_a_look_up_says_so() -> None:
    app = make_app("Forecasts", "recommender_daily", recommender_to_read)
    (rights,) = app.router.dependencies
    app.dependency_overrides[rights.dependency] = lambda: None
    text = asked(TestClient(app, raise_server_exceptions=False), "u1", status=404)
    assert "none in this site" in text
