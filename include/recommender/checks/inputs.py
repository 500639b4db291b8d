"""Checks of what arrived for a run: events, quarantine, catalogue. Stage `inputs`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.recommender.checks.arrivals import quarantine_checks, unknown_item_checks
from include.recommender.checks.catalogue import CATALOGUE_ROW_CHECKS, catalogue_checks, snapshots_until
from include.recommender.checks.volume import TOO_LOW as VOLUME
from include.recommender.checks.volume import day_volumes, volume_checks
from include.recommender.expectations import EVENT_ID_REPEATED, VALUE, event_rules, item_rules, unusual_event_checks
from include.recommender.sql import sql
from include.retraining.quality.aggregates import check_aggregates
from include.retraining.quality.checks import Check, check_rows
from include.retraining.quality.history import results_of_dates
from include.retraining.quality.row_rules import measured
from include.retraining.quality.verdict import record, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.quality.row_rules import RowRule
    from include.retraining.quality.verdict import Verdict
    from include.retraining.warehouse.protocol import Warehouse

STAGE = "inputs"
WHAT_TO_DO = (
    "look at those rows (quarantined_rows, data_quality_results). They are wrong: have them delivered again and "
    "clear ingest with Downstream. They are right: trigger the date with data_checks = accept. "
    "A threshold of [quality] is too narrow: change it and clear check_inputs with Downstream"
)
REPEATED_IDS = (
    "rows of event_id_repeated share an id with another event of their delivery: an order id, say, is not an event id; "
    'set ingest.deduplicate = "content" and rebuild the dates, or have an id for each event delivered. Else: '
)
TOO_FEW = (
    "ask the sender whether the delivery is whole: rows are missing, there are none to look at. It is not: have it "
    "delivered again and clear ingest with Downstream. So little happened: trigger the date with data_checks = accept. "
    "A threshold of [quality] is too narrow: change it and clear check_inputs with Downstream"
)


def check_inputs(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date) -> Verdict:
    """Check the business day and all that arrived on as_of_date; record the results, return their verdict."""
    quality, business_day = settings.quality, as_of_date - timedelta(days=1)
    arrived = {"as_of_date": as_of_date, "first_date": business_day - timedelta(days=settings.ingest.lookback_days)}
    events = _arrived_events(warehouse, settings, arrived)
    snapshots = snapshots_until(warehouse, as_of_date)
    newest = snapshots[-1] if snapshots else as_of_date
    items = warehouse.query(sql("check_items"), {"items_snapshot_date": newest})
    accepted = {"events": events.num_rows, "items": items.num_rows if newest == as_of_date else 0}
    aggregates = [
        *volume_checks(day_volumes(warehouse, settings, as_of_date), business_day, quality),
        *unknown_item_checks(warehouse, arrived, newest, quality),
        *quarantine_checks(warehouse, as_of_date, accepted, quality),
        *catalogue_checks(snapshots, items, as_of_date, quality),
    ]
    results = [
        *check_aggregates(aggregates),
        *check_rows(events.to_pandas(), _event_row_checks(settings), key_column="row_id"),
        *check_rows(items.to_pandas(), _item_row_checks(settings), key_column="item_id"),
    ]
    return record(warehouse, as_of_date, STAGE, results)


def what_to_do(warehouse: Warehouse, as_of_date: date) -> str:
    """The next step after a stop, by what stops: rows that are not there cannot be looked at."""
    results = results_of_dates(warehouse, [as_of_date]).get(as_of_date, {}).get(STAGE, [])
    stopping = [result.name for result in results if verdict_of([result]) == "stop"]
    if stopping and all(name == VOLUME for name in stopping):
        return TOO_FEW
    repeated = any(result.name == f"events.quarantined.{EVENT_ID_REPEATED}" for result in results)
    return f"{REPEATED_IDS}{WHAT_TO_DO}" if repeated else WHAT_TO_DO


def _arrived_events(warehouse: Warehouse, settings: RecommenderSettings, arrived: Mapping[str, object]) -> pa.Table:
    """What checks look at in the events that were accepted, one row each."""
    measures = [rule.measure for rule in event_rules(settings) if rule.measure]
    query = f"WITH typed_events AS (\n{sql('check_arrived_events')}\n)\n{measured([*measures, VALUE])}"
    return warehouse.query(query, arrived)


def _event_row_checks(settings: RecommenderSettings) -> list[Check]:
    """Proof that no stored event breaks a row rule, and what is unusual in them."""
    return [*_as_checks("events", event_rules(settings)), *unusual_event_checks(settings)]


def _item_row_checks(settings: RecommenderSettings) -> list[Check]:
    return [*_as_checks("items", item_rules(settings)), *CATALOGUE_ROW_CHECKS]


def _as_checks(source: str, rules: Iterable[RowRule]) -> list[Check]:
    return [Check(f"{source}.{rule.name}", "critical", rule.expectation) for rule in rules if rule.expectation]
