"""Of many groups without a loss few are called losers; a real loss is found among them."""

from __future__ import annotations

import numpy as np
import pytest

from include.retraining.promotion.holm import LEVEL, NORMAL, surely_below_zero
from include.retraining.promotion.paired_bootstrap import Interval

WIDTH = NORMAL.inv_cdf(1 - LEVEL)


def at(errors: float) -> Interval:
    """A difference so many standard errors from zero."""
    return Interval(errors, errors - WIDTH, errors + WIDTH, 100)


def p(value: float) -> Interval:
    """A difference of this one-sided p-value."""
    return at(NORMAL.inv_cdf(value))


@pytest.mark.parametrize("groups", [1, 10, 30])
def test_without_a_loss_any_is_called_one_as_seldom_as_for_one_interval(groups: int) -> None:
    rng, trials = np.random.default_rng(20260501), 2000
    wrong = sum(any(surely_below_zero([at(draw) for draw in rng.normal(size=groups)])) for _ in range(trials))
    assert wrong / trials == pytest.approx(LEVEL, abs=0.011)  # three standard errors


def test_the_smallest_p_value_is_held_against_all_and_each_next_against_one_fewer() -> None:
    """Four groups: bounds of .00625, .00833, .0125 and .025; the second of the last fails, so the third does."""
    for values, below in (
        ((0.006, 0.008, 0.012, 0.024), (True, True, True, True)),
        ((0.024, 0.006, 0.012, 0.008), (True, True, True, True)),
        ((0.007, 0.008, 0.012, 0.024), (False, False, False, False)),
        ((0.006, 0.009, 0.012, 0.5), (True, False, False, False)),
    ):
        assert surely_below_zero([p(value) for value in values]) == list(below)


def test_an_interval_that_holds_zero_or_is_none_is_never_below() -> None:
    skewed, unknown = Interval(-1.0, -1.1, 0.0, 100), Interval(float("nan"), float("nan"), float("nan"), 0)
    assert surely_below_zero([skewed, unknown]) == [False, False]
    assert surely_below_zero([Interval(-0.1, -0.1, -0.1, 100), at(2.0)]) == [True, False]
    assert surely_below_zero([]) == []
