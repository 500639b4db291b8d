"""Everything known as of a date, as arrays: items, users, their pairs, item similarities."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from include.recommender.arrays import MICROS, position_in_group, positions
from include.recommender.columns import NarrowColumns, narrow_columns, numeric_columns, rows_at
from include.recommender.similarities import METHODS
from include.recommender.sources import SOURCES
from include.recommender.sql import sql
from include.recommender.tables import ITEM_STATS, USER_STATS
from include.retraining.warehouse.protocol import Query, pieces_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse

EPOCH = date(1970, 1, 1)
# The columns of a pair that similarities look at.
TOUCHED = ("user_id", "item_id", "first_date", "last_date", "events")
ROWS_AT_ONCE = 200_000
# A shard of the users: its number, of how many. None: nobody, where only items matter.
Part = tuple[int, int] | None
EVERYBODY: Part = (0, 1)


@dataclass(frozen=True)
class Snapshot:
    """State as of a date. Ids are sorted; columns are float64, dates as days since 1970, missing as NaN.

    `pairs` are sorted by (user, item), and kept in less memory than whoever looks at a column gets it in;
    `pair_start[u]:pair_start[u + 1]` are those of user u. A snapshot that was made for some users has the ids of all,
    but columns and pairs of those users only. `made` is for who looks: what features say of each item, kept once made.
    """

    as_of_date: date
    item_ids: NDArray[np.object_]
    items: Mapping[str, NDArray[np.float64]]
    categories: NDArray[np.int64]
    category_names: NDArray[np.object_]
    user_ids: NDArray[np.object_]
    users: Mapping[str, NDArray[np.float64]]
    pair_item: NDArray[np.int32]
    pairs: Mapping[str, NDArray[np.float64]]
    pair_start: NDArray[np.int64]
    similarities: Mapping[str, sparse.csr_matrix]
    made: dict[str, NDArray[np.float32]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def day(self) -> int:
        """as_of_date as days since 1970."""
        return (self.as_of_date - EPOCH).days

    @property
    def pair_user(self) -> NDArray[np.int64]:
        """The user of each pair, made when asked for: of millions of pairs it would be more than their items."""
        return np.repeat(np.arange(len(self.pair_start) - 1), np.diff(self.pair_start))

    @cached_property
    def item_names(self) -> pa.StringArray:
        """item_ids as Arrow text: names of many rows are taken from it without a Python object for each."""
        import pyarrow as pa

        return pa.array(self.item_ids, pa.string())

    @cached_property
    def user_names(self) -> pa.StringArray:
        """user_ids as Arrow text."""
        import pyarrow as pa

        return pa.array(self.user_ids, pa.string())

    @property
    def shape(self) -> tuple[int, int]:
        """(users, items)."""
        return len(self.user_ids), len(self.item_ids)

    def without(self, blocked: Collection[str]) -> Snapshot:
        """The same state with some items switched off."""
        if not blocked:
            return self
        shown = ~np.isin(self.item_ids.astype(str), list(blocked))
        return replace(self, items={**self.items, "is_active": self.items["is_active"] * shown}, made={})

    def only(self, users: NDArray[np.int64]) -> Snapshot:
        """The same state with the given users and their pairs alone, in the given order."""
        starts, ends = self.pair_start[users], self.pair_start[users + 1]
        lengths = ends - starts
        row = np.repeat(np.arange(len(users)), lengths)
        at = np.repeat(starts, lengths) + position_in_group(row)
        return replace(
            self,
            user_ids=self.user_ids[users],
            users=rows_at(self.users, users),
            pair_item=self.pair_item[at],
            pairs=rows_at(self.pairs, at),
            pair_start=np.r_[0, np.cumsum(lengths)],
        )

    @cached_property
    def recommendable(self) -> NDArray[np.bool_]:
        """Items that may be shown: active, and with at least one event before as_of_date."""
        return (self.items["is_active"] > 0) & (self.items["events"] > 0)


def with_rows(nobody: Snapshot, columns: pa.Table, pairs: Iterable[pa.Table]) -> Snapshot:
    """The same state with the columns and pairs of some users: their rows of USER_STATS and USER_ITEMS."""
    import pyarrow as pa

    ids = pa.table({"user_id": pa.array(nobody.user_ids, pa.string())})
    indexed = _index_pairs(nobody.user_ids, nobody.item_ids, pairs)
    return replace(nobody, users=_columns_of(ids, columns), **indexed)


def read_snapshot(
    warehouse: Warehouse, as_of_date: date, part: Part = EVERYBODY, methods: Collection[str] = tuple(METHODS)
) -> Snapshot:
    """The snapshot that the build_* steps of as_of_date wrote: pairs of a part of the users, some similarities."""
    snapshot = read_aggregates(warehouse, as_of_date, part)
    return replace(snapshot, similarities=read_similarities(warehouse, as_of_date, snapshot.shape[1], methods))


def read_aggregates(warehouse: Warehouse, as_of_date: date, part: Part = EVERYBODY) -> Snapshot:
    """The same without similarities."""
    where = {"as_of_date": as_of_date}
    items, users = warehouse.read(ITEM_STATS, where), warehouse.read(USER_STATS, where)
    first_user, last_user = bounds_of(_ids(users, "user_id"), part)
    pairs = Query(sql("pairs_of_users"), {**where, "first_user": first_user, "last_user": last_user})
    return snapshot_of(as_of_date, items, users, pieces_of(warehouse, pairs))


def read_touched(warehouse: Warehouse, as_of_date: date) -> Snapshot:
    """Everybody's pairs with no more columns than similarities look at."""
    where = {"as_of_date": as_of_date}
    items, users = warehouse.read(ITEM_STATS, where), warehouse.read(USER_STATS, where)
    return snapshot_of(as_of_date, items, users, pieces_of(warehouse, Query(sql("touched_stored"), where)))


