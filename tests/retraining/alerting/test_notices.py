"""Notices say what is new; the heartbeat says that readers have today's lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from include.retraining.alerting.notices import announce, notices
from include.retraining.promotion.decisions import DecidedChallenger, record_decision
from include.retraining.promotion.policy import Decision
from include.retraining.quality.checks import CheckResult
from include.retraining.quality.verdict import record
from include.retraining.settings import Alerts
from tests.retraining.alerting.alerts import DAY, RUN
from tests.retraining.alerting.conftest import CHAT
from tests.retraining.publishing import publish

DAYS = [DAY - timedelta(days=back) for back in range(8, -1, -1)]


def check(name: str, outcome: str = "failed", severity: str = "warning") -> CheckResult:
    return CheckResult(name, severity, outcome, "few", "many", 10, 1, ())


def decide(warehouse, days: list[date], choice: str) -> None:
    for day in days:
        challenger = DecidedChallenger("for_you", f"ranker/{day}", "", "popularity", f"sha of {day}")
        record_decision(warehouse, replace(RUN, as_of_date=day), challenger, Decision(choice, ("why",)), {})


def told(warehouse, rejected_in_a_row: int = 3) -> list[str]:
    return notices(warehouse, DAY, ("for_you", "discover"), rejected_in_a_row)


def workspace_of(warehouse, **settings) -> SimpleNamespace:
    return SimpleNamespace(warehouse=warehouse, settings=SimpleNamespace(alerts=Alerts(**settings)))


def test_a_quiet_day_says_nothing(warehouse, chat) -> None:
    assert told(warehouse) == []
    announce(RUN, workspace_of(warehouse, channels=(CHAT,)), ("for_you",))
    assert chat.texts == []


def test_a_check_that_warns_is_told_on_its_first_day_only(warehouse) -> None:
    record(
        warehouse,
        DAY,
        "inputs",
        [check("volume"), check("late"), check("fine", "passed"), check("odd", severity="info")],
    )
    assert told(warehouse) == ["check late warns: many; expected few", "check volume warns: many; expected few"]
    record(warehouse, DAY - timedelta(days=1), "inputs", [check("volume")])
    assert told(warehouse) == ["check late warns: many; expected few"]


def test_a_verdict_of_stop_is_told_by_the_failed_run_alone(warehouse) -> None:
    record(warehouse, DAY, "inputs", [check("volume"), check("empty", severity="critical")])
    assert told(warehouse) == []


@pytest.mark.parametrize(("rejected", "said"), [(2, False), (3, True), (4, False), (6, True)])
def test_rejections_are_told_at_every_so_many(warehouse, rejected: int, said: bool) -> None:
    decide(warehouse, DAYS[:-rejected], "promote")
    decide(warehouse, DAYS[-rejected:], "keep")
    found = told(warehouse)
    assert bool(found) is said
    assert not said or found == [
        f"for_you: the last {rejected} challengers were rejected; promotion_decisions says why"
    ]


def test_a_day_without_a_decision_is_not_told_again(warehouse) -> None:
    decide(warehouse, DAYS[-4:-1], "keep")
    assert told(warehouse) == []


def test_a_notice_is_sent_once_with_a_section_and_a_log(warehouse, chat) -> None:
    record(warehouse, DAY, "inputs", [check("volume")])
    workspace = workspace_of(warehouse, channels=(CHAT,), runbook_url="wiki", airflow_url="https://airflow")
    for _ in range(2):
        announce(RUN, workspace, ("for_you",))
    (text,) = chat.texts
    assert text.startswith("[notice] recommender_daily 2026-03-02: check volume warns")
    assert "Runbook: wiki#notices" in text
    assert "/tasks/announce_run" in text


@pytest.mark.parametrize("run", [replace(RUN, why="backtest"), replace(RUN, as_of_date=DAY - timedelta(days=1))])
def test_backtests_and_older_dates_are_silent(warehouse, chat, run) -> None:
    publish(warehouse, DAY, 3)
    record(warehouse, run.as_of_date, "inputs", [check("volume")])
    announce(run, workspace_of(warehouse, channels=(CHAT,), heartbeat="alerts_chat"), ("for_you",))
    assert chat.texts == chat.pings == []


def test_the_heartbeat_beats_where_readers_have_the_lists_of_the_run(warehouse, chat) -> None:
    workspace = workspace_of(warehouse, heartbeat="alerts_chat")
    publish(warehouse, DAY - timedelta(days=1), 3)
    announce(RUN, workspace, ("for_you",))
    assert chat.pings == []
    publish(warehouse, DAY, 4)
    announce(RUN, workspace, ("for_you",))
    assert chat.pings == ["/services/secret"]


def test_a_monitor_that_does_not_answer_is_only_logged(warehouse, chat, caplog) -> None:
    publish(warehouse, DAY, 4)
    chat.status = 500
    announce(RUN, workspace_of(warehouse, heartbeat="alerts_chat"), ("for_you",))
    assert "could not ping the heartbeat" in caplog.text
    assert "/services/secret" not in caplog.text
