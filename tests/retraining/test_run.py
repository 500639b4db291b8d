"""Rule 1: one date, decided in one place."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from include.retraining.errors import AsOfDateError
from include.retraining.run import Run, decide_as_of_date, run_from_context

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "Asia/Tokyo", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def test_rule_1_the_parameter_wins_over_the_logical_date() -> None:
    assert decide_as_of_date("2026-03-01", NOON, NOON, "UTC", NOON) == date(2026, 3, 1)


def test_rule_1_the_logical_date_wins_over_run_after() -> None:
    assert decide_as_of_date(None, NOON - timedelta(days=2), NOON, "UTC", NOON) == date(2026, 3, 8)


@pytest.mark.parametrize("param", [None, ""])
def test_rule_1_run_after_decides_where_there_is_nothing_else(param: str | None) -> None:
    assert decide_as_of_date(param, None, NOON, "UTC", NOON) == date(2026, 3, 10)


@pytest.mark.parametrize(
    ("moment", "timezone", "expected"),
    [
        ("2026-03-09T14:59:59+00:00", "Asia/Tokyo", date(2026, 3, 9)),
        ("2026-03-09T15:00:00+00:00", "Asia/Tokyo", date(2026, 3, 10)),
        ("2026-03-09T18:00:00+00:00", "Asia/Tokyo", date(2026, 3, 10)),
        ("2026-03-08T07:59:59+00:00", "America/Los_Angeles", date(2026, 3, 7)),
        ("2026-03-08T10:30:00+00:00", "America/Los_Angeles", date(2026, 3, 8)),
        ("2026-03-09T00:00:00+09:00", "UTC", date(2026, 3, 8)),
    ],
)
def test_rule_1_a_moment_counts_as_its_date_in_the_business_timezone(
    moment: str, timezone: str, expected: date
) -> None:
    assert decide_as_of_date(None, datetime.fromisoformat(moment), None, timezone, NOON) == expected


def test_rule_1_tomorrow_is_refused() -> None:
    with pytest.raises(AsOfDateError) as refused:
        decide_as_of_date("2026-03-11", None, None, "UTC", NOON)
    assert refused.value.expected == "a date up to today (2026-03-10, UTC)"
    assert refused.value.found == "2026-03-11"
    assert "earlier as_of_date" in refused.value.next_step


def test_rule_1_today_is_the_business_timezones_today() -> None:
    evening = datetime(2026, 3, 10, 16, tzinfo=UTC)
    assert decide_as_of_date("2026-03-11", None, None, "Asia/Tokyo", evening) == date(2026, 3, 11)
    with pytest.raises(AsOfDateError):
        decide_as_of_date("2026-03-11", None, None, "UTC", evening)


@pytest.mark.parametrize("param", ["yesterday", "2026-02-30", "10/03/2026", "2026-03", "'; DROP TABLE events"])
def test_rule_1_nonsense_is_refused_with_what_to_write(param: str) -> None:
    with pytest.raises(AsOfDateError) as refused:
        decide_as_of_date(param, NOON, NOON, "UTC", NOON)
    assert refused.value.expected == "as_of_date as YYYY-MM-DD"
    assert refused.value.found == repr(param)
    assert "2026-01-31" in refused.value.next_step


def test_rule_1_a_run_without_any_date_is_refused() -> None:
    with pytest.raises(AsOfDateError) as refused:
        decide_as_of_date(None, None, None, "UTC", NOON)
    assert refused.value.found == "none of them"


@given(moment=MOMENTS, run_after=MOMENTS, now=MOMENTS, timezone=ZONES)
@checked(deadline=None, database=None)
def test_rule_1_the_date_is_the_logical_dates_and_never_after_today(
    moment: datetime, run_after: datetime, now: datetime, timezone: str
) -> None:
    local, today = (instant.astimezone(ZoneInfo(timezone)).date() for instant in (moment, now))
    if local > today:
        with pytest.raises(AsOfDateError):
            decide_as_of_date(None, moment, run_after, timezone, now)
    else:
        assert decide_as_of_date(None, moment, run_after, timezone, now) == local
        assert decide_as_of_date(local.isoformat(), None, run_after, timezone, now) == local


def context(params: dict[str, Any], **dag_run: Any) -> dict[str, Any]:
    defaults = {"dag_id": "", "run_id": "manual__1", "run_type": "manual", "logical_date": None, "run_after": NOON}
    return {"dag_run": SimpleNamespace(**{**defaults, **dag_run}), "params": params}


def test_a_run_triggered_without_a_logical_date_goes_by_run_after() -> None:
    run = run_from_context(context({}), "Asia/Tokyo")
    assert run == Run(date(2026, 3, 10), "manual__1", "manual")


def test_a_run_takes_its_choices_from_the_parameters() -> None:
    params = {
        "as_of_date": "2026-03-02", "reason": "new photos", "train": "force", "publish": "stage_only",
        "data_checks": "accept",
    }  # fmt: skip
    run = run_from_context(context(params, logical_date=NOON), "UTC")
    assert run == Run(date(2026, 3, 2), "manual__1", "manual", "new photos", "force", "stage_only", "accept")


def test_an_empty_reason_is_no_reason() -> None:
    assert run_from_context(context({"reason": None, "as_of_date": None}), "UTC").reason == ""


def test_why_is_the_text_of_airflows_run_type() -> None:
    run = run_from_context(context({}, run_type=SimpleNamespace(value="backfill")), "UTC")
    assert run.why == "backfill"


def test_rule_1_the_data_interval_is_never_looked_at() -> None:
    given_context = context({}, logical_date=NOON)
    given_context |= {"data_interval_start": NOON - timedelta(days=9), "data_interval_end": NOON - timedelta(days=8)}
    assert run_from_context(given_context, "UTC").as_of_date == NOON.date()


def test_rule_2_the_business_day_is_the_day_before() -> None:
    assert Run(date(2026, 3, 1), "r", "manual").business_day == date(2026, 2, 28)
