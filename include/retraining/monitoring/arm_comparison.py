"""Whether one arm does better than another: Welch's test on users, sample-ratio mismatch, and too little data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from include.retraining.monitoring.estimates import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.retraining.monitoring.estimates import Estimate
    from include.retraining.settings import Outcomes

Verdict = Literal["better", "worse", "no_difference", "too_little_data", "ratio_mismatch"]
# Rarer than this, arms of these sizes are no accident: Fabijan et al. 2019, doi:10.1145/3292500.3330722.
RATIO_P = 0.0005
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """An arm minus its reference, with the 95 % interval.

    `sample_ratio_p` is how likely arms with these members are by the shares, `came_ratio_p` how likely so many of the
    members come who are measured: lists may bring users, too.
    """

    arm: Estimate
    reference: Estimate
    low: float
    high: float
    sample_ratio_p: float
    came_ratio_p: float
    verdict: Verdict

    @property
    def difference(self) -> float:
        """Of the means."""
        return self.arm.mean - self.reference.mean


def compare(
    arm: Estimate, reference: Estimate, share: float, settings: Outcomes, members: tuple[int, int]
) -> Comparison:
    """Compare an arm, which `share` of the users of both should be in, with the reference.

    `members` are all users of each, whether or not they are measured: who comes is an effect of the lists, so that only
    members show whether users are split as planned.
    Welch 1947, doi:10.1093/biomet/34.1-2.28, as arms differ in size and spread. "No difference" is only said where one
    of `relevant_effect` (a share of the reference's mean) would have been found 4 times in 5.
    """
    users = (arm.users, reference.users)
    ratios = sample_ratio_p(*members, share), sample_ratio_p(*users, members[0] / max(sum(members), 1))
    if min(users) < 2:
        return Comparison(arm, reference, float("nan"), float("nan"), *ratios, "too_little_data")
    error, quantile, detectable = _welch(arm, reference)
    difference = arm.mean - reference.mean
    low, high = difference - quantile * error, difference + quantile * error
    return Comparison(
        arm, reference, low, high, *ratios, _verdict(arm, reference, low, high, ratios[0], detectable, settings)
    )


def who_comes(row: Mapping[str, Any]) -> str:
    """The end of a sentence about a row of ARM_COMPARISONS where more members of one arm came; else nothing."""
    differ = row["came_ratio_p"] is not None and row["came_ratio_p"] < RATIO_P
    return "; the arms differ in who comes: read wanted_items" if differ else ""


def sample_ratio_p(users: int, reference_users: int, share: float) -> float:
    """The probability of arms at least as far from `share` as these: an exact binomial test; 1 without users."""
    from scipy import stats

    total = users + reference_users
    return float(stats.binomtest(users, total, share).pvalue) if total else 1.0


def _welch(arm: Estimate, reference: Estimate) -> tuple[float, float, float]:
    """Standard error of the difference, the t quantile of its interval, and the difference found with POWER."""
    from scipy import stats

    variance = arm.variance + reference.variance
    if not variance:
        return 0.0, 0.0, 0.0
    freedom = variance**2 / (arm.variance**2 / (arm.users - 1) + reference.variance**2 / (reference.users - 1))
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))
    return variance**0.5, quantile, (quantile + float(stats.t.ppf(POWER, freedom))) * variance**0.5


def _verdict(
    arm: Estimate, reference: Estimate, low: float, high: float, ratio_p: float, detectable: float, settings: Outcomes
) -> Verdict:
    if ratio_p < RATIO_P:
        return "ratio_mismatch"
    if min(arm.users, reference.users) < settings.min_users:
        return "too_little_data"
    if low > 0 or high < 0:
        return "better" if low > 0 else "worse"
    # Of nothing there is no share that matters: where nobody of either arm did anything, that says nothing of them.
    relevant = settings.relevant_effect * abs(reference.mean)
    return "no_difference" if 0 < relevant >= detectable else "too_little_data"
