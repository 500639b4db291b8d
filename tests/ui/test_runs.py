"""Tabs on DAGs and runs: to the page that is about them, or in words that there is none."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from include.recommender.blocked_lists import plan_list_blocking
from include.retraining.operation import Operation, perform, together
from include.retraining.promotion.decisions import DecidedChallenger, record_rollback
from include.retraining.publication.blocking import plan_blocking
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.quality.privacy import hash_key, keyed_hash
from include.ui.forms import PAGE_OF
from tests.retraining.publishing import publish
from tests.ui.airflow_tables import add_run

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from sqlalchemy.engine import Engine

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
    assert "This run has moved no readers" in text_of(reader, "/dags/rollback_publication/runs/run 8")


def test_a_run_that_blocked_says_what(reader: TestClient, warehouse: LocalWarehouse) -> None:
    publish(warehouse, date(2026, 1, 10), 3)
    for run_id, action in (("run 8", "block"), ("run 9", "unblock")):
        operation = Operation(run_id, "hana", "a complaint", dry_run=False)
        items = plan_blocking(warehouse, operation, action, ["i1"], ["i1"], {}, users_among=set)
        lists = plan_list_blocking(warehouse, operation, action, "for_you", ["u1"], ["all"], [])
        perform(operation, together(items, lists))
    person = keyed_hash("u1", hash_key())
    for run_id, told in (("run 8", "blocked"), ("run 9", "may return")):
        text = text_of(reader, f"/dags/block_items/runs/{run_id}")
        assert "for hana (a complaint)" in text
        for name in ("item i1", f"the list of user {person} on for_you", "what is popular in all"):
            assert f"<li>{told}: {name}</li>" in text
        assert "moved no readers" not in text


def test_a_run_that_put_a_model_in_office_says_which(reader: TestClient, warehouse: LocalWarehouse) -> None:
    for run_id, model in (("run 8", "recommender_for_you/1"), ("run 9", "")):
        chosen = DecidedChallenger("for_you", model, "recommender_for_you/2", "", "")
        record_rollback(warehouse, Operation(run_id, "hana", "worse", dry_run=False), date(2026, 1, 10), chosen)
    text = text_of(reader, "/dags/rollback_model/runs/run 8")
    assert 'for_you: <a href="../../../models/recommender_for_you/1">' in text
    assert "for hana (worse)" in text
    assert "for_you: no ranker in place of <a" in text_of(reader, "/dags/rollback_model/runs/run 9")


def test_a_failed_run_says_what_it_left_all_the_same(
    reader: TestClient, warehouse: LocalWarehouse, airflow_tables: Engine
) -> None:
    """A model whose row was written before MLflow failed is in office by the record; half a form may be done."""
    add_run(airflow_tables, "rollback_model", "run 8", "failed", {"dry_run": False})
    assert "its log says what was done and what was not" in text_of(reader, "/dags/rollback_model/runs/run 8")
    chosen = DecidedChallenger("for_you", "recommender_for_you/1", "recommender_for_you/2", "", "")
    record_rollback(warehouse, Operation("run 8", "hana", "worse", dry_run=False), date(2026, 1, 10), chosen)
    text = text_of(reader, "/dags/rollback_model/runs/run 8")
    assert "its log says what was done and what was not" in text
    assert "recommender_for_you/1</a> in place of" in text


@pytest.mark.usefixtures("warehouse")
def test_a_dry_run_and_one_that_had_nothing_to_do_are_told_apart(reader: TestClient, airflow_tables: Engine) -> None:
    for number, (dry_run, told) in enumerate(
        ((True, "nothing has changed"), (False, "This run has moved no readers, blocked nothing")), 1
    ):
        add_run(airflow_tables, "block_items", f"run {number}", "success", {"dry_run": dry_run}, number)
        assert told in text_of(reader, f"/dags/block_items/runs/run {number}")


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
