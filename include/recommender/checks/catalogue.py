"""Whether the catalogue of a run is there, fresh, and fit to recommend from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from include.recommender.tables import ITEMS
from include.retraining.quality.aggregates import Aggregate
from include.retraining.quality.checks import Check
from include.retraining.quality.expectation import not_null, unique

if TYPE_CHECKING:
    import pyarrow as pa

    from include.retraining.quality.checks import Severity
    from include.retraining.settings import Quality
    from include.retraining.warehouse.protocol import Warehouse

MOST_ITEMS = 0.95
CATALOGUE_ROW_CHECKS = (
    Check("items.item_id_repeated", "critical", unique("item_id")),
    Check("items.category_missing", "warning", not_null("category", MOST_ITEMS)),
)


def snapshots_until(warehouse: Warehouse, as_of_date: date) -> list[date]:
    """Dates of the item snapshots that a run may see, in order."""
    days = (date.fromisoformat(values["snapshot_date"]) for values in warehouse.partitions(ITEMS))
    return sorted(day for day in days if day <= as_of_date)


def catalogue_checks(snapshots: list[date], items: pa.Table, as_of_date: date, quality: Quality) -> list[Aggregate]:
    """Size, activity and age of the newest snapshot, whose rows are `items`."""
    import pyarrow.compute as pc

    active, rows = pc.sum(items["is_active"]).as_py() or 0, items.num_rows
    age = (as_of_date - snapshots[-1]).days if snapshots else None
    # A single snapshot is a bulk load, which nobody delivers daily.
    severity: Severity = "warning" if len(snapshots) > 1 else "info"
    return [
        Aggregate("items.catalogue_empty", "critical", rows, "items", 1, None, rows),
        Aggregate("items.none_active", "critical", active, "active items", 1, None, rows),
        Aggregate(
            "items.active_share", "info", active / rows if rows else None, "of the items are active", None, None, rows
        ),
        Aggregate(
            "items.snapshot_old",
            severity,
            age,
            "days since the newest snapshot",
            None,
            quality.items_max_age_days,
            rows,
        ),
    ]
