"""Visits to the service: who comes when, and how many pictures are opened in one go."""

from dataclasses import dataclass

import numpy as np

from include.demo.arrays import Ints
from include.demo.clock import season, times_of_day
from include.demo.world import World


@dataclass(frozen=True)
class Sessions:
    """The sessions of a day, ordered by user and start; all arrays have one entry per session."""

    user: Ints
    start: Ints  # microseconds since midnight
    views: Ints

    @property
    def of_view(self) -> Ints:
        """The session number of each view."""
        return np.repeat(np.arange(len(self.user)), self.views)


def draw_sessions(rng: np.random.Generator, world: World, day: int) -> Sessions:
    """Draw the sessions of a day; busy users come more than once."""
    service = world.service
    views = service.events_per_day / (1 + service.likes_per_view)
    mean = views / service.views_per_session * season(service.event_date(day))
    user = world.audience.visitors(rng, day, int(rng.poisson(mean)))
    start = times_of_day(rng, len(user))
    order = np.lexsort((start, user))
    return Sessions(user[order], start[order], rng.geometric(1 / service.views_per_session, len(user)))
