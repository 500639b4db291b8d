"""The service day by day."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from include.demo.behaviour import Views, act_out
from include.demo.delivery import Delivery
from include.demo.event_rows import events_table
from include.demo.photo_service import PhotoService
from include.demo.randomness import stream
from include.demo.sessions import draw_sessions
from include.demo.world import World


@dataclass(frozen=True)
class SimulatedDay:
    """One day: what happened on `event_date`, and what lands on `arrival_date`, the day after."""

    event_date: date
    arrival_date: date
    events: pa.Table  # each event of event_date once, in order of time
    delivered: pa.Table  # what arrives: without the late rows, with duplicates and late rows of earlier days
    items: pa.Table  # snapshot as of the beginning of arrival_date
    users: int  # who ever joined


def simulate_days(
    service: PhotoService, change: Callable[[World, int], None] = lambda _world, _day: None
) -> Iterator[SimulatedDay]:
    """Yield the days of a service in order; a day never depends on how many days follow.

    `change` may change the world as a day begins. Tables have EVENTS_SCHEMA and ITEMS_SCHEMA. Memory is bounded by the
    users, the pictures and a few days of events.
    """
    world, delivery = World.of(service), Delivery(service)
    for day in range(service.days):
        world.wake(day)
        change(world, day)
        events = events_table(_live(world, day), service.event_date(day))
        world.catalogue.upload(day)
        yield SimulatedDay(
            event_date=service.event_date(day),
            arrival_date=service.arrival_date(day),
            events=events,
            delivered=delivery.deliver(events, day),
            items=world.catalogue.snapshot(day + 1),
            users=len(world.audience),
        )


def _live(world: World, day: int) -> Views:
    rng = stream(world.service.seed, "views", day)
    views = act_out(rng, world, draw_sessions(rng, world, day), day)
    world.memory.remember(views.user, views.item)
    world.memory.remember(views.user[views.liked], views.item[views.liked])  # a like makes re-opening likelier
    return views
