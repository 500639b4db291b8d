"""An arm that is better is found, equal arms are not told apart, and what cannot be said is not said."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from include.retraining.monitoring.arm_comparison import Comparison, compare, sample_ratio_p, who_comes
from include.retraining.monitoring.estimates import Estimate, estimate
from include.retraining.settings import Experiment, Outcomes

USERS, DAYS, SEEDS = 20_000, 14, 200
SHARE, SETTINGS = Experiment().hold_back_share, Outcomes()
EVEN = 0.5


def simulated_verdicts(lift: float, share: float) -> Counter[str]:
    """Verdicts of SEEDS experiments. Users differ in how often they come (most on few of 14 days) and in how often they
    find what they want (a rate of 0.3 on average); the ranker's arm finds it `lift` more often.
    """  # noqa: D205 (one paragraph)
    verdicts = Counter[str]()
    for seed in range(SEEDS):
        rng = np.random.default_rng([20261128, seed])
        in_arm = rng.random(USERS) >= share
        visits = rng.binomial(DAYS, rng.beta(1, 4, USERS))
        found = rng.binomial(visits, np.minimum(rng.beta(3, 7, USERS) * np.where(in_arm, 1 + lift, 1), 1)).astype(float)
        there = visits > 0
        of_arm, of_rest = (
            estimate(found[there & chosen], visits[there & chosen].astype(float)) for chosen in (in_arm, ~in_arm)
        )
        members = int(in_arm.sum()), int((~in_arm).sum())
        verdicts[compare(of_arm, of_rest, 1 - share, SETTINGS, members).verdict] += 1
    return verdicts


def of_all(arm: Estimate, reference: Estimate, share: float) -> Comparison:
    """The comparison where every member of an arm is measured."""
    return compare(arm, reference, share, SETTINGS, (arm.users, reference.users))


@pytest.mark.parametrize("share", [SHARE, EVEN], ids=["default shares", "even arms"])
def test_an_arm_that_is_10_percent_better_is_found(share: float) -> None:
    verdicts = simulated_verdicts(0.1, share)
    assert verdicts["better"] >= 0.8 * SEEDS, verdicts
    assert not verdicts["worse"]


@pytest.mark.parametrize("share", [SHARE, EVEN], ids=["default shares", "even arms"])
def test_equal_arms_are_seldom_called_different(share: float) -> None:
    verdicts = simulated_verdicts(0.0, share)
    different = SEEDS - verdicts["no_difference"] - verdicts["too_little_data"]
    assert different <= 0.07 * SEEDS, verdicts


def test_no_difference_is_said_only_where_a_relevant_one_would_have_been_found() -> None:
    precise, vague = Estimate(0.3, 1e-5, 5000), Estimate(0.3, 4e-4, 5000)
    assert of_all(precise, precise, EVEN).verdict == "no_difference"
    assert of_all(vague, vague, EVEN).verdict == "too_little_data"


def test_arms_of_which_nobody_did_anything_cannot_be_told_apart_for_lack_of_data() -> None:
    assert of_all(Estimate(0.0, 0.0, 5000), Estimate(0.0, 0.0, 263), 0.95).verdict == "too_little_data"
    # Where all of both did the very same, a relevant difference would have shown.
    assert of_all(Estimate(3.0, 0.0, 5000), Estimate(3.0, 0.0, 263), 0.95).verdict == "no_difference"


@pytest.mark.parametrize("users", [0, 1, SETTINGS.min_users - 1])
def test_few_users_are_too_little_data_however_large_the_difference(users: int) -> None:
    few = Estimate(0.9 if users else float("nan"), 1e-6 if users > 1 else float("nan"), users)
    found = of_all(Estimate(0.1, 1e-6, 100), few, EVEN)
    assert found.verdict in ("too_little_data", "ratio_mismatch")
    assert of_all(few, few, EVEN).verdict == "too_little_data"


def test_arms_whose_sizes_are_no_accident_are_not_compared() -> None:
    better, worse = Estimate(0.4, 1e-6, 9300), Estimate(0.3, 1e-6, 700)
    found = of_all(better, worse, 0.95)
    assert found.verdict == "ratio_mismatch"
    assert found.sample_ratio_p < 1e-6
    assert of_all(better, Estimate(0.3, 1e-6, 490), 0.95).verdict == "better"


def test_lists_that_bring_more_users_are_no_reason_to_distrust_the_arms() -> None:
    """Of 140,000 users 5 % are held back, and 7 % more of the others come: an effect of the lists, so only said."""
    came, of_reference = Estimate(0.31, 1e-7, 71_155), Estimate(0.25, 2e-5, 3500)
    found = compare(came, of_reference, 0.95, SETTINGS, members=(133_000, 7000))
    assert found.verdict == "better"
    assert found.sample_ratio_p == 1
    assert who_comes({"came_ratio_p": found.came_ratio_p}) == "; the arms differ in who comes: read wanted_items"
    as_many = compare(Estimate(0.31, 1e-7, 66_500), of_reference, 0.95, SETTINGS, members=(133_000, 7000))
    assert who_comes({"came_ratio_p": as_many.came_ratio_p}) == who_comes({"came_ratio_p": None}) == ""
    lost = compare(came, of_reference, 0.95, SETTINGS, members=(133_000, 6000))
    assert lost.verdict == "ratio_mismatch"


def test_the_difference_has_the_interval_of_welch() -> None:
    from scipy import stats

    rng = np.random.default_rng(5)
    one, other = rng.normal(1.1, 1, 900), rng.normal(1, 3, 150)
    found = of_all(estimate(one, np.ones(900)), estimate(other, np.ones(150)), 6 / 7)
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_sample_ratio_is_judged_exactly() -> None:
    assert sample_ratio_p(0, 0, 0.95) == 1
    assert sample_ratio_p(19_000, 1000, 0.95) > 0.9
    assert sample_ratio_p(19_000, 1150, 0.95) < 0.0005
