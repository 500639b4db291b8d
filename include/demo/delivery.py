"""How events reach the landing zone: mostly the next day, some late, some twice."""

from collections import defaultdict

import numpy as np
import pyarrow as pa

from include.demo.event_rows import EVENTS_SCHEMA
from include.demo.photo_service import PhotoService
from include.demo.randomness import stream

MOST_DAYS_LATE = 3


class Delivery:
    """Keeps late rows until their day; a copy of an event travels on its own and may be late by itself."""

    def __init__(self, service: PhotoService) -> None:
        """Start with nothing under way."""
        self._service = service
        self._under_way: defaultdict[int, list[pa.Table]] = defaultdict(list)

    def deliver(self, events: pa.Table, day: int) -> pa.Table:
        """Take the events of a day; return what arrives the day after, late rows of earlier days included."""
        rng = stream(self._service.seed, "delivery", day)
        doubled = np.flatnonzero(rng.random(len(events)) < self._service.duplicate_share)
        sent = np.sort(np.concatenate([np.arange(len(events)), doubled]))
        is_late = rng.random(len(sent)) < self._service.late_share
        days_late = np.where(is_late, rng.integers(1, MOST_DAYS_LATE + 1, len(sent)), 0)
        for delay in range(MOST_DAYS_LATE + 1):
            self._under_way[day + delay].append(events.take(pa.array(sent[days_late == delay])))
        return pa.concat_tables([EVENTS_SCHEMA.empty_table(), *self._under_way.pop(day)]).combine_chunks()
