"""Whether one arm does better than another: Welch's test on users, sample-ratio mismatch, and too little data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.retraining.monitoring.estimates import CONFIDENCE

if TYPE_CHECKING:
    from include.retraining.monitoring.estimates import Estimate
    from include.retraining.settings import Outcomes

Verdict = Literal["better", "worse", "no_difference", "too_little_data", "ratio_mismatch"]
# Rarer than this, arms of these sizes are no accident: Fabijan et al. 2019, doi:10.1145/3292500.3330722.
RATIO_P = 0.0005
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """An arm minus its reference, with the 95 % interval, and how likely arms of these sizes are by the shares."""

    arm: Estimate
    reference: Estimate
    low: float
    high: float
    sample_ratio_p: float
    verdict: Verdict

    @property
    def difference(self) -> float:
        """Of the means."""
        return self.arm.mean - self.reference.mean


def compare(arm: Estimate, reference: Estimate, share: float, settings: Outcomes) -> Comparison:
    """Compare an arm, which `share` of the users of both should be in, with the reference.

    Welch 1947, doi:10.1093/biomet/34.1-2.28, as arms differ in size and spread. "No difference" is only said where one
    of `relevant_effect` (a share of the reference's mean) would have been found 4 times in 5.
    """
    ratio_p = sample_ratio_p(arm.users, reference.users, share)
    if min(arm.users, reference.users) < 2:
        return Comparison(arm, reference, float("nan"), float("nan"), ratio_p, "too_little_data")
    error, quantile, detectable = _welch(arm, reference)
    difference = arm.mean - reference.mean
    low, high = difference - quantile * error, difference + quantile * error
    return Comparison(
        arm, reference, low, high, ratio_p, _verdict(arm, reference, low, high, ratio_p, detectable, settings)
    )


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
    return "no_difference" if detectable <= settings.relevant_effect * abs(reference.mean) else "too_little_data"
