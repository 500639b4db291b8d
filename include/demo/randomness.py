"""Seeded random streams: one per purpose and day, so that adding days never changes earlier ones."""

from zlib import crc32

import numpy as np

from include.demo.arrays import Floats


def stream(seed: int, purpose: str, day: int = 0) -> np.random.Generator:
    """Return the generator of one purpose on one day (days since the start, >= 0)."""
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(purpose.encode()), day]))


def lifetimes(rng: np.random.Generator, daily_loss: float, count: int) -> Floats:
    """Draw how many whole days (>= 1) each of `count` members stays; infinite when nothing is lost."""
    if daily_loss == 0:
        return np.full(count, np.inf)
    return np.ceil(rng.exponential(1 / daily_loss, count))
