"""Runs the SQL that reduces events to aggregates as of a date."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from include.recommender.sql import sql
from include.recommender.tables import ITEM_STATS, ITEMS
from include.retraining.errors import TrainingDataError
from include.retraining.warehouse.protocol import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table


def statistics_at(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    table: Table,
    as_of_date: date,
    known_until: date,
    users: Sequence[str] | None = None,
) -> pa.Table:
    """Rows of ITEM_STATS, USER_STATS or USER_ITEMS as of a date."""
    query = statistics_query(warehouse, settings, table, as_of_date, known_until, users)
    return table.conform(warehouse.query(query.sql, query.parameters))


def statistics_query(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    table: Table,
    as_of_date: date,
    known_until: date,
    users: Sequence[str] | None = None,
    between: tuple[str, str] | None = None,
) -> Query:
    """The query that makes them; of users those in `users`, or from one id to another, if given.

    `known_until` is the as_of_date of the run: an items snapshot up to then may stand in for an earlier, missing one.
    """
    first_user, last_user = between or ("", "")
    parameters = {
        **_window(settings, as_of_date),
        **{f"decay_{name}": math.log(2) / days for name, days in settings.features.half_lives.items()},
        "timezone": settings.business.timezone,
        "items_snapshot_date": items_snapshot(warehouse, as_of_date, known_until) if table is ITEM_STATS else None,
        "all_users": users is None and between is None,
        "user_ids": list(users or [""]),
        "first_user": first_user,
        "last_user": last_user,
    }
    return Query(sql(table.name), parameters)


def touched_pairs_query(settings: RecommenderSettings, as_of_date: date) -> Query:
    """The query for every pair before a date, with what similarities need: user_id, item_id, two dates, events."""
    return Query(sql("touched_pairs"), _window(settings, as_of_date))


def known_users_query(settings: RecommenderSettings, as_of_date: date) -> Query:
    """The query for the users before a date: user_id."""
    return Query(sql("known_users"), _window(settings, as_of_date))


def _window(settings: RecommenderSettings, as_of_date: date) -> Mapping[str, object]:
    history_days = settings.features.history_days
    return {"as_of_date": as_of_date, "history_days": history_days, **positive_parameters(settings)}


def targets_between(
    warehouse: Warehouse, settings: RecommenderSettings, first: date, end: date, known_until: date
) -> pa.Table:
    """Distinct (user_id, item_id) with a positive event on first <= event_date < end, as known on known_until."""
    window = {"first_date": first, "end_date": end, "as_of_date": known_until}
    return warehouse.query(sql("targets"), {**window, **positive_parameters(settings)})


def positive_parameters(settings: RecommenderSettings) -> Mapping[str, object]:
    """Query parameters that say which events are what a user wants; no type named means all."""
    types = list(settings.business.positive_event_types)
    return {"all_positive": not types, "positive_event_types": types or [""]}


def wanted_events(settings: RecommenderSettings) -> str:
    """The event types that are what a user wants, in words."""
    return ", ".join(sorted(settings.business.positive_event_types)) or "any event"


def items_snapshot(warehouse: Warehouse, as_of_date: date, known_until: date) -> date:
    """The newest items snapshot up to as_of_date, else the earliest one up to known_until.

    Raises TrainingDataError when the catalogue is empty.
    """
    from datetime import date as date_type

    snapshots = [date_type.fromisoformat(values["snapshot_date"]) for values in warehouse.partitions(ITEMS)]
    known = sorted(day for day in snapshots if day <= known_until)
    if not known:
        raise TrainingDataError(
            f"an items snapshot of {known_until} or earlier", "an empty catalogue", "land items, then run again"
        )
    return max((day for day in known if day <= as_of_date), default=known[0])
