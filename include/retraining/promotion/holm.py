"""Which of many groups lose surely: Holm's correction for how many are looked at."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.retraining.promotion.paired_bootstrap import Interval

NORMAL = NormalDist()
# One-sided: what a 95 % interval leaves above it.
LEVEL = 0.025


def surely_below_zero(intervals: Sequence[Interval]) -> list[bool]:
    """Which differences are below zero, all intervals looked at together.

    Where none of them is, one is called so in at most LEVEL of all cases, as for a single interval, whatever users the
    groups share. The smallest of m p-values is held against LEVEL / m, the next against LEVEL / (m - 1), until one
    fails: Holm 1979, Scandinavian Journal of Statistics 6(2), 65-70.
    """
    values = [_p_value(interval) for interval in intervals]
    order = sorted(range(len(values)), key=values.__getitem__)
    below = [False] * len(values)
    for step, at in enumerate(order):
        if values[at] > LEVEL / (len(values) - step):
            break
        below[at] = True
    return below


def _p_value(interval: Interval) -> float:
    """How likely so low a mean is without a loss, as if normal: Altman and Bland 2011, doi:10.1136/bmj.d2304.

    1 where the interval does not lie below zero by itself: then it is never called so.
    """
    if not interval.high < 0:
        return 1.0
    error = (interval.high - interval.low) / (2 * NORMAL.inv_cdf(1 - LEVEL))
    return NORMAL.cdf(interval.mean / error) if error else 0.0
