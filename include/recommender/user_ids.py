"""User ids are stored as landed or as keyed hashes, never both."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from include.recommender.sql import sql
from include.recommender.tables import EVENTS, EVERYBODY, USER_STATS
from include.retraining.errors import SettingsError
from include.retraining.quality.erased import HASHED_REGEX, hash_of
from include.retraining.quality.privacy import hash_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse


def stored_id(settings: RecommenderSettings, user_id: str) -> str:
    """A user id as tables keep it: a keyed hash where the settings say so. SettingsError without a hash key then."""
    if user_id == EVERYBODY or not settings.privacy.hash_user_ids:
        return user_id
    return hash_of(user_id, hash_key())


def refuse_mixed_ids(warehouse: Warehouse, hash_user_ids: bool, every_date: bool = False) -> None:
    """SettingsError where stored events were kept with the other value of privacy.hash_user_ids.

    It looks at the first and the last date, so that a rebuild which was cut off shows: every day it would cost to read
    the ids of all.
    """
    stored = [date.fromisoformat(values["event_date"]) for values in warehouse.partitions(EVENTS)]
    looked_at = stored if every_date else sorted({*stored[:1], *stored[-1:]})
    if not looked_at:
        return
    dates = warehouse.query(sql("hashed_ids"), {"event_dates": looked_at, "hashed_regex": HASHED_REGEX}).to_pylist()
    others = [row["event_date"] for row in dates if (row["hashed"] == row["events"]) != hash_user_ids]
    if others:
        kept = "as landed" if hash_user_ids else "as keyed hashes"
        raise SettingsError(
            f"events kept with privacy.hash_user_ids = {str(hash_user_ids).lower()}",
            f"ids of {len(others)} of {len(dates)} dates {kept}, the first of {others[0]}",
            "set it back, or rebuild all events: docs/operate.md, Ids as keyed hashes",
        )


def users_among(warehouse: Warehouse, names: Iterable[str]) -> frozenset[str]:
    """Which names are ids of users, by the newest statistics, however ids are kept."""
    dates = [date.fromisoformat(values["as_of_date"]) for values in warehouse.partitions(USER_STATS)]
    if not dates:
        return frozenset()
    key = hash_key()
    named = {stored: name for name in names for stored in (name, hash_of(name, key))}
    where = {"as_of_date": max(dates), "user_id": sorted(named)}
    return frozenset(
        named[user_id] for user_id in warehouse.read(USER_STATS, where, ["user_id"])["user_id"].to_pylist()
    )
