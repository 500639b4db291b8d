"""People learn that they are waited for, with the link to answer, and that nobody answered; a rerun adds no message."""

from __future__ import annotations

from types import SimpleNamespace

from include.retraining.alerting.approval import tell_of_question, tell_of_time_out
from include.retraining.promotion.approval import Question
from include.retraining.settings import Alerts
from include.retraining.tables import ALERTS
from tests.retraining.alerting.alerts import RUN
from tests.retraining.alerting.conftest import CHAT


def workspace_of(warehouse) -> SimpleNamespace:
    alerts = Alerts(channels=(CHAT,), runbook_url="wiki", airflow_url="https://airflow")
    return SimpleNamespace(warehouse=warehouse, settings=SimpleNamespace(alerts=alerts))


def test_a_question_is_told_once_with_the_page_on_which_it_is_answered(warehouse, chat) -> None:
    for surface in ("for_you", "discover", "discover"):
        tell_of_question(RUN, workspace_of(warehouse), surface, Question(f"{surface}? Until 17:00", "evidence"))
    first, second = chat.texts
    assert first.startswith("[notice] recommender_daily 2026-03-02: approval wanted for for_you")
    assert "tasks/request_approval.for_you/required_actions" in first
    assert "Runbook: wiki#approval-requested" in first
    assert "- for_you? Until 17:00" in first
    assert "tasks/request_approval.discover/required_actions" in second


def test_silence_is_told_once(warehouse, chat) -> None:
    for _ in range(2):
        tell_of_time_out(RUN, workspace_of(warehouse), "for_you", "recommender_for_you/3")
    (text,) = chat.texts
    assert text.startswith("[notice] recommender_daily 2026-03-02: nobody answered for for_you")
    assert "Runbook: wiki#approval-timed-out" in text
    assert "recommender_for_you/3 stays out" in text
    (row,) = warehouse.read(ALERTS).to_pylist()
    assert (row["kind"], row["severity"]) == ("approval_timed_out", "notice")


def test_a_broken_channel_keeps_nobody_from_asking(warehouse, chat, caplog) -> None:
    chat.status = 500
    tell_of_question(RUN, workspace_of(warehouse), "for_you", Question("subject", "body"))
    assert "alerts_chat is broken" in caplog.text
