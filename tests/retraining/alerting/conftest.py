"""Real sinks, and channels that lead to them through Airflow connections of the environment."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from include.retraining.settings import Channel
from tests.sinks import MailSink, WebhookSink, listening

# Airflow writes its configuration there when it is first imported: not into anybody's own.
if "AIRFLOW_HOME" not in os.environ:
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="higawari-airflow-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

MAIL = Channel(kind="smtp", connection="alerts_mail", to=("oncall@example.com", "team@example.com"))
CHAT = Channel(kind="webhook", connection="alerts_chat")


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSink]:
    """A mail server, and the connection alerts_mail to it."""
    with listening(MailSink()) as sink:
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_MAIL", sink.connection())
        yield sink


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookSink]:
    """A webhook, and the connection alerts_chat to it."""
    with listening(WebhookSink()) as sink:
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_CHAT", sink.connection())
        yield sink
