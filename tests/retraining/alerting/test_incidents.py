"""What was said is not said again, what is over is said once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from include.retraining.alerting.channels import Delivery
from include.retraining.alerting.incidents import (
    closed_by,
    failures_of,
    heals,
    open_incidents,
    record_alert,
    record_failure,
    was_said,
)
from include.retraining.alerting.readers import UNKNOWN, Readers
from include.retraining.tables import ALERTS, TASK_FAILURES
from tests.retraining.alerting.alerts import DAY, KILLED, RUN, STOPPED, alert, said

HOUR, NEXT_DAY = timedelta(hours=1), replace(RUN, as_of_date=DAY + timedelta(days=1), run_id="next")
SENT = Delivery(("mail",), {"chat": "OSError: gone"})
OLD, FRESH = Readers("", DAY - timedelta(days=1)), Readers("", NEXT_DAY.as_of_date)


def recovered(run=RUN):
    return alert(severity="recovery", kind="recovered", run=run)


def test_rule_3_a_failure_is_kept_once_and_the_last_try_counts(warehouse) -> None:
    for words in (said(try_number=1, error="OSError"), said(), said(), said("ingest", run_id="another run")):
        record_failure(warehouse, words)
    assert warehouse.read(TASK_FAILURES).num_rows == 3
    assert failures_of(warehouse, RUN) == {("publish.stage", -1): said()}
    assert failures_of(None, RUN) == {}


def test_the_same_is_not_said_again_for_a_while(warehouse) -> None:
    assert not was_said(warehouse, alert(KILLED), HOUR)
    record_alert(warehouse, alert(KILLED), SENT)
    assert was_said(warehouse, alert(KILLED), HOUR)
    assert not was_said(warehouse, alert(KILLED), timedelta(0))
    assert not was_said(warehouse, alert(KILLED, STOPPED), HOUR)
    assert not was_said(warehouse, alert(KILLED, run=NEXT_DAY), HOUR)


@pytest.mark.parametrize(("delivery", "said_so"), [(Delivery(broken={"chat": "gone"}), False), (Delivery(), True)])
def test_what_reached_nobody_is_said_again(warehouse, delivery: Delivery, said_so: bool) -> None:
    """Where no channel is wanted, the log is the channel."""
    record_alert(warehouse, alert(KILLED), delivery)
    assert was_said(warehouse, alert(KILLED), HOUR) is said_so


def test_a_failure_after_a_recovery_is_news(warehouse) -> None:
    for sent in (alert(KILLED), recovered()):
        record_alert(warehouse, sent, SENT)
    assert not was_said(warehouse, alert(KILLED), HOUR)


def test_a_failure_that_comes_back_after_another_one_is_news(warehouse) -> None:
    for sent in (alert(KILLED), alert(STOPPED)):
        record_alert(warehouse, sent, SENT)
    assert not was_said(warehouse, alert(KILLED), HOUR)


def test_rule_3_alerts_are_numbered_within_their_run_and_kind(warehouse) -> None:
    for sent in (alert(KILLED), alert(STOPPED), recovered(), alert(KILLED, run=NEXT_DAY)):
        record_alert(warehouse, sent, SENT)
    rows = warehouse.read(ALERTS).to_pylist()
    assert [(row["run_id"] == RUN.run_id, row["kind"], row["number"]) for row in rows] == [
        (False, "run_failed", 1),
        (True, "recovered", 1),
        (True, "run_failed", 1),
        (True, "run_failed", 2),
    ]
    assert rows[0]["delivered"] == ["mail"]
    assert rows[0]["broken"] == ["chat: OSError: gone"]
    assert rows[0]["text"] == alert(KILLED, run=NEXT_DAY).text


def test_a_success_closes_what_was_open_once(warehouse) -> None:
    for sent in (alert(KILLED), alert(kind="publication_late"), alert(kind="run_notices", severity="notice")):
        record_alert(warehouse, sent, SENT)
    assert [row["kind"] for row in closed_by(warehouse, NEXT_DAY, FRESH)] == ["run_failed", "publication_late"]
    assert closed_by(warehouse, replace(NEXT_DAY, dag_id="another"), FRESH) == []
    record_alert(warehouse, recovered(NEXT_DAY), SENT)
    assert open_incidents(warehouse, RUN.dag_id) == closed_by(warehouse, NEXT_DAY, FRESH) == []


@pytest.mark.parametrize("readers", [OLD, UNKNOWN])
@pytest.mark.parametrize(
    "about", [alert(KILLED), alert(kind="publication_late", severity="notice")], ids=["page", "hold"]
)
def test_rule_7_a_success_that_moved_nobody_closes_nothing_about_readers(warehouse, about, readers: Readers) -> None:
    """It was to stage only, or publishing is on hold."""
    record_alert(warehouse, about, SENT)
    assert closed_by(warehouse, RUN, readers) == closed_by(warehouse, NEXT_DAY, readers) == []
    assert closed_by(warehouse, RUN, Readers("", DAY)) == open_incidents(warehouse, RUN.dag_id)


def test_a_success_closes_a_failure_that_kept_readers_from_nothing(warehouse) -> None:
    record_alert(warehouse, alert(KILLED, severity="notice"), SENT)
    assert len(closed_by(warehouse, RUN, OLD)) == 1


@pytest.mark.parametrize(
    ("days_later", "why", "healed"),
    [
        (0, "scheduled", True),
        (1, "scheduled", True),
        (-1, "scheduled", False),
        (0, "backfill", True),
        (1, "backfill", False),
    ],
)
def test_a_later_date_mends_a_day_and_not_a_backfill(days_later: int, why: str, healed: bool) -> None:
    incident = {"as_of_date": DAY, "why": why}
    assert heals({"as_of_date": DAY + timedelta(days=days_later)}, incident) is healed
