"""What applications read: the rows of the current publication, without blocked items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.lists import EVERYBODY
from include.recommender.settings import SURFACES, RecommenderSettings
from include.recommender.tables import POPULAR_ITEMS, SIMILAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.errors import SettingsError
from include.retraining.publication.reader import read_current
from include.retraining.settings import load_settings
from include.retraining.warehouse.open import open_for_reading

if TYPE_CHECKING:
    import pyarrow as pa

    from include.retraining.warehouse.protocol import Warehouse


def open_current() -> Warehouse:
    """The warehouse under HIGAWARI_HOME for an application; SettingsError where there is none."""
    return open_for_reading(load_settings(RecommenderSettings))


def current_user_recommendations(warehouse: Warehouse, user_id: str, surface: str) -> pa.Table:
    """The list of a user on a surface, best first; the list for everybody where the user has none of their own.

    Ranks may have holes where items were blocked since. No rows before the first publication. SettingsError for a
    surface that does not exist.
    """
    if surface not in SURFACES:
        raise SettingsError(f"a surface among {', '.join(SURFACES)}", repr(surface), "ask for one of those")
    where = {"surface": surface, "user_id": [user_id, EVERYBODY]}
    rows = read_current(warehouse, USER_RECOMMENDATIONS, where).to_pylist()
    own = [row for row in rows if row["user_id"] == user_id]
    return _table(own or rows)


def current_popular_items(warehouse: Warehouse, segment: str = "all") -> pa.Table:
    """What is popular in a category, or in `all`, best first."""
    return read_current(warehouse, POPULAR_ITEMS, {"segment": segment})


def current_similar_items(warehouse: Warehouse, item_id: str) -> pa.Table:
    """The items most like one item, best first."""
    return read_current(warehouse, SIMILAR_ITEMS, {"item_id": item_id}, ("item_id", "similar_item_id"))


def _table(rows: list[dict[str, object]]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=USER_RECOMMENDATIONS.schema)
