"""Rebuilds every event date from all that has landed: after a change of what an event, its date or its user id is."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import TYPE_CHECKING

from include.recommender.ingest import Ingested, event_dates_of, ingest_dates, rebuildable
from include.recommender.tables import EVENTS
from include.recommender.user_ids import refuse_mixed_ids
from include.retraining.errors import HigawariError, LandedDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.deliveries import Deliveries
    from include.retraining.warehouse.protocol import Warehouse


def rebuild_all(
    warehouse: Warehouse, landing: Deliveries, settings: RecommenderSettings
) -> tuple[Ingested, list[date]]:
    """Rebuild every date that a delivery may hold or that is stored; what was written, and the dates left as they are.

    A date stays where a delivery of its rows is not there any more: SettingsError where its ids are of the other kind.
    LandedDataError where there is no delivery at all.
    """
    deliveries = landing.ready_days("events")
    if not deliveries:
        raise LandedDataError("deliveries to rebuild events from", "none", "look at storage.landing")
    dates = sorted(_dates_stored(warehouse).union(*_dates_landed(deliveries, settings)))
    ready = rebuildable(warehouse, landing, dates)
    done = ingest_dates(warehouse, landing, settings, ready, deliveries[-1])
    refuse_mixed_ids(warehouse, settings.privacy.hash_user_ids, every_date=True)
    return done, sorted(set(dates) - set(ready))


def _dates_stored(warehouse: Warehouse) -> set[date]:
    return {date.fromisoformat(values["event_date"]) for values in warehouse.partitions(EVENTS)}


def _dates_landed(deliveries: Sequence[date], settings: RecommenderSettings) -> list[list[date]]:
    return [event_dates_of(day, settings.ingest.lookback_days) for day in deliveries]


def main(arguments: Sequence[str] | None = None) -> int:
    """Rebuild all dates of the daily warehouse; 1 where some had to stay as they are."""
    from include.recommender.workspace import open_recommender

    argparse.ArgumentParser(prog="python -m include.recommender.rebuild", description=__doc__).parse_args(arguments)
    try:
        workspace = open_recommender()
        done, left = rebuild_all(workspace.warehouse, workspace.landing, workspace.settings)
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{done.event_dates} dates rebuilt: {done.events:,} events, {done.quarantined:,} rows quarantined")
    if left:
        print(
            f"{len(left)} dates stay as they were, the first of {left[0]}: deliveries of theirs are not there any more",
            file=sys.stderr,
        )
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
