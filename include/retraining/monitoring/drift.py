"""How far a day, or a week, lies from its reference, and whether that is farther than usual.

Distances are Jensen-Shannon distances between shares of fixed bins, 0 (equal) to 1 (nothing in common): Lin 1991,
doi:10.1109/18.61115; a metric by Endres and Schindelin 2003, doi:10.1109/TIT.2003.813506.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from include.retraining.settings import Drift

    # Counts of the bins of one name, by day.
    Days = Mapping[date, Mapping[str, int]]

STATISTIC = "jensen_shannon_distance"
WEEK = 7
# Rarer bins count together: a long tail of them would only add noise.
MOST_BINS = 50
# A median absolute deviation of a normal distribution, times this, is its standard deviation.
NORMAL = 1.4826


@dataclass(frozen=True)
class Distance:
    """How far, from how many rows; `threshold` is the farthest that is still usual."""

    value: float
    threshold: float
    rows: int
    reference_rows: int
    reference: str

    @property
    def drifted(self) -> bool:
        """Whether it is farther than usual."""
        return self.value > self.threshold


def days_before(day: date, count: int) -> list[date]:
    """The `count` days before a day, oldest first."""
    return [day - timedelta(days=back) for back in range(count, 0, -1)]


def short_drift(days: Days, day: date, rules: Drift) -> Distance | None:
    """One day against the same weekday of the last weeks; None without two of those.

    Usual is how far each day of those weeks lies from its own weekday in the other weeks: that holds what a sample of
    this size, and this business, moves by itself, and no rhythm of the week. The last six days are no part of it, or a
    change would pass for usual before the week is over.
    """
    same = [day - timedelta(days=WEEK * back) for back in range(1, rules.reference_weeks + 1)]
    before_last_week = day - timedelta(days=WEEK - 1)
    earlier = [each for each in days_before(before_last_week, WEEK * rules.reference_weeks) if each in days]
    reference = [each for each in same if each in days]
    if day not in days or len(reference) < 2:
        return None
    shares = _Shares(days, [*earlier, day])
    usual = [
        shares.distance([each], others)
        for each in earlier
        if (others := [other for other in earlier if other != each and (other - each).days % WEEK == 0])
    ]
    said = f"the same weekday of {len(reference)} weeks, {min(reference)} to {max(reference)}"
    return shares.compared([day], reference, _threshold(usual, rules.short_floor, rules), said)


def long_drift(days: Days, week: Sequence[date], reference: Sequence[date], rules: Drift, said: str) -> Distance | None:
    """A week against a longer time before it; None where that holds less than two weeks, or half the week is missing.

    Usual is how far each week within the reference lies from the rest of it. `said` tells what the reference is.
    """
    recent = [day for day in week if day in days]
    known = sorted(day for day in reference if day in days)
    weeks = [[day for day in known if 0 <= (day - start).days < WEEK] for start in known]
    whole = [inside for inside in weeks if len(inside) == WEEK and len(known) >= 2 * WEEK]
    if not whole or 2 * len(recent) <= len(week):
        return None
    shares = _Shares(days, [*known, *recent])
    usual = [shares.distance(inside, [day for day in known if day not in inside]) for inside in whole]
    return shares.compared(recent, known, _threshold(usual, rules.long_floor, rules), said)


def _threshold(usual: Sequence[float], floor: float, rules: Drift) -> float:
    """The floor, and the median of what is usual with `spread_factor` robust deviations of it.

    Medians, so that one odd day of the past hides nothing.
    """
    middle = float(np.median(usual))
    deviation = NORMAL * float(np.median(np.abs(np.subtract(usual, middle))))
    return min(floor + middle + rules.spread_factor * deviation, 1.0)


class _Shares:
    """Shares of the bins by day. Days weigh alike, whatever their volume: a busy day is not a typical one."""

    def __init__(self, days: Days, used: Iterable[date]) -> None:
        self._at = {day: position for position, day in enumerate(dict.fromkeys(used))}
        counts: dict[str, NDArray[np.float64]] = {}
        for day, position in self._at.items():
            for bin_name, count in days[day].items():
                counts.setdefault(bin_name, np.zeros(len(self._at)))[position] = count
        by_size = sorted(counts, key=lambda name: (-counts[name].sum(), name))
        kept, rare = by_size[:MOST_BINS], by_size[MOST_BINS:]
        columns = [counts[name] for name in kept]
        columns += [np.sum([counts[name] for name in rare], axis=0)] if rare else []
        matrix = np.stack(columns, axis=1)
        self._rows = matrix.sum(axis=1)
        self._shares = matrix / self._rows[:, None]

    def distance(self, one: Sequence[date], other: Sequence[date]) -> float:
        """Between the mean shares of some days and those of others."""
        return jensen_shannon_distance(self._mean(one), self._mean(other))

    def compared(self, days: Sequence[date], reference: Sequence[date], threshold: float, said: str) -> Distance:
        """With the numbers of rows on both sides."""
        rows, reference_rows = (int(sum(self._rows[self._at[day]] for day in side)) for side in (days, reference))
        return Distance(self.distance(days, reference), threshold, rows, reference_rows, said)

    def _mean(self, days: Sequence[date]) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = self._shares[[self._at[day] for day in days]].mean(axis=0)
        return mean


def jensen_shannon_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Between two vectors of shares, to base 2; 12 decimals, so that equal shares are 0 whatever they were summed from.

    scipy.spatial.distance.jensenshannon is the same; it gives NaN where rounding makes the divergence negative.
    """
    middle = (one + other) / 2
    divergence = (_relative_entropy(one, middle) + _relative_entropy(other, middle)) / 2
    return float(np.sqrt(max(round(divergence, 12), 0.0)))


def _relative_entropy(shares: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    there = shares > 0
    return float(np.sum(shares[there] * np.log2(shares[there] / reference[there])))
