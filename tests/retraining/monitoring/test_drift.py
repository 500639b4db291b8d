"""Distances between days do not depend on volume, and only what is farther than usual counts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from include.retraining.monitoring.drift import (
    MOST_BINS,
    WEEK,
    days_before,
    jensen_shannon_distance,
    long_drift,
    short_drift,
)
from include.retraining.settings import Drift

if TYPE_CHECKING:
    from include.retraining.monitoring.drift import Distance

RULES = Drift()
DAY = date(2026, 5, 1)
WEEKDAY_SHARES, WEEKEND_SHARES = (0.5, 0.3, 0.2), (0.2, 0.3, 0.5)
Days = dict[date, dict[str, int]]
counts = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)


def drawn(seed: int, events: int, until: date = DAY, weeks: int = 10) -> Days:
    """Days that differ by weekday and by chance, and in nothing else."""
    rng = np.random.default_rng(seed)
    return {
        day: dict(zip("abc", map(int, rng.multinomial(events, shares_of(day))), strict=True))
        for day in [*days_before(until, WEEK * weeks), until]
    }


def shares_of(day: date) -> tuple[float, float, float]:
    return WEEKEND_SHARES if day.weekday() >= 5 else WEEKDAY_SHARES


def times(days: Days, factor: int) -> Days:
    return {day: {name: count * factor for name, count in bins.items()} for day, bins in days.items()}


def short(days: Days, day: date = DAY, rules: Drift = RULES) -> Distance:
    found = short_drift(days, day, rules)
    assert found is not None
    return found


def long(days: Days, day: date = DAY, rules: Drift = RULES) -> Distance:
    week = days_before(day + timedelta(days=1), WEEK)
    found = long_drift(days, week, days_before(week[0], 4 * WEEK), rules, "four weeks")
    assert found is not None
    return found


@given(counts, counts)
def test_the_distance_is_scipys(one: list[int], other: list[int]) -> None:
    shares = [np.array(values, float) / sum(values) for values in (one, other)]
    expected = np.nan_to_num(jensenshannon(*shares, base=2))
    assert jensen_shannon_distance(*shares) == pytest.approx(expected, abs=1e-6)


@given(counts, st.integers(1, 50))
def test_equal_distributions_are_at_distance_0(bins: list[int], factor: int) -> None:
    days = {day: dict(zip("abc", bins, strict=True)) for day in [*days_before(DAY, 70), DAY]}
    days[DAY] = {name: count * factor for name, count in days[DAY].items()}
    for found in (short(days), long(days)):
        assert (found.value, found.drifted) == (0.0, False)


@given(st.integers(0, 10_000))
def test_every_row_ten_times_changes_no_distance_and_no_threshold(seed: int) -> None:
    days = drawn(seed, 500)
    for look in (short, long):
        once, often = look(days), look(times(days, 10))
        assert (often.value, often.threshold) == pytest.approx((once.value, once.threshold))
        assert often.rows == 10 * once.rows


def test_a_busy_day_weighs_no_more_than_others() -> None:
    days = drawn(1, 500)
    busy = days | {
        DAY - timedelta(days=7): {name: 100 * count for name, count in days[DAY - timedelta(days=7)].items()}
    }
    assert short(busy).value == pytest.approx(short(days).value)


@pytest.mark.parametrize("events", [100, 1_000, 100_000])
def test_chance_and_weekends_raise_no_alarm_in_samples_of_any_size(events: int) -> None:
    for seed in range(20):
        days = drawn(seed, events)
        last_week = [DAY - timedelta(days=back) for back in range(WEEK)]
        assert not any(short(days, day).drifted for day in last_week), seed
        assert not long(days).drifted, seed


def test_a_weekend_is_compared_with_weekends() -> None:
    saturday = DAY + timedelta(days=1)
    days = drawn(1, 5_000, saturday)
    swapped = days | {saturday: days[saturday - timedelta(days=1)]}
    assert (short(days, saturday).drifted, short(swapped, saturday).drifted) == (False, True)


def test_a_change_is_seen_for_a_whole_week_though_it_becomes_the_past_of_its_own_days() -> None:
    days = drawn(1, 5_000, DAY + timedelta(days=6))
    for day in [DAY + timedelta(days=after) for after in range(WEEK)]:
        days[day] = {"a": 1_000, "b": 1_000, "c": 8_000}
        assert short(days, day).drifted, day


def test_one_odd_day_of_the_past_hides_no_change() -> None:
    days = drawn(1, 5_000)
    days[DAY - timedelta(days=14)] = {"a": 0, "b": 0, "c": 5_000}
    before = short(days).threshold
    assert before < 0.15
    assert short(days | {DAY: {"a": 1_000, "b": 1_000, "c": 8_000}}).drifted


def test_small_changes_that_stay_are_long_drift_and_no_short_one() -> None:
    days = drawn(1, 20_000)
    for day in days_before(DAY + timedelta(days=1), WEEK):
        a, b, c = (int(20_000 * share) for share in shares_of(day))
        days[day] = {"a": a - 900, "b": b, "c": c + 900}
    assert long(days).drifted
    assert not short(days).drifted


def test_too_little_to_compare_with_gives_nothing_rather_than_an_alarm() -> None:
    days = drawn(1, 500)
    young = {day: bins for day, bins in days.items() if day > DAY - timedelta(days=13)}
    assert short_drift(young, DAY, RULES) is None
    assert short_drift(days, DAY + timedelta(days=1), RULES) is None
    week = days_before(DAY + timedelta(days=1), WEEK)
    assert long_drift(days, week, days_before(week[0], 13), RULES, "") is None
    assert long_drift(days, week, [], RULES, "") is None
    assert long_drift(days, days_before(DAY + timedelta(days=6), WEEK), days_before(week[0], 28), RULES, "") is None


def test_what_was_never_seen_before_counts_and_rare_bins_count_together() -> None:
    days = drawn(1, 5_000)
    assert short(days | {DAY: {"new": 5_000}}).value == pytest.approx(1.0)
    tail = {f"t{number:03d}": 1 for number in range(200)}
    other_tail = {f"u{number:03d}": 1 for number in range(200)}
    wide = {day: {**{f"n{bin_}": 100 for bin_ in range(MOST_BINS)}, **tail} for day in days}
    assert short(wide | {DAY: {**{f"n{bin_}": 100 for bin_ in range(MOST_BINS)}, **other_tail}}).value == 0.0


def test_the_settings_decide_what_is_usual() -> None:
    days = drawn(1, 300)
    strict = Drift(short_floor=0, long_floor=0, spread_factor=0)
    assert short(days, rules=strict).threshold < short(days).threshold - RULES.short_floor + 1e-9
    assert long(days, rules=Drift(long_floor=1)).threshold == 1.0
