"""Which events a publication gets credit for, and when its figures are due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include.retraining.monitoring.credit import current_windows, days_of, held_windows, stage_of
from include.retraining.publication.switch_log import Switch, SwitchLog

FIRST, SECOND = "2026-05-01-aaaaaaaaaaaa", "2026-05-02-bbbbbbbbbbbb"


def at(day: int, hour: int = 3) -> datetime:
    return datetime(2026, 5, day, hour, tzinfo=UTC)


def log(*moves: tuple[str, str, datetime]) -> SwitchLog:
    """Switches as (to, kind, when)."""
    switches, before = [], ""
    for number, (to, kind, when) in enumerate(moves, start=1):
        switches.append(Switch(number, before, to, kind, "who", "why", "run", when))  # type: ignore[arg-type]
        before = to
    return SwitchLog(switches)


DAILY = log((FIRST, "publish", at(1)), (SECOND, "publish", at(2)))


def test_a_publication_is_current_until_the_next_switch() -> None:
    spans = [
        (w.publication_id, w.started_at, w.ended_at, w.open) for w in current_windows(DAILY, date(2026, 5, 4), "UTC")
    ]
    assert spans == [(FIRST, at(1), at(2), False), (SECOND, at(2), at(4, 0), True)]


def test_rule_2_later_switches_are_not_known_yet() -> None:
    (only,) = current_windows(DAILY, date(2026, 5, 2), "UTC")
    assert (only.publication_id, only.ended_at, only.open) == (FIRST, at(2, 0), True)
    assert current_windows(DAILY, date(2026, 5, 1), "UTC") == []


def test_a_rollback_gives_a_publication_a_second_window_and_a_hold_moves_nobody() -> None:
    moved = log(
        (FIRST, "publish", at(1)),
        (SECOND, "publish", at(2)),
        (SECOND, "hold", at(2, 9)),
        (FIRST, "rollback", at(2, 12)),
    )
    windows = current_windows(moved, date(2026, 5, 3), "UTC")
    first = [(w.started_at, w.ended_at) for w in windows if w.publication_id == FIRST]
    second = [(w.started_at, w.ended_at) for w in windows if w.publication_id == SECOND]
    assert first == [(at(1), at(2)), (at(2, 12), at(3, 0))]
    assert second == [(at(2), at(2, 9)), (at(2, 9), at(2, 12))]
    assert days_of([w for w in windows if w.publication_id == FIRST], "UTC") == 2


def test_held_for_7_days_begins_with_the_business_day() -> None:
    (window,) = held_windows([FIRST], date(2026, 5, 20), "Asia/Tokyo")
    assert window.started_at.astimezone(UTC) == datetime(2026, 4, 30, 15, tzinfo=UTC)
    assert window.ended_at - window.started_at == timedelta(days=7)
    assert held_windows([FIRST], date(2026, 5, 1), "UTC") == []


@pytest.mark.parametrize(
    ("age", "stage", "days"),
    [(1, "early", 1), (6, "early", 6), (7, "early", 7), (8, None, 7), (9, None, 7), (10, "matured", 7), (11, None, 7)],
)
def test_a_figure_is_early_until_the_window_is_over_and_matured_once_late_events_are_in(
    age: int, stage: str | None, days: int
) -> None:
    computed_for = date(2026, 5, 1) + timedelta(days=age)
    windows = held_windows([FIRST], computed_for, "UTC")
    assert stage_of(windows, computed_for, mature_days=3, timezone="UTC") == stage
    assert days_of(windows, "UTC") == days


def test_figures_of_a_current_publication_follow_the_day_it_was_left() -> None:
    stages = {}
    for day in range(2, 10):
        computed_for = date(2026, 5, day)
        own = [w for w in current_windows(DAILY, computed_for, "UTC") if w.publication_id == FIRST]
        stages[day] = stage_of(own, computed_for, mature_days=3, timezone="UTC")
    # Left on the 2nd, whose events are there on the 3rd; three days later late ones are too.
    assert stages == {2: "early", 3: "early", 4: None, 5: None, 6: "matured", 7: None, 8: None, 9: None}


def test_without_days_to_mature_the_first_whole_figure_is_final() -> None:
    computed_for = date(2026, 5, 8)
    assert stage_of(held_windows([FIRST], computed_for, "UTC"), computed_for, 0, "UTC") == "matured"
