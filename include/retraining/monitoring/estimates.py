"""Means per user with intervals: the user is the unit, however many occasions a user has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over occasions, the variance of that mean, and the number of users it comes from."""

    mean: float
    variance: float
    users: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval by Student's t; the mean alone, without width, is never claimed: nan for a single user."""
        from scipy import stats

        if self.users < 2:
            return float("nan"), float("nan")
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, self.users - 1)) * self.variance**0.5
        return self.mean - reach, self.mean + reach


def estimate(totals: NDArray[np.float64], occasions: NDArray[np.float64], idle: int = 0) -> Estimate:
    """The mean per occasion from each user's total and number of occasions, both of shape (users,).

    A user's occasions are not independent, so the variance is that of a ratio of two means over users, by the delta
    method: Deng, Knoblich and Lu 2018, doi:10.1145/3219819.3219919. With one occasion each it is that of a mean.
    `idle` users more had a total of 0 at one occasion each.
    """
    users = len(totals) + idle
    if not users or not occasions.sum() + idle:
        return Estimate(float("nan"), float("nan"), 0)
    per_user = (occasions.sum() + idle) / users
    mean = totals.sum() / users / per_user
    linearised = (totals - mean * occasions) / per_user
    squares = float((linearised**2).sum()) + idle * (mean / per_user) ** 2
    variance = squares / (users - 1) / users if users > 1 else float("nan")
    return Estimate(float(mean), float(variance), users)


def by_user(users: NDArray[np.integer], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each user's total and number of occasions, from one value per occasion and whose it is (any integers)."""
    whose = np.unique(users, return_inverse=True)[1]
    return np.bincount(whose, values).astype(np.float64), np.bincount(whose).astype(np.float64)
