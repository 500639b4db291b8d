"""Volume against the same weekday of earlier weeks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from include.recommender.checks.volume import volume_checks
from include.retraining.quality.aggregates import check_aggregates
from include.retraining.quality.verdict import verdict_of
from include.retraining.settings import Quality

SATURDAY = date(2026, 1, 10)


def volumes(today: int, usual: int, weeks: int = 5) -> dict[date, int]:
    """`usual` events on every earlier Saturday and 100 on all other days; a day without events is left out."""
    earlier = [SATURDAY - timedelta(days=back) for back in range(1, 7 * weeks + 1)]
    found = {day: usual if day.weekday() == SATURDAY.weekday() else 100 for day in earlier}
    return {day: count for day, count in {**found, SATURDAY: today}.items() if count}


def judge(found: dict[date, int], quality: Quality | None = None) -> tuple[str, set[str]]:
    results = check_aggregates(volume_checks(found, SATURDAY, quality or Quality()))
    return verdict_of(results), {result.name for result in results if result.outcome == "failed"}


@pytest.mark.parametrize(
    ("today", "verdict", "failed"),
    [
        (100, "pass", set()),
        (60, "pass", set()),
        (59, "warn", {"events.volume_low"}),
        (30, "warn", {"events.volume_low"}),
        (29, "stop", {"events.volume_low", "events.volume_far_too_low"}),
        (0, "stop", {"events.volume_low", "events.volume_far_too_low"}),
        (200, "pass", set()),
        (201, "warn", {"events.volume_high"}),
        (100_000, "warn", {"events.volume_high"}),
    ],
)
def test_thresholds(today: int, verdict: str, failed: set[str]) -> None:
    assert judge(volumes(today, 100)) == (verdict, failed)


def test_a_closed_saturday_raises_no_alarm() -> None:
    assert judge(volumes(today=0, usual=0)) == ("pass", set())


def test_rows_on_a_closed_day_are_noted_only() -> None:
    assert judge(volumes(today=7, usual=0)) == ("pass", {"events.on_a_closed_day"})


@pytest.mark.parametrize("weeks", [0, 1])
def test_a_short_history_has_nothing_to_compare_with(weeks: int) -> None:
    assert judge(volumes(today=1, usual=100, weeks=weeks)) == ("pass", set())


def test_one_week_is_enough_when_the_settings_look_back_one_week() -> None:
    assert judge(volumes(today=1, usual=100, weeks=1), Quality(volume_weeks=1))[0] == "stop"


def test_one_odd_week_does_not_move_the_median() -> None:
    found = volumes(today=100, usual=100) | {SATURDAY - timedelta(weeks=1): 9000}
    assert judge(found) == ("pass", set())


def test_a_day_that_went_missing_before_warns_and_a_closed_one_does_not() -> None:
    """A stopped day leaves a hole that the next run must not overlook."""
    found = volumes(100, 100)
    closed = {day: count for day, count in found.items() if day.weekday() != 2}
    assert judge(closed) == ("pass", set())
    del found[SATURDAY - timedelta(days=2)]
    assert judge(found) == ("warn", {"events.days_missing"})
