"""A question never stays open into the next run, and an answer survives its way through XCom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from include.retraining.approval_task import answer_from, next_start
from include.retraining.promotion.approval import Answer, closing_time

NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
TOMORROW = datetime(2026, 3, 3, 3, tzinfo=UTC)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@pytest.mark.parametrize(
    ("now", "open_hours", "closes_at"),
    [
        (NOW, 12, NOW + hours(12)),
        (NOW, 22, TOMORROW - hours(1)),
        (TOMORROW - hours(1.5), 12, TOMORROW - hours(1)),
        (TOMORROW - hours(1.1), 12, None),  # six minutes are too few to read it
        (TOMORROW - hours(1.1), 0.05, TOMORROW - hours(1.05)),  # unless so few are wanted
        (TOMORROW - hours(0.5), 12, None),
    ],
)
def test_a_question_closes_before_the_next_run_starts(
    now: datetime, open_hours: float, closes_at: datetime | None
) -> None:
    assert closing_time(now, open_hours, TOMORROW) == closes_at


def test_without_a_schedule_only_the_setting_counts() -> None:
    assert closing_time(NOW, 12, None) == NOW + hours(12)


@pytest.mark.parametrize(
    ("timezone", "now", "start"),
    [
        ("UTC", NOW, TOMORROW),
        ("UTC", TOMORROW - hours(0.1), TOMORROW),
        ("Asia/Tokyo", NOW, datetime(2026, 3, 2, 18, tzinfo=UTC)),
        # The night in which clocks go forward in London: 03:00 is 02:00 UTC.
        ("Europe/London", datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC)),
    ],
)
def test_the_next_start_is_that_of_the_dags_cron_in_its_timezone(timezone: str, now: datetime, start: datetime) -> None:
    assert next_start(SimpleNamespace(schedule="0 3 * * *", timezone=timezone), now) == start
    assert next_start(SimpleNamespace(schedule=None, timezone=timezone), now) is None


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        (
            {"chosen_options": ["Approve"], "responded_by_user": {"id": "7", "name": "hana"}},
            Answer("approved", "hana", NOW),
        ),
        (
            {
                "chosen_options": ["Reject"],
                "responded_by_user": {"id": "7", "name": ""},
                "params_input": {"comment": " no "},
            },
            Answer("rejected", "7", NOW, "no"),
        ),
        (
            {"chosen_options": ["Reject"], "responded_by_user": None, "timedout": True},
            Answer("timed_out", "nobody", NOW),
        ),
    ],
)
def test_who_answered_what(event: dict[str, object], answer: Answer) -> None:
    given = answer_from({"params_input": {}, "responded_at": NOW, **event})
    assert given == answer
    assert Answer.from_xcom(given.to_xcom()) == answer
