"""Messages arrive at a real mail server and a real webhook; a broken channel is told to the others."""

from __future__ import annotations

import json
import socket
import time

import pytest

from include.retraining.alerting import airflow_side
from include.retraining.alerting.channels import deliver
from include.retraining.settings import Alerts, Channel
from tests.retraining.alerting.alerts import KILLED, alert
from tests.retraining.alerting.conftest import CHAT, MAIL

BOTH = Alerts(channels=(MAIL, CHAT))
SECONDS = 60  # importing Airflow's hook takes some of them on a busy machine


def body(letter) -> str:
    return letter.get_body(("html",)).get_content()


def test_an_alert_arrives_by_mail_by_webhook_and_in_the_log(mail, chat, caplog) -> None:
    delivery = deliver(alert(KILLED), BOTH)
    assert (delivery.delivered, dict(delivery.broken)) == (("alerts_mail", "alerts_chat"), {})
    ((recipients, letter),) = mail.mails
    assert recipients == ["oncall@example.com", "team@example.com"]
    assert letter["From"] == "higawari@example.com"
    assert letter["Subject"] == alert(KILLED).subject
    assert chat.texts == [alert(KILLED).text]
    assert [line for line in alert(KILLED).text.splitlines() if line.strip() and line not in body(letter)] == []
    assert caplog.records[0].getMessage() == alert(KILLED).text
    assert caplog.records[0].levelname == "ERROR"


def test_a_mail_server_that_never_answers_is_given_up_whatever_the_connection_says(chat, monkeypatch) -> None:
    """The dag-processor cuts callbacks off, and the other channels come after this one."""
    monkeypatch.setattr(airflow_side, "SECONDS_OF_SMTP", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        extra = {"from_email": "h@example.com", "disable_ssl": True, "timeout": 600, "retry_limit": 9}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": silent.getsockname()[1], "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_MAIL", json.dumps(connection))
        started = time.monotonic()
        delivery = deliver(alert(), BOTH)
    assert time.monotonic() - started < SECONDS
    assert delivery.delivered == ("alerts_chat",)
    assert "Unable to connect" in delivery.broken["alerts_mail"]


def test_markup_in_an_error_is_text(mail) -> None:
    deliver(alert(headline="<script>"), Alerts(channels=(MAIL,)))
    assert "&lt;script&gt;" in body(mail.mails[0][1])


def test_a_channel_gets_what_it_asks_for(chat) -> None:
    pages = Alerts(channels=(Channel(kind="webhook", connection="alerts_chat", severities=("page",)),))
    assert deliver(alert(severity="notice"), pages).delivered == ()
    assert chat.texts == []
    assert deliver(alert(), pages).delivered == ("alerts_chat",)


def test_a_broken_webhook_is_told_by_mail_with_what_it_missed(mail, chat, caplog) -> None:
    chat.status = 500
    delivery = deliver(alert(KILLED), BOTH)
    assert delivery.delivered == ("alerts_mail",)
    assert dict(delivery.broken) == {"alerts_chat": "HTTPError: HTTP Error 500: Internal Server Error"}
    subjects = [letter["Subject"] for _, letter in mail.mails]
    assert subjects == [alert(KILLED).subject, "[notice] alert channel broken: alerts_chat"]
    told = body(mail.mails[1][1])
    assert "HTTP Error 500" in told
    assert "#alert-channel-broken" in told
    assert "Failed: publish.stage" in told
    assert "alerts_chat is broken" in caplog.text
    assert "/services/secret" not in caplog.text + told


def test_a_broken_mail_server_is_told_by_webhook_to_a_channel_that_wants_pages_only(chat, monkeypatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS_MAIL", '{"conn_type": "smtp", "host": "127.0.0.1", "port": 1}')
    pages = Channel(kind="webhook", connection="alerts_chat", severities=("page",))
    delivery = deliver(alert(severity="notice"), Alerts(channels=(MAIL, pages)))
    assert delivery.delivered == ()
    assert set(delivery.broken) == {"alerts_mail"}
    (text,) = chat.texts
    assert text.startswith("[notice] alert channel broken: alerts_mail")
    assert alert(severity="notice").text in text


@pytest.mark.parametrize(
    "connection", [None, {"conn_type": "generic"}, {"conn_type": "generic", "password": "file:///x"}]
)
def test_a_connection_that_is_missing_or_wrong_breaks_nothing(connection, monkeypatch, caplog) -> None:
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_CHAT", json.dumps(connection))
    delivery = deliver(alert(), Alerts(channels=(CHAT,)))
    assert set(delivery.broken) == {"alerts_chat"}
    assert "file:///x" not in caplog.text


def test_all_channels_broken_leaves_the_log(caplog) -> None:
    assert set(deliver(alert(KILLED), BOTH).broken) == {"alerts_mail", "alerts_chat"}
    assert caplog.records[0].getMessage() == alert(KILLED).text
