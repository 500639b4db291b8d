"""Everything known as of a date, as arrays: items, users, their pairs, item similarities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import MICROS, positions, rank_within
from include.recommender.similarities import METHODS, compute_similarities
from include.recommender.sources import SOURCES
from include.recommender.statistics import statistics_at
from include.recommender.tables import ITEM_SIMILARITIES, ITEM_STATS, USER_ITEMS, USER_STATS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Snapshot:
    """State as of a date. Ids are sorted; columns are float64, dates as days since 1970, missing as NaN.

    `pairs` are sorted by (user, item); `pair_start[u]:pair_start[u + 1]` are those of user u.
    """

    as_of_date: date
    item_ids: NDArray[np.object_]
    items: Mapping[str, NDArray[np.float64]]
    categories: NDArray[np.int64]
    category_names: NDArray[np.object_]
    user_ids: NDArray[np.object_]
    users: Mapping[str, NDArray[np.float64]]
    pair_user: NDArray[np.int64]
    pair_item: NDArray[np.int64]
    pairs: Mapping[str, NDArray[np.float64]]
    pair_start: NDArray[np.int64]
    similarities: Mapping[str, sparse.csr_matrix]

    @property
    def day(self) -> int:
        """as_of_date as days since 1970."""
        return (self.as_of_date - EPOCH).days

    @property
    def shape(self) -> tuple[int, int]:
        """(users, items)."""
        return len(self.user_ids), len(self.item_ids)

    def without(self, blocked: Collection[str]) -> Snapshot:
        """The same state with some items switched off."""
        if not blocked:
            return self
        shown = ~np.isin(self.item_ids.astype(str), list(blocked))
        return replace(self, items={**self.items, "is_active": self.items["is_active"] * shown})

    @cached_property
    def recommendable(self) -> NDArray[np.bool_]:
        """Items that may be shown: active, and with at least one event before as_of_date."""
        return (self.items["is_active"] > 0) & (self.items["events"] > 0)


def compute_snapshot(
    warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date, known_until: date
) -> Snapshot:
    """Run the aggregate queries as of a date and compute similarities; writes nothing."""
    return with_similarities(compute_aggregates(warehouse, settings, as_of_date, known_until), settings)


def compute_aggregates(
    warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date, known_until: date
) -> Snapshot:
    """The same without similarities."""
    tables = (ITEM_STATS, USER_STATS, USER_ITEMS)
    return snapshot_of(
        as_of_date, *(statistics_at(warehouse, settings, table, as_of_date, known_until) for table in tables)
    )


def read_snapshot(warehouse: Warehouse, as_of_date: date) -> Snapshot:
    """The snapshot that the build_* steps of as_of_date wrote."""
    similar = warehouse.read(ITEM_SIMILARITIES, {"as_of_date": as_of_date})
    snapshot = read_aggregates(warehouse, as_of_date)
    return replace(snapshot, similarities=similarity_matrices(similar, snapshot.item_ids))


def read_aggregates(warehouse: Warehouse, as_of_date: date) -> Snapshot:
    """The same without similarities."""
    tables = (ITEM_STATS, USER_STATS, USER_ITEMS)
    return snapshot_of(as_of_date, *(warehouse.read(table, {"as_of_date": as_of_date}) for table in tables))


def with_similarities(snapshot: Snapshot, settings: RecommenderSettings, threads: int = 1) -> Snapshot:
    """The same state with the similarities that sources in use and `similar_items` read."""
    in_use = [source for source in SOURCES if getattr(settings.candidates, source.name)]
    used = {source.similarity for source in in_use if source.similarity}.union(settings.lists.similar_method)
    return replace(snapshot, similarities=compute_similarities(snapshot, settings, used, threads))


def snapshot_of(as_of_date: date, items: pa.Table, users: pa.Table, pairs: pa.Table) -> Snapshot:
    """Index the aggregate tables; without similarities."""
    items, users = items.sort_by("item_id"), users.sort_by("user_id")
    item_ids, user_ids = _ids(items, "item_id"), _ids(users, "user_id")
    category_names, categories = np.unique(items["category"].fill_null("").to_numpy(), return_inverse=True)
    pair_user = positions(pairs["user_id"], users["user_id"])
    pair_item = positions(pairs["item_id"], items["item_id"])
    order = np.lexsort((pair_item, pair_user))
    order = order[(pair_user[order] >= 0) & (pair_item[order] >= 0)]
    columns = {name: values[order] for name, values in numeric_columns(pairs).items()}
    pair_user, pair_item = pair_user[order], pair_item[order]
    return Snapshot(
        as_of_date, item_ids, numeric_columns(items), categories, category_names, user_ids, numeric_columns(users),
        pair_user, pair_item, columns, np.searchsorted(pair_user, np.arange(len(user_ids) + 1)), {},
    )  # fmt: skip


def similarity_matrices(similar: pa.Table, item_ids: NDArray[np.object_]) -> dict[str, sparse.csr_matrix]:
    """The rows of `item_similarities` as a matrix per method (items x items, in the order of item_ids)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = pa.chunked_array([pa.array(item_ids, pa.string())])
    shape = (len(item_ids), len(item_ids))
    matrices = {}
    for method in METHODS:
        own = similar.filter(pc.equal(similar["method"], method))
        rows, columns = positions(own["item_id"], ids), positions(own["similar_item_id"], ids)
        known = (rows >= 0) & (columns >= 0)
        scores = own["score_micros"].to_numpy()[known] / MICROS
        matrices[method] = sparse.csr_matrix((scores, (rows[known], columns[known])), shape=shape)
        matrices[method].sort_indices()
    return matrices


def similarity_rows(snapshot: Snapshot) -> pa.Table:
    """The similarity matrices as rows of `item_similarities`."""
    import pyarrow as pa

    return pa.concat_tables([_method_rows(snapshot, method) for method in snapshot.similarities])


def _method_rows(snapshot: Snapshot, method: str) -> pa.Table:
    import pyarrow as pa

    coo = snapshot.similarities[method].tocoo()
    rows = coo.row.astype(np.int64)
    micros = np.rint(coo.data * MICROS).astype(np.int64)
    count = len(rows)
    return pa.table(
        {
            "as_of_date": pa.array([snapshot.as_of_date] * count, pa.date32()),
            "method": pa.array([method] * count, pa.string()),
            "item_id": pa.array(snapshot.item_ids[rows], pa.string()),
            "rank": pa.array(rank_within(rows, micros.astype(np.float64)), pa.int64()),
            "similar_item_id": pa.array(snapshot.item_ids[coo.col], pa.string()),
            "score_micros": pa.array(micros, pa.int64()),
        }
    )


def numeric_columns(table: pa.Table) -> dict[str, NDArray[np.float64]]:
    """The number, boolean and date columns as float64; dates as days since 1970, nulls as NaN."""
    import pyarrow as pa

    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_date(column.type):
            column = column.cast(pa.int32())
        if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type) or pa.types.is_floating(column.type):
            columns[name] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return columns


def _ids(table: pa.Table, name: str) -> NDArray[np.object_]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), object)
