"""The command that tries every channel."""

from __future__ import annotations

import pytest

from include.retraining.alerting.try_channels import main

CHANNELS = '[{"kind": "webhook", "connection": "alerts_chat", "severities": ["page"]}]'


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections of the environment are enough here."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")


def test_every_channel_gets_a_test_message(chat, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("HIGAWARI_ALERTS__CHANNELS", CHANNELS)
    assert main() == 0
    assert capsys.readouterr().out == "alerts_chat: sent\n"
    assert "test message, nothing is wrong" in chat.texts[0]


def test_a_broken_channel_is_named_and_fails_the_command(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("HIGAWARI_ALERTS__CHANNELS", CHANNELS)
    assert main() == 1
    assert capsys.readouterr().out.startswith("alerts_chat: BROKEN: ")


def test_no_channel_at_all_is_said(capsys) -> None:
    assert main() == 1
    assert "log only" in capsys.readouterr().out


def test_wrong_settings_are_said(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("HIGAWARI_ALERTS__CHANNELS", '[{"kind": "smtp", "connection": "mail"}]')
    assert main() == 1
    assert "to = [addresses] for smtp" in capsys.readouterr().out
