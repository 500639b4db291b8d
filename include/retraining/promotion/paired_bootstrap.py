"""Intervals of a mean, and of a paired difference, by resampling users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 64


@dataclass(frozen=True)
class Interval:
    """A mean over users with its percentile interval (2.5 %, 97.5 %)."""

    mean: float
    low: float
    high: float
    users: int


def bootstrap_mean(values: NDArray[np.float64], samples: int, seed: int) -> Interval:
    """The mean of one value per user, shape (users,), with a percentile bootstrap interval.

    For a paired difference pass the differences per user. Efron and Tibshirani 1993, chapter 13.
    """
    users = len(values)
    if not users:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    generator = np.random.default_rng(seed)
    means = [
        values[generator.integers(0, users, (min(BLOCK, samples - start), users))].mean(axis=1)
        for start in range(0, samples, BLOCK)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high), users)
