"""Who uses the service: users arrive, are active to very different degrees, and leave."""

from dataclasses import dataclass

import numpy as np

from include.demo.arrays import Floats, Ints, append_rows
from include.demo.photo_service import PhotoService
from include.demo.randomness import lifetimes, stream
from include.demo.taste import Taste, kind_prior

_ACTIVITY_SPREAD = 1.0  # sigma of the log: the busiest tenth makes about two fifths of the visits


@dataclass(frozen=True)
class _Members:
    activity: Floats
    leaves_on: Floats


class Audience:
    """Everyone who ever joined, in order of joining; a user's number is the position."""

    def __init__(self, service: PhotoService) -> None:
        """Welcome the users of the first day."""
        self._service = service
        self.category_taste = Taste(kind_prior(len(service.categories)), service.taste_strength, service.weekly_drift)
        self.style_taste = Taste(kind_prior(service.hidden_styles), service.taste_strength, service.weekly_drift)
        self._members = _Members(np.empty(0), np.empty(0))
        self._welcome(stream(service.seed, "users", 0), service.users, day=0)

    def __len__(self) -> int:
        """Return how many users ever joined."""
        return len(self._members.activity)

    def wake(self, day: int) -> None:
        """Let new users in, and at each new week let tastes drift; call once for each day after the first."""
        rng = stream(self._service.seed, "users", day)
        self._welcome(rng, int(rng.poisson(self._service.daily_arrivals * self._service.users)), day)
        if day % 7 == 0:
            self.category_taste.drift(rng)
            self.style_taste.drift(rng)

    def visitors(self, rng: np.random.Generator, day: int, count: int) -> Ints:
        """Draw the users of `count` visits among those who have not left, by activity."""
        weights = np.where(self._members.leaves_on > day, self._members.activity, 0.0).cumsum()
        if weights[-1] == 0:
            return np.empty(0, dtype=np.int64)
        chosen: Ints = np.searchsorted(weights, rng.random(count) * weights[-1], side="right")
        return chosen

    def _welcome(self, rng: np.random.Generator, count: int, day: int) -> None:
        newcomers = _Members(
            activity=rng.lognormal(0, _ACTIVITY_SPREAD, count),
            leaves_on=day + lifetimes(rng, self._service.daily_churn, count),
        )
        self._members = append_rows(self._members, newcomers)
        self.category_taste.welcome(rng, count)
        self.style_taste.welcome(rng, count)
