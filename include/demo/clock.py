"""Times within a day, in microseconds, busier in the evening."""

from datetime import UTC, date, datetime

import numpy as np

from include.demo.arrays import Floats, Ints

_HOURLY = np.array([4, 2, 1, 1, 1, 2, 5, 9, 9, 7, 7, 8, 11, 9, 7, 7, 8, 10, 13, 16, 19, 19, 14, 8], dtype=np.float64)
_WEEKDAY = np.array([0.92, 0.90, 0.91, 0.94, 1.00, 1.18, 1.15])  # Monday to Sunday; the mean is 1
SECOND = 1_000_000
DAY = 86_400 * SECOND


def season(day: date) -> float:
    """Return how busy a weekday is compared with the mean of the week."""
    return float(_WEEKDAY[day.weekday()])


def midnight(day: date) -> int:
    """Return the first microsecond of a UTC date since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND


def times_of_day(rng: np.random.Generator, count: int) -> Ints:
    """Draw microseconds since midnight."""
    hours = rng.choice(24, size=count, p=_HOURLY / _HOURLY.sum())
    return ((hours + rng.random(count)) * 3_600 * SECOND).astype(np.int64)


def running_times(starts: Ints, session: Ints, seconds: Floats) -> Ints:
    """Return when each view begins: its session's start plus the seconds of the views before it.

    `session` is the non-decreasing session number of each view. Times stay within the day.
    """
    before = seconds.cumsum() - seconds
    first_view = np.searchsorted(session, session, side="left")
    elapsed = (before - before[first_view]) * SECOND
    return np.minimum(starts[session] + elapsed.astype(np.int64), DAY - 1)
