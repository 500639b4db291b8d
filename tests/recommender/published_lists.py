"""Published lists of every kind, small: for people, for everybody, in segments, similar to items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from include.recommender.settings import SURFACES
from include.recommender.tables import EVERYBODY, POPULAR_ITEMS, SIMILAR_ITEMS, USER_RECOMMENDATIONS, USER_STATS
from include.retraining.publication.stage import stage
from include.retraining.publication.switch import switch_current
from tests.retraining.publishing import run_of

if TYPE_CHECKING:
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

USER, OTHER = "person-0007", "person-0008"


def publish(warehouse: Warehouse, day: date, score: float = 1.0) -> None:
    """Lists of two users and of everybody on both surfaces; two segments; what is similar to two items."""
    lists = [
        {
            "as_of_date": day, "surface": surface, "user_id": user, "rank": 1, "item_id": f"i of {user}",
            "score": score, "sources": ["popularity"], "fallback_reason": None, "model_version": "ranker/1",
        }
        for surface in SURFACES
        for user in (EVERYBODY, USER, OTHER)
    ]  # fmt: skip
    popular = [
        {"as_of_date": day, "segment": segment, "rank": 1, "item_id": "i1", "score": score}
        for segment in ("all", "cats")
    ]
    similar = [
        {"as_of_date": day, "item_id": item, "rank": 1, "similar_item_id": "i3", "score": score}
        for item in ("i1", "i2")
    ]
    rows_of = {
        table: pa.Table.from_pylist(rows, schema=table.schema.remove(0))
        for table, rows in {USER_RECOMMENDATIONS: lists, POPULAR_ITEMS: popular, SIMILAR_ITEMS: similar}.items()
    }
    switch_current(warehouse, run_of(day), stage(warehouse, day, rows_of).publication_id, "hold")


def put_statistics(warehouse: Warehouse, day: date, *user_ids: str) -> None:
    """What users did before a date, or that they did anything."""
    rows = [dict.fromkeys(USER_STATS.columns) | {"as_of_date": day, "user_id": user} for user in user_ids]
    warehouse.replace(USER_STATS, {"as_of_date": day}, pa.Table.from_pylist(rows, schema=USER_STATS.schema))
