"""What Airflow calls: it never raises, and says what can be said, whatever is broken."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event
from types import SimpleNamespace

import pytest

from include.recommender.workspace import open_recommender
from include.retraining.alerting import callbacks
from include.retraining.alerting.callbacks import alert_callbacks, keep_failure, report_failed_run, report_recovery
from include.retraining.alerting.incidents import failures_of
from include.retraining.errors import DataStopError
from include.retraining.tables import ALERTS
from tests.retraining.alerting.alerts import RUN
from tests.retraining.publishing import publish, stage_lists

TODAY = datetime.now(UTC).replace(hour=3)


def task(name: str, before: int = 0) -> SimpleNamespace:
    return SimpleNamespace(
        task_id=name, doc_md="", doc=f"docs/runbook.md#{name}", get_flat_relative_ids=lambda upstream: range(before)
    )


def context(**more) -> dict:
    dag_run = SimpleNamespace(
        dag_id=RUN.dag_id, run_id=RUN.run_id, run_type="scheduled", logical_date=TODAY, run_after=TODAY
    )
    dag = SimpleNamespace(dag_id=RUN.dag_id, tasks=[task("ingest"), task("stage", 1)])
    ti = SimpleNamespace(dag_id=RUN.dag_id, run_id=RUN.run_id, task_id="stage", map_index=None, try_number=2)
    return {"dag": dag, "dag_run": dag_run, "run_id": RUN.run_id, "params": {}, "ti": ti, **more}


@pytest.fixture
def told(chat, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("HIGAWARI_ALERTS__CHANNELS", '[{"kind": "webhook", "connection": "alerts_chat"}]')
    return chat.texts


def test_what_a_failed_task_said_is_in_the_alert_of_its_run(warehouse, told) -> None:
    keep_failure(open_recommender, context(exception=DataStopError("good data", "bad data", "have them mended")))
    report_failed_run(open_recommender, True, context(reason="task_failure"))
    (text,) = told
    assert text.startswith(f"[page] recommender_daily {TODAY.date()}: stage failed")
    assert "DataStopError: expected good data; found bad data" in text
    assert "First action: have them mended" in text
    assert "#data-stop-error" in text
    assert "Now: readers see nothing" in text


@pytest.mark.parametrize(
    ("error", "kept"), [(OSError("disk full"), ("OSError", "disk full")), ("a text", ("failed", "a text"))]
)
def test_errors_that_are_not_ours_are_kept_too(warehouse, error, kept) -> None:
    keep_failure(open_recommender, context(exception=error))
    said = failures_of(warehouse, RUN)["stage", -1]
    assert ((said.error, said.message), said.runbook_section, said.try_number) == (kept, "", 2)


def test_broken_settings_are_told_through_the_channels(told, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHRADS", "3")
    keep_failure(open_recommender, context(exception=ValueError("x")))
    report_failed_run(open_recommender, True, context(reason="task_failure"))
    report_recovery(open_recommender, context())
    (text,) = told
    assert "the run failed (task_failure)" in text
    assert "Now: unknown" in text
    assert "could not keep what the failed task said" in caplog.text


def test_a_warehouse_that_does_not_answer_keeps_no_alert_back(told, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    """The dag-processor kills who takes too long, and calls nobody again."""
    monkeypatch.setattr(callbacks, "OPEN_SECONDS", 0.2)
    answer = Event()
    report_failed_run(answer.wait, True, context(reason="task_failure"))
    answer.set()
    (text,) = told
    assert "the run failed (task_failure)" in text
    assert "Now: unknown" in text
    assert "could not open the workspace" in caplog.text


def test_a_run_that_airflow_says_little_about_is_told(warehouse, told) -> None:
    dag = context()["dag"]
    report_failed_run(open_recommender, True, {"dag": dag, "run_id": "some run", "reason": "timed_out"})
    assert "the run failed (timed_out)" in told[0]
    assert "Run: some run" in told[0]


@pytest.mark.parametrize("param", ["2099-01-01", "yesterday"])
def test_a_date_that_cannot_be_used_is_told_as_the_day_of_the_run(warehouse, told, param: str) -> None:
    report_failed_run(open_recommender, True, context(params={"as_of_date": param}))
    assert f"recommender_daily {TODAY.date()}" in told[0]


def test_a_dag_that_publishes_nothing_never_pages(warehouse, told) -> None:
    alert_callbacks(open_recommender, publishes=False)["on_failure_callback"](context())
    assert told[0].startswith("[notice]")


def test_a_success_after_an_alert_is_told_once_and_any_other_is_silent(warehouse, told) -> None:
    callbacks = alert_callbacks(open_recommender)
    callbacks["on_success_callback"](context())
    assert told == []
    callbacks["on_failure_callback"](context())
    publish(warehouse, TODAY.date(), 3)
    callbacks["on_success_callback"](context())
    callbacks["on_success_callback"](context())
    assert [text.split("]")[0] for text in told] == ["[page", "[recovery"]
    assert f"over: {told[0].splitlines()[0]}" in told[1]
    assert warehouse.read(ALERTS).num_rows == 2


def test_rule_7_a_run_that_only_staged_after_a_page_tells_no_recovery(warehouse, told) -> None:
    callbacks = alert_callbacks(open_recommender)
    callbacks["on_failure_callback"](context())
    stage_lists(warehouse, TODAY.date(), 3)
    callbacks["on_success_callback"](context(params={"publish": "stage_only"}))
    assert [text.split("]")[0] for text in told] == ["[page"]
