"""How much of what arrived for a run is in quarantine, or names items that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.recommender.sql import sql
from include.retraining.quality.aggregates import Aggregate, none_of
from include.retraining.quality.checks import SAMPLES
from include.retraining.quality.privacy import safe_to_show

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from include.retraining.settings import Quality
    from include.retraining.warehouse.protocol import Warehouse


def unknown_item_checks(
    warehouse: Warehouse, arrived: Mapping[str, object], items_snapshot_date: date, quality: Quality
) -> list[Aggregate]:
    """The share of arrived events whose item the catalogue does not hold; `arrived` says which events."""
    parameters = {**arrived, "items_snapshot_date": items_snapshot_date}
    (counts,) = warehouse.query(sql("check_unknown_items"), parameters).to_pylist()
    unknown, events = int(counts["unknown_item_events"]), int(counts["events"])
    bounds = quality.unknown_item_warn_share, quality.unknown_item_stop_share
    return _share_checks("events.of_unknown_items", unknown, events, "of the events that arrived", bounds)


def quarantine_checks(
    warehouse: Warehouse, as_of_date: date, accepted: Mapping[str, int], quality: Quality
) -> list[Aggregate]:
    """The share of landed rows in quarantine, and the count for each reason; `accepted` counts good rows by source."""
    parameters = {"as_of_date": as_of_date, "samples": SAMPLES}
    samples = warehouse.query(sql("check_quarantine"), parameters).to_pylist()
    bounds = quality.quarantine_warn_share, quality.quarantine_stop_share
    checks = []
    for source, good in accepted.items():
        counts = {row["reason"]: int(row["quarantined"]) for row in samples if row["source"] == source}
        bad = sum(counts.values())
        checks += _share_checks(f"{source}.quarantined", bad, good + bad, "of the rows that arrived", bounds)
        checks += [
            none_of(f"{source}.quarantined.{reason}", "info", count, "rows", good + bad, _keys(samples, source, reason))
            for reason, count in counts.items()
        ]
    return checks


def _keys(samples: list[dict[str, Any]], source: str, reason: str) -> list[str]:
    return [safe_to_show(row["row_id"]) for row in samples if (row["source"], row["reason"]) == (source, reason)]


def _share_checks(name: str, bad: int, rows: int, unit: str, bounds: tuple[float, float]) -> list[Aggregate]:
    """A share of bad rows that warns from the first bound on, and stops from the second. No rows, no share."""
    share, (warn, stop) = bad / rows if rows else None, bounds
    return [
        Aggregate(f"{name}.far_too_many", "critical", share, unit, None, stop, rows, bad),
        Aggregate(f"{name}.many", "warning", share, unit, None, warn, rows, bad),
    ]
