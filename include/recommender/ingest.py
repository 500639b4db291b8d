"""Landing zone to `events` and `items`: typed, checked row by row, deduplicated, bad rows kept in quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.recommender.expectations import event_rules, item_rules
from include.recommender.quarantine import quarantine
from include.recommender.sql import sql
from include.recommender.tables import EVENTS, ITEMS
from include.recommender.user_ids import refuse_mixed_ids
from include.retraining.landing import LandedColumns
from include.retraining.quality.erased import erased_hashes, protect_people
from include.retraining.quality.row_rules import classify
from include.retraining.tables import READMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.deliveries import Deliveries
    from include.retraining.warehouse.protocol import Warehouse

EVENT_COLUMNS = ("event_id", "user_id", "item_id", "event_type", "occurred_at", "value")
ITEM_COLUMNS = ("item_id", "category", "title", "created_at", "is_active")
DAYS_AT_ONCE = 14
# A catalogue is the same size every day, and all of it: three months of a large one do not fit memory.
SNAPSHOTS_AT_ONCE = 7


@dataclass(frozen=True)
class Ingested:
    """What an ingest wrote: event dates rebuilt, events and quarantined rows in them, item snapshots."""

    event_dates: int
    events: int
    quarantined: int
    item_snapshots: int


def ingest_day(warehouse: Warehouse, landing: Deliveries, settings: RecommenderSettings, as_of_date: date) -> Ingested:
    """Rebuild what a delivery on as_of_date may have changed, and every earlier delivery not ingested yet."""
    refuse_mixed_ids(warehouse, settings.privacy.hash_user_ids)
    recent = [as_of_date - timedelta(days=back + 1) for back in range(settings.ingest.lookback_days + 1)]
    missing = _missing_dates(warehouse, landing, settings.ingest.lookback_days, as_of_date)
    dates = {*recent, *missing, *_readmitted_dates(warehouse)}
    return ingest_dates(warehouse, landing, settings, _rebuildable(warehouse, landing, dates), as_of_date)


def _rebuildable(warehouse: Warehouse, landing: Deliveries, event_dates: Iterable[date]) -> list[date]:
    """Dates whose own delivery is there, or which hold no rows: a rebuild without its files would lose what it has."""
    have = {values["event_date"] for values in warehouse.partitions(EVENTS)}
    on_time = timedelta(days=1)
    return [day for day in event_dates if landing.is_ready("events", day + on_time) or day.isoformat() not in have]


def ingest_dates(
    warehouse: Warehouse,
    landing: Deliveries,
    settings: RecommenderSettings,
    event_dates: Iterable[date],
    items_until: date,
    on_progress: Callable[[int], None] | None = None,
) -> Ingested:
    """Rebuild the given event dates from every landed file of theirs, and the item snapshots up to a date.

    `on_progress` is told the number of event dates done. Raises LandedDataError for files that cannot be read.
    """
    ordered = sorted(event_dates)
    events = quarantined = 0
    for start in range(0, len(ordered), DAYS_AT_ONCE):
        chunk = ordered[start : start + DAYS_AT_ONCE]
        written, refused = _rebuild_events(warehouse, landing, settings, chunk)
        events, quarantined = events + written, quarantined + refused
        if on_progress:
            on_progress(len(chunk))
    snapshots = _ingest_items(warehouse, landing, settings, items_until)
    return Ingested(len(ordered), events, quarantined, snapshots)


def _missing_dates(warehouse: Warehouse, landing: Deliveries, lookback_days: int, as_of_date: date) -> set[date]:
    """Event dates in earlier deliveries that no run took in: their own one, and those of their late rows.

    Only on-time rows prove that a delivery was taken in: its date may hold late rows of the deliveries after it.
    """
    ready = [day for day in landing.ready_days("events") if day <= as_of_date]
    if not ready:
        return set()
    window = {"first_date": ready[0] - timedelta(days=1), "as_of_date": as_of_date}
    volumes = warehouse.query(sql("check_day_volumes"), window).to_pylist()
    have = {row["event_date"] for row in volumes if row["on_time_events"]}
    missing = [day for day in ready if day - timedelta(days=1) not in have and landing.has_files("events", day)]
    return {day - timedelta(days=1 + late) for day in missing for late in range(lookback_days + 1)}


def _readmitted_dates(warehouse: Warehouse) -> list[date]:
    """Event dates of readmitted rows that are not in `events` yet."""
    dates = sorted(set(warehouse.read(READMISSIONS, columns=["event_date"])["event_date"].to_pylist()) - {None})
    # Seldom any: then no events are read.
    waiting = warehouse.query(sql("readmitted_dates"), {"event_dates": dates}) if dates else None
    return list(waiting["event_date"].to_pylist()) if waiting else []


def _rebuild_events(
    warehouse: Warehouse, landing: Deliveries, settings: RecommenderSettings, event_dates: Sequence[date]
) -> tuple[int, int]:
    deliveries = _deliveries_of(warehouse, event_dates, settings.ingest.lookback_days)
    landed = landing.read(
        "events", deliveries, _wanted(EVENT_COLUMNS, settings.ingest.event_columns, {"event_id", "value"})
    )
    landed = protect_people(landed, "user_id", erased_hashes(warehouse), settings.privacy.hash_user_ids)
    typed = warehouse.query(
        sql("type_events"),
        {"timezone": settings.business.timezone, "deduplicate": settings.ingest.deduplicate},
        {"landed_events": landed},
    )
    rules, parameters = classify(event_rules(settings))
    classified = warehouse.query(rules, parameters, {"typed_events": typed})
    events = warehouse.query(
        sql("deduplicate_events"), {"event_dates": list(event_dates)}, {"classified_events": classified}
    )
    complete = [day + timedelta(days=1) for day in event_dates]
    quarantined = quarantine(warehouse, "events", classified, "arrival_date", complete, EVENT_COLUMNS)
    warehouse.replace(EVENTS, {"event_date": list(event_dates)}, events)
    return events.num_rows, quarantined


def _deliveries_of(warehouse: Warehouse, event_dates: Sequence[date], lookback_days: int) -> list[date]:
    """Every delivery that may hold rows of the given event dates."""
    on_time = {day + timedelta(days=1 + late) for day in event_dates for late in range(lookback_days + 1)}
    readmitted = warehouse.read(READMISSIONS, {"event_date": list(event_dates)}, ["arrival_date"])
    return sorted(on_time | set(readmitted["arrival_date"].to_pylist()))


def _ingest_items(warehouse: Warehouse, landing: Deliveries, settings: RecommenderSettings, until: date) -> int:
    have = {values["snapshot_date"] for values in warehouse.partitions(ITEMS)}
    days = [
        day for day in landing.ready_days("items") if day <= until and (day.isoformat() not in have or day == until)
    ]
    for start in range(0, len(days), SNAPSHOTS_AT_ONCE):
        _ingest_snapshots(warehouse, landing, settings, days[start : start + SNAPSHOTS_AT_ONCE])
    return len(days)


def _ingest_snapshots(
    warehouse: Warehouse, landing: Deliveries, settings: RecommenderSettings, days: Sequence[date]
) -> None:
    optional = {"category", "title", "created_at", "is_active"}
    landed = landing.read("items", days, _wanted(ITEM_COLUMNS, settings.ingest.item_columns, optional))
    typed = warehouse.query(sql("type_items"), {}, {"landed_items": landed})
    rules, parameters = classify(item_rules(settings))
    classified = warehouse.query(rules, parameters, {"typed_events": typed})
    items = warehouse.query(sql("deduplicate_items"), {}, {"classified_items": classified})
    quarantine(warehouse, "items", classified, "snapshot_date", days, ITEM_COLUMNS)
    warehouse.replace(ITEMS, {"snapshot_date": days}, items)


def _wanted(columns: Sequence[str], mapping: dict[str, str], optional: set[str]) -> LandedColumns:
    return LandedColumns({name: mapping.get(name, name) for name in columns}, frozenset(optional))
