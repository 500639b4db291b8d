"""The simulated service written to a landing zone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.demo.errors import DemoError
from include.demo.landing_folder import EVENTS_FILE, ITEMS_FILE, events_folder, items_folder, write_closed
from include.demo.photo_service import PhotoService
from include.demo.simulator import SimulatedDay, simulate_days


@dataclass(frozen=True)
class SimulationSummary:
    """What was written: folders and rows delivered; and how many items and users the service had at the end."""

    days: int
    events: int
    items: int
    users: int


def write_landing_zone(
    service: PhotoService,
    landing: Path,
    on_day: Callable[[date], None] | None = None,
    *,
    first_arrival: date | None = None,
) -> SimulationSummary:
    """Write every arrival date's folder, calling `on_day` with each arrival date once simulated.

    With `first_arrival` earlier days are simulated but not written: that is how one more day is added.
    Writing again gives the same files.

    Raises:
        DemoError: `first_arrival` lies after the last arrival date.
    """
    _check_first_arrival(service, first_arrival)
    days = events = items = users = 0
    for simulated in simulate_days(service):
        if first_arrival is None or simulated.arrival_date >= first_arrival:
            _write_day(landing, simulated)
            days, events = days + 1, events + len(simulated.delivered)
        items, users = len(simulated.items), simulated.users
        if on_day is not None:
            on_day(simulated.arrival_date)
    return SimulationSummary(days=days, events=events, items=items, users=users)


def _check_first_arrival(service: PhotoService, first_arrival: date | None) -> None:
    last = service.arrival_date(service.days - 1)
    if first_arrival is not None and first_arrival > last:
        raise DemoError(
            expected=f"a first arrival date up to {last}, the last one simulated",
            found=str(first_arrival),
            next_step="raise `days` and keep `start`, so that the service lasts until then",
        )


def _write_day(landing: Path, simulated: SimulatedDay) -> None:
    write_closed(items_folder(landing, simulated.arrival_date), ITEMS_FILE, simulated.items)
    write_closed(events_folder(landing, simulated.arrival_date), EVENTS_FILE, simulated.delivered)
