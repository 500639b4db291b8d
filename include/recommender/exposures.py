"""The log of what applications showed, where they deliver one: landing zone to `exposures`, bad rows to quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.expectations import exposure_rules
from include.recommender.quarantine import quarantine
from include.recommender.sql import sql
from include.recommender.tables import EXPOSURES
from include.retraining.landing import LandedColumns, LandingZone
from include.retraining.quality.erased import erased_hashes, protect_people
from include.retraining.quality.row_rules import classify

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse

KIND = "exposures"
COLUMNS = ("publication_id", "surface", "user_id", "item_id", "position", "shown_at")


def landed_exposures(settings: RecommenderSettings) -> LandingZone:
    """Where exposures land: as files, also where events are rows of a BigQuery table."""
    return LandingZone(settings.storage.landing_folder, settings.storage)


def ingest_exposures(warehouse: Warehouse, settings: RecommenderSettings, until: date) -> int | None:
    """Take in the delivery of a date, anew if it was, and every earlier one not taken in yet; None where none landed.

    The number of rows of those deliveries that are in `exposures` now.
    """
    landing = landed_exposures(settings)
    ready = [day for day in landing.ready_days(KIND) if day <= until]
    if not ready:
        return None
    have = {partition["arrival_date"] for partition in warehouse.partitions(EXPOSURES)}
    days = [day for day in ready if day == until or day.isoformat() not in have]
    return sum(_take_in(warehouse, landing, settings, day) for day in days)


def _take_in(warehouse: Warehouse, landing: LandingZone, settings: RecommenderSettings, day: date) -> int:
    landed = landing.read(KIND, [day], LandedColumns({name: name for name in COLUMNS}, frozenset()))
    landed = protect_people(landed, "user_id", erased_hashes(warehouse), settings.privacy.hash_user_ids)
    parameters = {"timezone": settings.business.timezone}
    typed = warehouse.query(sql("type_exposures"), parameters, {"landed_exposures": landed})
    rules, parameters = classify(exposure_rules())  # type: ignore[assignment]
    classified = warehouse.query(rules, parameters, {"typed_events": typed})
    quarantine(warehouse, KIND, classified, "arrival_date", [day], COLUMNS)
    return warehouse.replace(EXPOSURES, {"arrival_date": day}, _good(classified)).rows


def _good(classified: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    rows = classified.filter(pc.is_null(classified["broken_rule"]))
    rows = rows.rename_columns(["shown_date" if name == "event_date" else name for name in rows.column_names])
    return rows.select(list(EXPOSURES.columns))
