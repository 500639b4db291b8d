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


def bootstrap_mean(
    values: NDArray[np.float64], samples: int, seed: int, users: NDArray[np.object_] | None = None
) -> Interval:
    """The mean of values, shape (n,), with a percentile bootstrap interval.

    Each value is one user's, or `users` (shape (n,)) says whose: then all values of a user are drawn together, as they
    are not independent. For a paired difference pass differences. Efron and Tibshirani 1993, chapter 13.
    """
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    whose = np.arange(len(values)) if users is None else np.unique(users, return_inverse=True)[1]
    sums, counts = np.bincount(whose, values), np.bincount(whose).astype(np.float64)
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, samples, BLOCK):
        drawn = generator.integers(0, len(sums), (min(BLOCK, samples - start), len(sums)))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high), len(sums))
