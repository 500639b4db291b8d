"""Whether as many events came as on the same weekday of earlier weeks."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING

from include.recommender.sql import sql
from include.retraining.quality.aggregates import Aggregate, none_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.recommender.settings import RecommenderSettings
    from include.retraining.settings import Quality
    from include.retraining.warehouse.protocol import Warehouse

MIN_WEEKS = 2
TOO_LOW = "events.volume_far_too_low"


def day_volumes(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date) -> dict[date, int]:
    """On-time events by event_date, as known on as_of_date; days without events are left out."""
    # A week more than is compared: it tells a closed day from a day before the history begins.
    first_date = as_of_date - timedelta(days=1 + 7 * (settings.quality.volume_weeks + 1))
    rows = warehouse.query(sql("check_day_volumes"), {"first_date": first_date, "as_of_date": as_of_date}).to_pylist()
    return {row["event_date"]: row["on_time_events"] for row in rows}


def volume_checks(volumes: Mapping[date, int], business_day: date, quality: Quality) -> list[Aggregate]:
    """The day against the median of its weekday: few stops, many only warns, since a viral day is no error."""
    today, earlier = volumes.get(business_day, 0), _same_weekdays(volumes, business_day, quality.volume_weeks)
    usual = median(earlier) if len(earlier) >= min(MIN_WEEKS, quality.volume_weeks) else None
    ratio, unit = today / usual if usual else None, f"times the usual {usual or 0:g} events of a {business_day:%A}"
    return [
        Aggregate(TOO_LOW, "critical", ratio, unit, quality.volume_stop_ratio, None, today),
        Aggregate("events.volume_low", "warning", ratio, unit, quality.volume_warn_ratio, None, today),
        Aggregate("events.volume_high", "warning", ratio, unit, None, quality.volume_high_warn_ratio, today),
        none_of("events.on_a_closed_day", "info", today if usual == 0 else 0, "events", today),
        none_of(
            "events.days_missing", "warning", _missing_days(volumes, business_day, quality), "days of the last week"
        ),
    ]


def _missing_days(volumes: Mapping[date, int], business_day: date, quality: Quality) -> int:
    """Days of the week before without events although their weekday usually has some: a stopped or lost delivery."""
    days = [business_day - timedelta(days=back) for back in range(1, 7)]
    usual = {day: _same_weekdays(volumes, day, quality.volume_weeks) for day in days}
    return sum(not volumes.get(day) and len(usual[day]) >= MIN_WEEKS and median(usual[day]) > 0 for day in days)


def _same_weekdays(volumes: Mapping[date, int], business_day: date, weeks: int) -> list[int]:
    """Events on the same weekday of earlier weeks, none before the history begins."""
    begins = min((day for day in volumes if day < business_day), default=business_day)
    days = [business_day - timedelta(weeks=week) for week in range(1, weeks + 1)]
    return [volumes.get(day, 0) for day in days if day >= begins]
