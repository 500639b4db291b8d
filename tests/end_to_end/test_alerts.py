"""Alerts through a real scheduler and dag-processor, to a real mail server and a real webhook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.embedded.components import start, stop
from tests.ports import free_port
from tests.prepared_home import give_databases
from tests.simulated_home import PROJECT
from tests.sinks import MailSink, WebhookSink, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.embedded.rest import AirflowClient

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
DAG_ID = "alert_drill"
DAGS = Path(__file__).with_name("alerting_dags")
CHANNELS = [
    {"kind": "smtp", "connection": "on_call_mail", "to": ["oncall@example.com"]},
    {"kind": "webhook", "connection": "on_call_chat"},
]


@pytest.fixture(scope="module")
def mail() -> Iterator[MailSink]:
    with listening(MailSink()) as sink:
        yield sink


@pytest.fixture(scope="module")
def chat() -> Iterator[WebhookSink]:
    with listening(WebhookSink()) as sink:
        yield sink


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def airflow(home: Path, prepared_home: Path, mail: MailSink, chat: WebhookSink) -> Iterator[AirflowClient]:
    overrides = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW_CONN_ON_CALL_MAIL": mail.connection(),
        "HIGAWARI_ALERTS__CHANNELS": json.dumps(CHANNELS),
        "HIGAWARI_ALERTS__RUNBOOK_URL": "https://wiki.example.com/runbook",
    }
    give_databases(prepared_home, home)
    try:
        client = start(home, free_port(), overrides)
        client.call("POST", "/connections", {"connection_id": "on_call_chat", **json.loads(chat.connection())})
        yield client
    finally:
        stop(home)


@pytest.fixture(scope="module")
def failed_run(airflow: AirflowClient) -> str:
    airflow.wait_for_dag(DAG_ID)
    airflow.unpause(DAG_ID)
    run = airflow.trigger(DAG_ID)
    assert [run.state for run in airflow.wait_for_runs(DAG_ID, [run.run_id], 120)] == ["failed"]
    return run.run_id


def arrived(count: Callable[[], int], at_least: int) -> int:
    """How many messages there are, some seconds after there were enough."""
    end = time.monotonic() + 60
    while count() < at_least and time.monotonic() < end:
        time.sleep(0.5)
    time.sleep(3)
    return count()


def test_a_killed_task_is_named_in_the_one_alert(
    airflow: AirflowClient, failed_run: str, mail: MailSink, chat: WebhookSink
) -> None:
    assert arrived(lambda: min(len(chat.texts), len(mail.mails)), 1) == 1
    assert len(chat.texts) == len(mail.mails) == 1
    states = {task.task_id: task.state for task in airflow.task_instances(DAG_ID, failed_run)}
    assert states == {"succeed": "success", "be_killed": "failed", "refuse": "failed", "follow": "upstream_failed"}
    (text,) = chat.texts
    (failed,) = [line for line in text.splitlines() if line.startswith("Failed: ")]
    assert sorted(failed.removeprefix("Failed: ").split(", ")) == ["be_killed", "refuse"]
    assert "no error was recorded: it was killed" in text
    assert "DataStopError: expected good data; found bad data" in text
    assert "First action: have them mended" in text
    assert "Runbook: https://wiki.example.com/runbook#data-stop-error" in text
    assert "Runbook: https://wiki.example.com/runbook#be_killed" in text
    assert f"/dags/{DAG_ID}/runs/" in text
    assert text.startswith(f"[page] {DAG_ID} ")
    recipients, letter = mail.mails[0]
    assert recipients == ["oncall@example.com"]
    assert letter["Subject"] == text.splitlines()[0]


def test_a_clear_that_fails_in_the_same_way_says_nothing_new_and_a_success_says_so(
    airflow: AirflowClient, failed_run: str, home: Path, chat: WebhookSink, mail: MailSink
) -> None:
    clear(airflow, failed_run)
    assert [run.state for run in airflow.wait_for_runs(DAG_ID, [failed_run], 120)] == ["failed"]
    assert arrived(lambda: len(chat.texts), 2) == 1
    (home / "mended").touch()
    clear(airflow, failed_run)
    assert [run.state for run in airflow.wait_for_runs(DAG_ID, [failed_run], 120)] == ["success"]
    assert arrived(lambda: len(chat.texts), 2) == 2
    assert chat.texts[1].startswith(f"[recovery] {DAG_ID} ")
    assert f"over: {chat.texts[0].splitlines()[0]}" in chat.texts[1]
    assert len(mail.mails) == 2


def test_the_log_has_every_alert_and_no_secret(failed_run: str, home: Path) -> None:
    def logged() -> str:
        return "".join(path.read_text() for path in (home / "airflow" / "logs").rglob("*.log"))

    assert f"[page] {DAG_ID} " in logged()
    assert arrived(lambda: logged().count(f"[recovery] {DAG_ID} "), 1)
    assert "services/secret" not in logged()


@pytest.mark.usefixtures("airflow")
def test_the_command_that_tries_channels_finds_connections_where_airflow_keeps_them(
    home: Path, mail: MailSink, chat: WebhookSink
) -> None:
    environment = os.environ | {
        "AIRFLOW_CONN_ON_CALL_MAIL": mail.connection(),
        "HIGAWARI_ALERTS__CHANNELS": json.dumps(CHANNELS),
    }
    command = ["-m", "include.embedded", "exec", "--home", str(home), "--", "python", "-m"]
    tried = subprocess.run(
        [sys.executable, *command, "include.retraining.alerting.try_channels"],
        env=environment, cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tried.stdout.splitlines() == ["on_call_mail: sent", "on_call_chat: sent"], tried.stderr
    assert tried.returncode == 0
    assert "test message, nothing is wrong" in chat.texts[-1]


def clear(airflow: AirflowClient, run_id: str) -> None:
    body = {"dag_run_id": run_id, "only_failed": True, "reset_dag_runs": True, "dry_run": False}
    airflow.call("POST", f"/dags/{DAG_ID}/clearTaskInstances", body)
