"""Secrets in errors of libraries stay out of messages, and out of the tables that messages are made from."""

from __future__ import annotations

import pytest

from include.recommender.workspace import open_recommender
from include.retraining.alerting.callbacks import keep_failure, report_failed_run
from include.retraining.alerting.channels import deliver
from include.retraining.alerting.incidents import failures_of
from include.retraining.alerting.masking import masked
from include.retraining.settings import Alerts
from tests.byte_search import files_with
from tests.retraining.alerting.alerts import RUN, alert
from tests.retraining.alerting.conftest import CHAT, MAIL
from tests.retraining.alerting.test_callbacks import context

SECRET = "hunter2-Zx9"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"could not reach postgresql://mlflow:{SECRET}@db:5432/mlflow", "postgresql://mlflow:***@db:5432/mlflow"),
        (f"https://:{SECRET}@host/x", "https://:***@host/x"),
        (f"connect(host=db, password={SECRET}, port=1)", "password=***, port=1"),
        (f'{{"api_key": "{SECRET} with spaces", "user": "x"}}', '"api_key": ***, "user": "x"'),
        (f"Authorization: Bearer {SECRET}abc", "Authorization: ***"),
        (f"sent Bearer {SECRET}", "sent Bearer ***"),
        (f"HIGAWARI_HASH_SECRET={SECRET}", "HIGAWARI_HASH_SECRET=***"),
        (f"GET https://h/?token={SECRET}&page=2", "token=***&page=2"),
    ],
)
def test_what_has_the_form_of_a_secret_is_masked(said: str, left: str) -> None:
    assert left in masked(said)
    assert SECRET not in masked(said)


@pytest.mark.parametrize(
    "said",
    [
        "expected landing/events/2026-01-31/_SUCCESS by 06:00; found no such folder",
        "ndcg@10 over own_history +0.1550 [+0.1491, +0.1614]",
        "Log: https://airflow.example.com/dags/recommender_daily/runs/manual__2026-01-31T03:00:00+00:00",
        "user h:0123456789abcdef, model recommender_for_you/3, publication 2026-01-31-0123456789ab",
        "mail to oncall@example.com",
        "set HIGAWARI_HASH_KEY in secrets.env",
    ],
)
def test_what_people_need_stays(said: str) -> None:
    assert masked(said) == said


def test_what_airflow_knows_as_a_secret_is_masked_whatever_its_form() -> None:
    from airflow.sdk.log import mask_secret

    mask_secret("an-unlikely-word-4711")
    assert masked("refused: an-unlikely-word-4711") == "refused: ***"


def test_a_password_in_an_exception_reaches_neither_table_nor_channel(warehouse, mail, chat, monkeypatch) -> None:
    monkeypatch.setenv("HIGAWARI_ALERTS__CHANNELS", '[{"kind": "webhook", "connection": "alerts_chat"}]')
    error = OSError(f"could not reach postgresql://mlflow:{SECRET}@db/mlflow")
    keep_failure(open_recommender, context(exception=error))
    assert failures_of(warehouse, RUN)["stage", -1].message == "could not reach postgresql://mlflow:***@db/mlflow"
    report_failed_run(open_recommender, True, context(reason=f"password={SECRET}"))
    (text,) = chat.texts
    assert "mlflow:***@db" in text
    assert SECRET not in text
    assert files_with(warehouse.folder, SECRET) == []


def test_every_channel_gets_the_masked_text(mail, chat, caplog) -> None:
    deliver(alert(headline=f"token={SECRET}"), Alerts(channels=(MAIL, CHAT)))
    ((_, letter),) = mail.mails
    assert "token=***" in letter["Subject"]
    assert SECRET not in letter.as_string() + chat.texts[0] + caplog.text
