"""Late lists are told at the deadline, unless somebody was told already or wanted it so."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from include.retraining.alerting.incidents import open_incidents
from include.retraining.alerting.send import send_once
from include.retraining.alerting.watch import check_publication_is_out
from include.retraining.errors import StepSkipped
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.settings import Alerts, Publication
from tests.retraining.alerting.alerts import DAY, KILLED, RUN, alert
from tests.retraining.alerting.conftest import CHAT
from tests.retraining.publishing import publish

WATCH = replace(RUN, run_id="watch", dag_id="publication_watch")


@pytest.fixture
def workspace(warehouse, chat) -> SimpleNamespace:
    publish(warehouse, DAY - timedelta(days=1), 3)
    return workspace_of(warehouse)


def workspace_of(warehouse) -> SimpleNamespace:
    return SimpleNamespace(
        warehouse=warehouse, settings=SimpleNamespace(alerts=Alerts(channels=(CHAT,)), publication=Publication())
    )


def look(workspace) -> str:
    return check_publication_is_out(WATCH, workspace, RUN.dag_id)


def test_lists_that_are_out_are_no_news(workspace, chat) -> None:
    publish(workspace.warehouse, DAY, 4)
    assert look(workspace).startswith("readers see 2026-03-02-")
    assert chat.texts == []


def test_late_lists_page_once(workspace, chat) -> None:
    assert look(workspace).startswith("sent: [page] recommender_daily 2026-03-02: not published by 07:00")
    look(workspace)
    (text,) = chat.texts
    assert "Now: readers see 2026-03-01-" in text
    assert "Runbook: docs/runbook.md#publication-late" in text
    assert [row["kind"] for row in open_incidents(workspace.warehouse, RUN.dag_id)] == ["publication_late"]


def test_a_day_whose_failure_was_told_is_not_told_again(workspace, chat) -> None:
    send_once(workspace.warehouse, workspace.settings.alerts, alert(KILLED))
    assert look(workspace).startswith("said already: [page] recommender_daily 2026-03-02: publish.stage failed")
    assert len(chat.texts) == 1


def test_a_page_that_reached_nobody_does_not_silence_the_deadline(
    workspace, chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = os.environ["AIRFLOW_CONN_ALERTS_CHAT"]
    monkeypatch.delenv("AIRFLOW_CONN_ALERTS_CHAT")
    send_once(workspace.warehouse, workspace.settings.alerts, alert(KILLED))
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS_CHAT", connection)
    assert look(workspace).startswith("sent: [page] recommender_daily 2026-03-02: not published by 07:00")
    assert len(chat.texts) == 1


def test_a_failure_of_the_day_before_does_not_hide_today(workspace, chat) -> None:
    before = replace(RUN, as_of_date=DAY - timedelta(days=1), run_id="before")
    send_once(workspace.warehouse, workspace.settings.alerts, alert(KILLED, run=before))
    look(workspace)
    assert len(chat.texts) == 2


def test_under_a_hold_it_is_a_notice(workspace, chat) -> None:
    warehouse = workspace.warehouse
    log = read_switch_log(warehouse)
    append_switch(warehouse, log, log.current, "hold", "somebody", "why", "by hand")
    look(workspace)
    assert chat.texts[0].startswith("[notice] recommender_daily 2026-03-02: not published: on hold")


def test_before_the_first_publication_it_is_a_notice(warehouse, chat) -> None:
    look(workspace_of(warehouse))
    (text,) = chat.texts
    assert text.startswith("[notice] recommender_daily 2026-03-02: nothing was ever published yet")
    assert "/plugin/recommender/higawari/dates/2026-03-02" in text


def test_a_backfill_of_the_watch_looks_at_nothing(workspace) -> None:
    with pytest.raises(StepSkipped):
        check_publication_is_out(replace(WATCH, why="backfill"), workspace, RUN.dag_id)
