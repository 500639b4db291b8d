"""Landing zone to `events` and `items`: typed, checked row by row, deduplicated, bad rows kept in quarantine."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.recommender.expectations import item_rules, judge_events
from include.recommender.quarantine import quarantine
from include.recommender.sql import sql
from include.recommender.tables import EVENTS, ITEMS
from include.recommender.user_ids import refuse_mixed_ids
from include.retraining.landing import LandedColumns
from include.retraining.quality.erased import erased_hashes, protect_people
from include.retraining.quality.row_rules import classify
from include.retraining.tables import READMISSIONS
from include.retraining.warehouse.table import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.deliveries import Deliveries
    from include.retraining.warehouse.protocol import Warehouse

logger = logging.getLogger(__name__)

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
    recent = event_dates_of(as_of_date, settings.ingest.lookback_days)
    missing = _missing_dates(warehouse, landing, settings, as_of_date)
    dates = {*recent, *missing, *_readmitted_dates(warehouse)}
    return ingest_dates(warehouse, landing, settings, rebuildable(warehouse, landing, dates), as_of_date)


def rebuildable(warehouse: Warehouse, landing: Deliveries, event_dates: Collection[date]) -> list[date]:
    """Dates of which every delivery that they hold rows of is still there; the log names the others.

    A rebuild without its files would lose what a date has.
    """
    gone = _deliveries_gone(warehouse, landing, event_dates)
    for day, deliveries in sorted(gone.items()):
        names = ", ".join(map(str, deliveries))
        logger.warning("events of %s stay as they are: their deliveries of %s are not there any more", day, names)
    return [day for day in event_dates if day not in gone]


def _deliveries_gone(warehouse: Warehouse, landing: Deliveries, event_dates: Iterable[date]) -> dict[date, list[date]]:
    """Of event dates that hold rows of deliveries which are not ready: those deliveries."""
    have = {values["event_date"] for values in warehouse.partitions(EVENTS)}
    stored = [day for day in event_dates if day.isoformat() in have]
    if not stored:
        return {}
    arrivals = warehouse.query(sql("stored_arrivals"), {"event_dates": stored}).to_pylist()
    unready = {day for day in {row["arrival_date"] for row in arrivals} if not landing.is_ready("events", day)}
    gone: dict[date, list[date]] = {}
    for row in arrivals:
        if row["arrival_date"] in unready:
            gone.setdefault(row["event_date"], []).append(row["arrival_date"])
    return gone


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


def _missing_dates(
    warehouse: Warehouse, landing: Deliveries, settings: RecommenderSettings, as_of_date: date
) -> set[date]:
    """Event dates in earlier deliveries that no run took in: their own one, and those of their late rows.

    Only on-time rows prove that a delivery was taken in: its date may hold late rows of the deliveries after it. One
    without any is looked at in every run, and so comes in by itself once its file, or what refused it, is mended.
    """
    ready = [day for day in landing.ready_days("events") if day <= as_of_date]
    if not ready:
        return set()
    window = {"first_date": ready[0] - timedelta(days=1), "as_of_date": as_of_date}
    volumes = warehouse.query(sql("check_day_volumes"), window).to_pylist()
    have = {row["event_date"] for row in volumes if row["on_time_events"]}
    missing = [day for day in ready if day - timedelta(days=1) not in have and landing.has_files("events", day)]
    # Where nothing was taken in yet, all of it would be read twice.
    found = _with_rows(landing, settings, missing) if have else missing
    return {day for delivery in found for day in event_dates_of(delivery, settings.ingest.lookback_days)}


def _with_rows(landing: Deliveries, settings: RecommenderSettings, deliveries: Sequence[date]) -> set[date]:
    """Deliveries that hold any row: the file of a closed day may be a header alone, and is missing nowhere."""
    one_column = _wanted(("item_id",), settings.ingest.event_columns, {"item_id"})
    found: set[date] = set()
    for start in range(0, len(deliveries), DAYS_AT_ONCE):
        rows = landing.read("events", deliveries[start : start + DAYS_AT_ONCE], one_column)
        found.update(rows["day"].unique().to_pylist())
    return found


def event_dates_of(delivery: date, lookback_days: int) -> list[date]:
    """Every event date whose rows a delivery may hold."""
    return [delivery - timedelta(days=1 + late) for late in range(lookback_days + 1)]


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
    rules, parameters = judge_events(settings)
    classified = warehouse.query(rules, parameters, {"typed_events": typed})
    events = warehouse.query(
        sql("deduplicate_events"), {"event_dates": list(event_dates)}, {"classified_events": classified}
    )
    # A delivery that is gone keeps its rows in quarantine.
    complete = [day for day in (day + timedelta(days=1) for day in event_dates) if landing.is_ready("events", day)]
    quarantined = (
        quarantine(warehouse, "events", classified, "arrival_date", complete, EVENT_COLUMNS) if complete else 0
    )
    _replace_changed(warehouse, event_dates, events)
    return events.num_rows, quarantined


def _replace_changed(warehouse: Warehouse, event_dates: Sequence[date], events: pa.Table) -> None:
    """Write the dates whose rows are others than before: what was made of an unwritten date is still good."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stored = EVENTS.conform(warehouse.read(EVENTS, {"event_date": list(event_dates)}))
    rebuilt = in_order(EVENTS.conform(events), EVENTS.key)
    of_day = [pc.equal(pc.field("event_date"), pa.scalar(day, pa.date32())) for day in event_dates]
    changed = [
        day
        for day, condition in zip(event_dates, of_day, strict=True)
        if not rebuilt.filter(condition).equals(stored.filter(condition))
    ]
    if changed:
        rows = rebuilt.filter(pc.is_in(rebuilt["event_date"], pa.array(changed, pa.date32())))
        warehouse.replace(EVENTS, {"event_date": changed}, rows)


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