def users_of_shard(users: int, shard: int, shards: int) -> NDArray[np.int64]:
    """Positions of one of `shards` parts of so many users."""
    return np.array_split(np.arange(users), shards)[shard]


def bounds_of(user_ids: NDArray[np.object_], part: Part) -> tuple[str, str]:
    """The first and the last id of a part of the users, whose ids are sorted; two empty ones where it has nobody."""
    theirs = user_ids[users_of_shard(len(user_ids), *part)].tolist() if part else []
    return (theirs[0], theirs[-1]) if theirs else ("", "")


def methods_in_use(settings: RecommenderSettings) -> set[str]:
    """The methods of similarity that sources in use read."""
    in_use = [source for source in SOURCES if getattr(settings.candidates, source.name)]
    return {source.similarity for source in in_use if source.similarity}


def methods_to_make(settings: RecommenderSettings) -> set[str]:
    """The methods of similarity that sources in use and `similar_items` read."""
    return methods_in_use(settings) | set(settings.lists.similar_method)


def snapshot_of(as_of_date: date, items: pa.Table, users: pa.Table, pairs: Iterable[pa.Table]) -> Snapshot:
    """Index the aggregate tables; without similarities. Pairs come in pieces; those of some of the users will do."""
    items, users = items.sort_by("item_id"), users.sort_by("user_id")
    item_ids, user_ids = _ids(items, "item_id"), _ids(users, "user_id")
    category_names, categories = np.unique(items["category"].fill_null("").to_numpy(), return_inverse=True)
    indexed = _index_pairs(user_ids, item_ids, pairs)
    return Snapshot(
        as_of_date, item_ids, _numbers(items), categories, category_names, user_ids, _numbers(users),
        **indexed, similarities={},
    )  # fmt: skip


