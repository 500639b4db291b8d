"""An alert is sent once and recorded; a broken warehouse or wrong settings keep none from going out."""

from __future__ import annotations

import shutil

import pytest

from include.retraining.alerting.send import alert_settings, send_once
from include.retraining.settings import Alerts
from include.retraining.tables import ALERTS
from tests.retraining.alerting.alerts import KILLED, STOPPED, alert
from tests.retraining.alerting.conftest import CHAT

SETTINGS = Alerts(channels=(CHAT,))


def test_a_repetition_is_not_sent_and_news_are(warehouse, chat) -> None:
    assert send_once(warehouse, SETTINGS, alert(KILLED))
    assert not send_once(warehouse, SETTINGS, alert(KILLED))
    assert send_once(warehouse, SETTINGS, alert(STOPPED))
    assert len(chat.texts) == 2
    assert warehouse.read(ALERTS).num_rows == 2


def test_without_a_warehouse_or_with_a_broken_one_it_is_sent_all_the_same(warehouse, chat, tmp_path) -> None:
    assert send_once(None, SETTINGS, alert(KILLED))
    shutil.rmtree(tmp_path / "warehouse")
    assert send_once(warehouse, SETTINGS, alert(KILLED))
    assert chat.texts == [alert(KILLED).text] * 2


def test_a_fault_in_another_section_does_not_silence_the_alert_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHRADS", "3")
    monkeypatch.setenv("HIGAWARI_ALERTS__HEARTBEAT", "monitor")
    assert alert_settings().heartbeat == "monitor"


def test_wrong_settings_of_alerts_leave_the_log(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    monkeypatch.setenv("HIGAWARI_ALERTS__DEADLINE", "late")
    assert alert_settings() == Alerts()
    assert "alerts go to the log only" in caplog.text
