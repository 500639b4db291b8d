"""What applications read: the rows of the current publication, without blocked items and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.blocked_lists import without_blocked_lists
from include.recommender.settings import SURFACES, RecommenderSettings
from include.recommender.tables import EVERYBODY, POPULAR_ITEMS, SIMILAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.errors import SettingsError
from include.retraining.publication.reader import read_current
from include.retraining.settings import load_settings
from include.retraining.warehouse.open import open_for_reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table


def open_current() -> Warehouse:
    """The warehouse under HIGAWARI_HOME for an application; SettingsError where there is none."""
    return open_for_reading(load_settings(RecommenderSettings))


def current_user_recommendations(warehouse: Warehouse, user_id: str, surface: str) -> pa.Table:
    """The list of a user on a surface, best first; the list for everybody where they have none, or it is blocked.

    Ranks may have holes where items were blocked since. No rows before the first publication. SettingsError for a
    surface that does not exist.
    """
    if surface not in SURFACES:
        raise SettingsError(f"a surface among {', '.join(SURFACES)}", repr(surface), "ask for one of those")
    where = {"surface": surface, "user_id": [user_id, EVERYBODY]}
    rows = _current(warehouse, USER_RECOMMENDATIONS, where).to_pylist()
    own = [row for row in rows if row["user_id"] == user_id]
    return _table(own or rows)


def current_popular_items(warehouse: Warehouse, segment: str = "all") -> pa.Table:
    """What is popular in a category, or in `all`, best first. No rows for one that is blocked."""
    return _current(warehouse, POPULAR_ITEMS, {"segment": segment})


def current_similar_items(warehouse: Warehouse, item_id: str) -> pa.Table:
    """The items most like one item, best first. No rows where that list is blocked."""
    return _current(warehouse, SIMILAR_ITEMS, {"item_id": item_id}, ("item_id", "similar_item_id"))


def _current(
    warehouse: Warehouse, table: Table, where: Mapping[str, object], item_columns: Sequence[str] = ("item_id",)
) -> pa.Table:
    return without_blocked_lists(warehouse, table, read_current(warehouse, table, where, item_columns))


def _table(rows: list[dict[str, object]]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=USER_RECOMMENDATIONS.schema)
