"""Rule 9 rests on intervals that mean what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from include.retraining.promotion.paired_bootstrap import BLOCK, Interval, bootstrap_mean


def draws(seed: int, users: int = 150) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, 1.0, users)


def test_the_mean_is_the_mean_of_the_users_and_lies_in_the_interval() -> None:
    values = draws(1)
    interval = bootstrap_mean(values, 500, seed=1)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low < interval.mean < interval.high
    assert interval.users == 150


def test_rule_3_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    assert bootstrap_mean(draws(1), 300, seed=7) == bootstrap_mean(draws(1), 300, seed=7)
    assert bootstrap_mean(draws(1), 300, seed=7).low != bootstrap_mean(draws(1), 300, seed=8).low


def test_nineteen_of_twenty_intervals_hold_the_true_mean() -> None:
    intervals = [bootstrap_mean(draws(seed), 300, seed) for seed in range(200)]
    held = sum(interval.low <= 0.3 <= interval.high for interval in intervals)
    assert 180 <= held <= 198


def test_the_width_is_that_of_the_normal_interval_and_shrinks_with_more_users() -> None:
    few, many = (bootstrap_mean(draws(3, users), 1000, 3) for users in (100, 10_000))
    assert few.high - few.low == pytest.approx(2 * 1.96 * draws(3, 100).std() / 10, rel=0.15)
    assert many.high - many.low == pytest.approx(2 * 1.96 / 100, rel=0.15)


@pytest.mark.parametrize("samples", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_blocks_add_up_to_the_samples_asked_for(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    percentile = np.percentile
    monkeypatch.setattr(np, "percentile", lambda means, q: (seen.append(len(means)), percentile(means, q))[1])
    bootstrap_mean(draws(1), samples, 1)
    assert seen == [samples]


def test_no_users_have_no_interval() -> None:
    interval = bootstrap_mean(np.array([]), 100, 1)
    assert interval.users == 0
    assert all(math.isnan(value) for value in (interval.mean, interval.low, interval.high))


def ids(users: int, rows_each: int) -> np.ndarray:
    return np.repeat(np.array([f"u{user:04d}" for user in range(users)], object), rows_each)


def test_a_user_who_says_the_same_every_week_counts_once() -> None:
    """Weeks of one user are no new evidence: the interval is that of the users, not of their rows."""
    values = draws(4, 100)
    thrice = np.repeat(values, 3)
    once, by_user = bootstrap_mean(values, 500, 4), bootstrap_mean(thrice, 500, 4, ids(100, 3))
    assert (by_user.mean, by_user.low, by_user.high) == pytest.approx((once.mean, once.low, once.high))
    assert by_user.users == 100
    as_if_independent = bootstrap_mean(thrice, 500, 4)
    width, narrow = by_user.high - by_user.low, as_if_independent.high - as_if_independent.low
    assert width == pytest.approx(narrow * np.sqrt(3), rel=0.15)


def test_one_value_per_user_is_the_plain_bootstrap() -> None:
    values = draws(5, 40)
    assert bootstrap_mean(values, 300, 5, ids(40, 1)) == bootstrap_mean(values, 300, 5)


def test_a_user_of_many_rows_weighs_as_much_as_the_rows() -> None:
    values, users = np.array([1.0, 1.0, 1.0, 0.0]), np.array(["a", "a", "a", "b"], object)
    interval = bootstrap_mean(values, 2000, 1, users)
    assert interval.mean == 0.75
    assert (interval.low, interval.high) == (0.0, 1.0)  # only b is drawn, or only a
    assert interval.users == 2


def test_rule_3_the_order_of_rows_does_not_matter_where_users_are_named() -> None:
    values, users = draws(6, 60), ids(20, 3)
    order = np.random.default_rng(6).permutation(60)
    shuffled = bootstrap_mean(values[order], 200, 6, users[order])
    straight = bootstrap_mean(values, 200, 6, users)
    assert (shuffled.mean, shuffled.low, shuffled.high) == pytest.approx((straight.mean, straight.low, straight.high))


def test_equal_users_have_an_interval_of_one_point() -> None:
    assert bootstrap_mean(np.full(20, 0.25), 100, 1) == Interval(0.25, 0.25, 0.25, 20)
