"""Weeks of the simulated service in the tables, in which users' tastes change as a test says."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from include.demo.photo_service import PhotoService
from include.demo.randomness import stream
from include.demo.simulator import simulate_days
from include.recommender.tables import EVENTS, ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.demo.world import World
    from include.retraining.warehouse.local import LocalWarehouse

# Days before day 0: so that everybody has a favourite, and weekdays have been seen. A Monday.
WARM_UP = 70
START = date(2026, 3, 2)
DAY_0 = START + timedelta(days=WARM_UP)


def service(days: int, seed: int) -> PhotoService:
    """So many days from day 0 on, of enough users for shares to mean something."""
    return PhotoService(start=START, days=WARM_UP + days, users=4_000, items=600, events_per_day=8_000, seed=seed)


def suddenly(share: float, on: int) -> Callable[[World, int], None]:
    """A share of all users changes taste on one day."""
    return _turning(share, lambda day: day == on)


def slowly(share: float, since: int) -> Callable[[World, int], None]:
    """A share of all users changes taste on every day."""
    return _turning(share, lambda day: day >= since)


def _turning(share: float, changes_on: Callable[[int], bool]) -> Callable[[World, int], None]:
    def change(world: World, day: int) -> None:
        if changes_on(day - WARM_UP):
            rng, count = stream(world.service.seed, "change of taste", day), len(world.audience)
            world.audience.category_taste.turn(rng.choice(count, int(share * count), replace=False))

    return change


def live(
    warehouse: LocalWarehouse, simulated: PhotoService, change: Callable[[World, int], None] = lambda _world, _day: None
) -> None:
    """Fill `events` and `items` with the days of a service; all events arrive the day after."""
    parts, items = [], None
    for day in simulate_days(simulated, change):
        count = day.events.num_rows
        dates = {"event_date": day.event_date, "arrival_date": day.arrival_date}
        rows = day.events
        for name, value in dates.items():
            rows = rows.append_column(name, pa.array([value] * count, pa.date32()))
        parts.append(rows.append_column("row_id", pa.array([f"{day.event_date}-{number}" for number in range(count)])))
        items = day.items
    events = pa.concat_tables(parts)
    warehouse.replace(EVENTS, {"event_date": sorted(set(events["event_date"].to_pylist()))}, EVENTS.conform(events))
    assert items is not None
    snapshot = items.append_column("snapshot_date", pa.array([START] * items.num_rows, pa.date32()))
    warehouse.replace(ITEMS, {"snapshot_date": START}, ITEMS.conform(snapshot))
