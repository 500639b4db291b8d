"""User ids are stored as landed or as keyed hashes, never both."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from include.recommender.tables import EVENTS
from include.retraining.errors import SettingsError
from include.retraining.quality.erased import is_hashed

if TYPE_CHECKING:
    from include.retraining.warehouse.protocol import Warehouse


def refuse_mixed_ids(warehouse: Warehouse, hash_user_ids: bool) -> None:
    """SettingsError where stored events were kept with the other value of privacy.hash_user_ids.

    It looks at the first and the last date, so that a rebuild which was cut off shows.
    """
    days = [date.fromisoformat(values["event_date"]) for values in warehouse.partitions(EVENTS)]
    for day in dict.fromkeys([*days[:1], *days[-1:]]):
        stored = warehouse.read(EVENTS, {"event_date": day}, ["user_id"])["user_id"].unique().to_pylist()
        if stored and all(is_hashed(user_id) for user_id in stored) != hash_user_ids:
            kept = "as landed" if hash_user_ids else "as keyed hashes"
            raise SettingsError(
                f"events kept with privacy.hash_user_ids = {str(hash_user_ids).lower()}",
                f"ids of {day} {kept}",
                "set it back, or rebuild all events: docs/operate.md, Ids as keyed hashes",
            )