def _index_pairs(
    user_ids: NDArray[np.object_], item_ids: NDArray[np.object_], pieces: Iterable[pa.Table]
) -> dict[str, Any]:
    """The fields of Snapshot about pairs; those of unknown users or items are left out."""
    import pyarrow as pa

    among = [pa.chunked_array([pa.array(ids, pa.string())]) for ids in (user_ids, item_ids)]
    wide, keys = len(item_ids), [np.zeros(0, np.int64)]
    parts: defaultdict[str, list[NDArray[Any]]] = defaultdict(list)
    for piece in pieces:
        user, item = positions(piece["user_id"], among[0]), positions(piece["item_id"], among[1])
        known = (user >= 0) & (item >= 0)
        keys.append((user * wide + item)[known])
        for name, values in narrow_columns(piece).items():
            if name != "as_of_date":
                parts[name].append(values if known.all() else values[known])
    key = np.concatenate(keys)
    keys.clear()
    order = np.argsort(key, kind="stable")
    key = key[order]
    return {
        "pair_item": (key % wide if wide else key).astype(np.int32),
        "pair_start": np.searchsorted(key, np.arange(len(user_ids) + 1) * wide),
        # The pieces of a column go as soon as it is put together.
        "pairs": NarrowColumns({name: np.concatenate(parts.pop(name))[order] for name in list(parts)}),
    }


def _columns_of(ids: pa.Table, rows: pa.Table) -> dict[str, NDArray[np.float64]]:
    """Number columns of `rows`, one row per user, in the order of all ids; NaN for users without a row."""
    at = positions(rows["user_id"], ids["user_id"])
    columns = {}
    for name, values in _numbers(rows).items():
        columns[name] = np.full(ids.num_rows, np.nan)
        columns[name][at] = values
    return columns


def read_similarities(
    warehouse: Warehouse, as_of_date: date, items: int, methods: Collection[str]
) -> dict[str, sparse.csr_matrix]:
    """The rows of `item_similarities` as a matrix per method, in the order of the ids of `item_stats` of that date."""
    found = {}
    for method in methods:
        query = Query(sql("similarities_by_place"), {"as_of_date": as_of_date, "method": method})
        pieces = [narrow_columns(rows) for rows in pieces_of(warehouse, query)]
        item, similar, micros = (
            np.concatenate([of[name] for of in pieces]) for name in ("item", "similar_item", "score_micros")
        )
        found[method] = sparse.csr_matrix((micros / MICROS, (item, similar)), shape=(items, items))
        found[method].sort_indices()
    return found


def similarity_rows(snapshot: Snapshot, matrices: Iterable[tuple[str, sparse.csr_matrix]]) -> Iterator[pa.Table]:
    """Similarity matrices, given by method, as rows of `item_similarities`, those of some items at a time.

    Where the methods come by name, rows come in key order.
    """
    import pyarrow as pa

    for method, matrix in matrices:
        ends = np.searchsorted(matrix.indptr, np.arange(0, matrix.nnz + ROWS_AT_ONCE, ROWS_AT_ONCE))
        for first, last in pairwise(np.unique(np.minimum(ends, matrix.shape[0])).tolist()):
            coo = matrix[first:last].tocoo()
            item, micros = coo.row.astype(np.int64) + first, np.rint(coo.data * MICROS).astype(np.int64)
            order = np.lexsort((-micros, item))
            item, similar, count = item[order], coo.col[order], len(order)
            yield pa.table(
                {
                    "as_of_date": pa.repeat(pa.scalar(snapshot.as_of_date, pa.date32()), count),
                    "method": pa.repeat(method, count),
                    "item_id": snapshot.item_names.take(pa.array(item)),
                    "rank": pa.array(position_in_group(item) + 1, pa.int64()),
                    "similar_item_id": snapshot.item_names.take(pa.array(similar)),
                    "score_micros": pa.array(micros[order], pa.int64()),
                }
            )
        # The next one is awaited without it.
        del matrix


def _numbers(table: pa.Table) -> dict[str, NDArray[np.float64]]:
    """Number columns of an aggregate table; its date is the snapshot's."""
    return {name: values for name, values in numeric_columns(table).items() if name != "as_of_date"}


def _ids(table: pa.Table, name: str) -> NDArray[np.object_]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), object)
