"""For which events a publication gets credit: while readers had it, or as if they had held it for 7 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from include.retraining.publication.switch_log import as_of_date_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from include.retraining.publication.switch_log import SwitchLog

Reading = Literal["while_current", "held_7_days"]
Stage = Literal["early", "matured"]
WHILE_CURRENT: Reading = "while_current"
HELD: Reading = "held_7_days"
HELD_DAYS = 7
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """A span of time, [started_at, ended_at), of which a publication gets the events; `open` where it goes on."""

    publication_id: str
    started_at: datetime
    ended_at: datetime
    open: bool = False

    @property
    def as_of_date(self) -> date:
        """That of the publication."""
        return as_of_date_of(self.publication_id)


def held_windows(publication_ids: Iterable[str], computed_for: date, timezone: str) -> list[Window]:
    """The 7 days from each publication's as_of_date on, as far as they lie before `computed_for`."""
    end = midnight(computed_for, timezone)
    windows = []
    for name in publication_ids:
        first, last = as_of_date_of(name), as_of_date_of(name) + HELD_DAYS * DAY
        if first < computed_for:
            windows.append(
                Window(name, midnight(first, timezone), min(midnight(last, timezone), end), open=last > computed_for)
            )
    return windows


def current_windows(log: SwitchLog, computed_for: date, timezone: str) -> list[Window]:
    """The times in which readers had each publication before `computed_for`, by the switches before it."""
    end = midnight(computed_for, timezone)
    made = [switch for switch in log.switches if switch.switched_at < end]
    until = [*(later.switched_at for later in made[1:]), end]
    return [
        Window(switch.to_publication_id, switch.switched_at, over_at, open=switch is made[-1])
        for switch, over_at in zip(made, until, strict=False)
        if switch.to_publication_id and switch.switched_at < over_at
    ]


def stage_of(windows: Sequence[Window], computed_for: date, mature_days: int, timezone: str) -> Stage | None:
    """Which figure of one publication is due on a date; None where none is.

    `early` until the day after its last window closed, when on-time events of all of it are there; `matured`
    `mature_days` after that day, when late ones are there too.
    """
    if any(window.open for window in windows):
        return "early"
    first = last_day(windows, timezone) + DAY
    if computed_for == first + mature_days * DAY:
        return "matured"
    return "early" if computed_for == first else None


def last_day(windows: Sequence[Window], timezone: str) -> date:
    """The last business day that windows reach into."""
    last = max(window.ended_at for window in windows) - timedelta(microseconds=1)
    return last.astimezone(ZoneInfo(timezone)).date()


def days_of(windows: Sequence[Window], timezone: str) -> int:
    """On how many business days windows lie."""
    days: set[date] = set()
    for window in windows:
        days |= set(_days(window, timezone))
    return len(days)


def midnight(day: date, timezone: str) -> datetime:
    """When a business day begins."""
    return datetime.combine(day, time(), ZoneInfo(timezone))


def _days(window: Window, timezone: str) -> Iterator[date]:
    day = window.started_at.astimezone(ZoneInfo(timezone)).date()
    while day <= last_day([window], timezone):
        yield day
        day += DAY
