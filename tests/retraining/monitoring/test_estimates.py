"""Means with intervals whose unit is the user."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from include.retraining.monitoring.estimates import by_user, estimate


def test_with_one_occasion_each_it_is_the_mean_and_students_interval() -> None:
    values = np.random.default_rng(1).gamma(2, 1, 50)
    found = estimate(values, np.ones(50))
    low, high = stats.t.interval(0.95, 49, values.mean(), stats.sem(values))
    assert (found.mean, *found.interval) == pytest.approx((values.mean(), low, high))
    assert found.users == 50


def test_idle_users_count_as_zeros() -> None:
    values = np.random.default_rng(2).gamma(2, 1, 40)
    told, given = estimate(values, np.ones(40), idle=60), estimate(np.r_[values, np.zeros(60)], np.ones(100))
    assert (told.mean, told.variance, told.users) == pytest.approx((given.mean, given.variance, given.users))


def test_occasions_of_a_user_are_not_independent() -> None:
    """The same ten users asked a hundred times each know no more than asked once."""
    values = np.random.default_rng(3).random(10)
    users = np.repeat(np.arange(10), 100)
    once, often = estimate(values, np.ones(10)), estimate(*by_user(users, np.repeat(values, 100)))
    assert often.variance == pytest.approx(once.variance)


def test_the_interval_of_a_ratio_holds_the_truth_95_times_in_100() -> None:
    rng, held = np.random.default_rng(4), 0
    for _ in range(400):
        occasions = 1 + rng.poisson(3, 400)
        rate = rng.beta(3, 7, 400)  # mean 0.3, whatever a user's number of occasions
        low, high = estimate(rng.binomial(occasions, rate).astype(float), occasions.astype(float)).interval
        held += low <= 0.3 <= high
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_claimed_of_nobody_or_of_one_user(count: int) -> None:
    assert np.isnan(estimate(np.ones(count), np.ones(count)).interval).all()
