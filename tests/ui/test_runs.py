"""Tabs on DAGs and runs: to the page that is about them, or in words that there is none."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.ui.forms import PAGE_OF
from tests.retraining.publishing import publish

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from include.retraining.warehouse.local import LocalWarehouse

RUN = "scheduled__2026-01-10T03:00:00+00:00"


def text_of(reader: TestClient, path: str) -> str:
    answer = reader.get(path)
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def test_the_daily_dag_has_the_first_page(reader: TestClient) -> None:
    answer = reader.get("/dags/recommender_daily", follow_redirects=False)
    assert answer.headers["location"] == "../"


def test_a_daily_run_has_the_page_of_its_date(reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("include.ui.runs.date_of_run", lambda *names: asked.append(names) or date(2026, 1, 10))
    answer = reader.get(f"/dags/recommender_daily/runs/{RUN}", follow_redirects=False)
    assert answer.headers["location"] == "../../../dates/2026-01-10"
    assert asked == [("recommender_daily", RUN)]


@pytest.mark.usefixtures("warehouse")
def test_a_daily_run_whose_date_is_not_known_says_so(reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.ui.runs.date_of_run", lambda *_: None)
    assert "The date of this run is not known" in text_of(reader, f"/dags/recommender_daily/runs/{RUN}")


@pytest.mark.usefixtures("warehouse")
def test_somebody_elses_dag_is_told_in_words_and_nothing_of_it_is_looked_up(
    reader: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.ui.runs.date_of_run", lambda *_: pytest.fail("it is not ours"))
    for path in ("/dags/theirs", "/dags/theirs/runs/r%2F1", "/dags/%3Cscript%3Ex"):
        text = text_of(reader, path)
        assert "This DAG is none of the recommender" in text
        assert "<script>x" not in text
    assert 'href="../../../style.css"' in text_of(reader, "/dags/theirs/runs/r%2F1"), "a slash in a name is no step"


def test_a_form_and_its_runs_say_what_they_did(reader: TestClient, warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, date(2026, 1, 10), 3)
    publish(warehouse, date(2026, 1, 11), 4)
    append_switch(warehouse, read_switch_log(warehouse), first.publication_id, "rollback", "yuki", "dogs", "run 9")
    assert "Press <em>Trigger</em> above" in text_of(reader, "/dags/rollback_publication")
    text = text_of(reader, "/dags/rollback_publication/runs/run 9")
    assert "yuki" in text
    assert "dogs" in text
    assert "This run moved no readers" in text_of(reader, "/dags/rollback_publication/runs/run 8")


@pytest.mark.parametrize(
    ("ended", "told"),
    [("failed", "what it was asked for is not done"), ("dry run", "nothing has changed"), ("done", "moved no")],
)
@pytest.mark.usefixtures("warehouse")
def test_a_refused_run_and_a_dry_run_are_told_apart(
    reader: TestClient, monkeypatch: pytest.MonkeyPatch, ended: str, told: str
) -> None:
    monkeypatch.setattr("include.ui.runs.ended_as", lambda *_: ended)
    assert told in text_of(reader, "/dags/block_items/runs/run 8")


@pytest.mark.parametrize(("dag_id", "page"), PAGE_OF.items())
@pytest.mark.usefixtures("warehouse")
def test_every_other_dag_of_ours_leads_to_what_it_leaves_behind(
    reader: TestClient, dag_id: str, page: str | None
) -> None:
    for path, root in ((f"/dags/{dag_id}", "../"), (f"/dags/{dag_id}/runs/r", "../../../")):
        answer = reader.get(path, follow_redirects=False)
        if page:
            assert answer.headers["location"] == root + page
            assert reader.get(path).status_code == 200
        else:
            assert "leaves nothing behind that these pages show" in " ".join(answer.text.split())
