"""The usual way: one script in pandas and SciPy, from events to candidates, as fast as these libraries make it.

The bar that the pipeline has to beat. It says the same as the pipeline: the columns of `item_stats`, `user_stats` and
`user_items`, cosine of users' items, candidates by own history, similar items and popularity. It knows no BigQuery, no
reruns and no memory limit. Ids are categorical codes, dates are ages in days, groups are integers sorted once.
"""

from __future__ import annotations

import json
import math
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator

HISTORY_DAYS, MICROS = 730, 1_000_000
HALF_LIVES = {"weight_short_micros": 7, "weight_medium_micros": 30, "weight_micros": 90}
PAIRS_PER_USER, MIN_USERS, SIMILARITY_HALF_LIFE, NEIGHBOURS = 200, 2, 60.0, 50
# What each source may propose: about a hundred candidates a user.
OWN_HISTORY, ITEM_KNN, POPULARITY = 40, 60, 30
ITEM_BLOCK, USER_BLOCK = 2000, 2000
ROWS_AT_ONCE = 2_000_000
SCORES = ("own_history", "item_knn", "popularity_28d")

Ints = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


@dataclass
class CandidateFile:
    """A Parquet file of user_id, item_id and a score per source; both ways of the benchmark write one."""

    path: Path
    users: pa.Array
    items: pa.Array
    rows: int = 0
    waiting: list[pa.RecordBatch] = field(default_factory=list)

    def __post_init__(self) -> None:
        ids = pa.dictionary(pa.int32(), pa.string())
        self.schema = pa.schema([("user_id", ids), ("item_id", ids), *((name, pa.float32()) for name in SCORES)])
        self.writer = pq.ParquetWriter(self.path, self.schema)

    def batch(self, user: Ints, item: Ints, scores: list[Floats]) -> pa.RecordBatch:
        """Rows by position of user and item, to add."""
        ids = [
            pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32)), among)
            for at, among in ((user, self.users), (item, self.items))
        ]
        columns = [pa.array(values.astype(np.float32)) for values in scores]
        return pa.record_batch([*ids, *columns], schema=self.schema)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self.waiting.append(batch)
        self.rows += batch.num_rows
        if sum(batch.num_rows for batch in self.waiting) >= ROWS_AT_ONCE:
            self._write()

    def close(self) -> None:
        """Write what waits."""
        self._write()
        self.writer.close()

    def _write(self) -> None:
        self.writer.write_table(pa.Table.from_batches(self.waiting, self.schema), row_group_size=ROWS_AT_ONCE)
        self.waiting.clear()


def read_events(folder: Path, as_of: date) -> pd.DataFrame:
    """Visible events: user_id and item_id as categories, age in days, value in micro-units."""
    reading = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=["user_id", "item_id"]))
    by_date = ds.partitioning(pa.schema([("event_date", pa.date32())]), flavor="hive")
    files = ds.dataset(DeltaTable(folder).file_uris(), format=reading, partitioning=by_date)
    visible = (ds.field("event_date") < as_of) & (ds.field("arrival_date") <= as_of)
    rows = files.to_table(columns=["user_id", "item_id", "event_date", "value"], filter=visible).unify_dictionaries()
    age = np.int32((as_of - date(1970, 1, 1)).days) - rows["event_date"].cast(pa.int32()).to_numpy()
    value = rows["value"].fill_null(0.0).to_numpy()
    events: pd.DataFrame = rows.select(["user_id", "item_id"]).to_pandas()
    events["age"], events["value_micros"] = age.astype(np.int16), np.rint(value * MICROS).astype(np.int64)
    return events if age.max(initial=0) <= HISTORY_DAYS else events[events["age"] <= HISTORY_DAYS]


def read_catalogue(folder: Path, as_of: date) -> pd.DataFrame:
    """The newest snapshot of the items."""
    table = DeltaTable(folder)
    newest = max(day for parts in table.partitions() if (day := parts["snapshot_date"]) <= as_of.isoformat())
    files = [uri for uri in table.file_uris() if f"snapshot_date={newest}" in uri]
    items = pd.concat([pd.read_parquet(f, columns=["item_id", "category", "created_at", "is_active"]) for f in files])
    return items.sort_values("item_id", ignore_index=True)


def reduce_pairs(events: pd.DataFrame) -> pd.DataFrame:
    """The columns of user_items, sorted by (user, item); user and item as codes."""
    user, item = (events[name].cat.codes.to_numpy().astype(np.int64) for name in ("user_id", "item_id"))
    users, items = (len(events[name].cat.categories) for name in ("user_id", "item_id"))
    age = events["age"].to_numpy().astype(np.int64)
    depth = int(age.max(initial=0)) + 1
    came = np.zeros((users, depth), bool)
    came[user, age] = True
    visit = np.cumsum(came, axis=1, dtype=np.int16)
    # Sorted once by (user, item, age): what follows are sums of runs.
    key = (user * items + item) * depth + age
    del user, item, age
    order = np.argsort(key)
    key, value = key[order], events["value_micros"].to_numpy()[order]
    del order
    pair, age = np.divmod(key, depth)
    starts = np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]])
    new_day = np.r_[True, key[1:] != key[:-1]]
    ends = np.r_[starts[1:], len(pair)] - 1
    user, item = np.divmod(pair[starts], items)
    last, first = age[starts], age[ends]
    columns = {
        "user": user.astype(np.int32),
        "item": item.astype(np.int32),
        "last_age": last.astype(np.int16),
        "first_age": first.astype(np.int16),
        "last_visit": visit[user, last],
        "first_visit": visit[user, first],
        "active_days": np.add.reduceat(new_day, starts, dtype=np.int32),
        "events": (ends - starts + 1).astype(np.int32),
    }
    for days in (7, 28, 90):
        columns[f"events_{days}d"] = np.add.reduceat(age <= days, starts, dtype=np.int32)
    columns["other_events"] = np.zeros(len(starts), np.int32)
    for name, half_life in HALF_LIVES.items():
        by_age = np.rint(MICROS * np.exp(-math.log(2) / half_life * np.arange(depth))).astype(np.int64)
        columns[name] = np.add.reduceat(by_age[age], starts)
    columns["value_micros"] = np.add.reduceat(value, starts)
    return pd.DataFrame(columns, copy=False)


def reduce_users(events: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The columns of user_stats, by user code."""
    by_user = pairs.groupby("user", sort=True)
    summed = ["events", "events_7d", "events_28d", "events_90d", "value_micros"]
    users = by_user[summed].sum()
    users["last_age"], users["first_age"] = by_user["last_age"].min(), by_user["first_age"].max()
    users["active_days"] = by_user["first_visit"].max()
    users["items"] = by_user.size()
    users["items_28d"] = np.bincount(pairs["user"][pairs["last_age"] <= 28], minlength=len(users))
    users["user_id"] = events["user_id"].cat.categories[users.index]
    return users


def reduce_items(events: pd.DataFrame, pairs: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """The columns of item_stats, by item code; items of the catalogue that nobody touched come last."""
    by_item = pairs.groupby("item", sort=True)
    items = by_item[["events", "weight_micros", "value_micros"]].sum()
    items["last_age"], items["first_age"] = by_item["last_age"].min(), by_item["first_age"].max()
    items["users"] = by_item.size()
    item, count = pairs["item"].to_numpy(), len(items)
    last, first, days = (pairs[name].to_numpy() for name in ("last_age", "first_age", "active_days"))
    for window in (1, 3, 7, 14, 28, 90):
        items[f"users_{window}d"] = np.bincount(item[last <= window], minlength=count)
    for window in (7, 28):
        items[f"first_users_{window}d"] = np.bincount(item[first <= window], minlength=count)
    items["repeat_users"] = np.bincount(item[days > 1], minlength=count)
    items["returns"] = np.bincount(item, days - 1, minlength=count).astype(np.int64)
    items["return_days"] = np.bincount(item, first - last, minlength=count).astype(np.int64)
    items["item_id"] = events["item_id"].cat.categories[items.index]
    joined = items.merge(catalogue, on="item_id", how="outer", sort=False)
    counts = [name for name in items.columns if name not in ("item_id", "last_age", "first_age")]
    joined[counts] = joined[counts].fillna(0)
    known = joined.set_index("item_id")
    return known.reindex(events["item_id"].cat.categories.append(known.index.difference(pd.Index(items["item_id"]))))


def recent_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """At most PAIRS_PER_USER of each user, those touched last."""
    sizes = np.bincount(pairs["user"])
    if sizes.max(initial=0) <= PAIRS_PER_USER:
        return pairs
    order = np.lexsort((pairs["last_age"], pairs["user"]))
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return pairs.iloc[np.sort(order[place < PAIRS_PER_USER])]


def cosine(profiles: sparse.csr_matrix) -> sparse.csr_matrix:
    """The NEIGHBOURS most alike items of each item, in blocks of items; heavy users count less."""
    touched = np.bincount(profiles.indices, minlength=profiles.shape[1])
    kept = sparse.csr_matrix(profiles @ sparse.diags((touched >= MIN_USERS).astype(np.float32)))
    sums = np.asarray(kept.sum(axis=1)).ravel()
    kept = sparse.csr_matrix(sparse.diags((1 / np.sqrt(np.where(sums > 0, sums, 1))).astype(np.float32)) @ kept)
    norms = np.sqrt(np.asarray(kept.multiply(kept).sum(axis=0)).ravel())
    unit = sparse.csr_matrix(kept @ sparse.diags((1 / np.where(norms > 0, norms, 1)).astype(np.float32)))
    unit.eliminate_zeros()
    rows = sparse.csr_matrix(unit.T)
    blocks = []
    for start in range(0, rows.shape[0], ITEM_BLOCK):
        block = sparse.csr_matrix(rows[start : start + ITEM_BLOCK] @ unit)
        own = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr)) == block.indices
        block.data[own] = 0
        blocks.append(top_n(block, NEIGHBOURS))
    return sparse.csr_matrix(sparse.vstack(blocks))


def top_n(matrix: sparse.csr_matrix, n: int) -> sparse.csr_matrix:
    """The n largest positive entries of each row."""
    lengths = np.diff(matrix.indptr)
    kept = np.minimum(lengths, n)
    indptr = np.r_[0, np.cumsum(kept)]
    chosen = np.arange(indptr[-1]) + np.repeat(matrix.indptr[:-1] - indptr[:-1], kept)
    data = matrix.data
    for row in np.flatnonzero(lengths > n):
        start = matrix.indptr[row]
        largest = data[start : matrix.indptr[row + 1]].argpartition(-n)[-n:]
        chosen[indptr[row] : indptr[row + 1]] = start + largest
    top = sparse.csr_matrix((data[chosen], matrix.indices[chosen], indptr), shape=matrix.shape)
    top.eliminate_zeros()
    return top


def write_candidates(
    profiles: sparse.csr_matrix,
    history: sparse.csr_matrix,
    alike: sparse.csr_matrix,
    items: pd.DataFrame,
    to: CandidateFile,
) -> None:
    """The best of own history, similar items and popularity of every user, each pair once."""
    shown = ((items["is_active"] == True) & (items["events"] > 0)).to_numpy()  # noqa: E712
    wide = history.shape[1]
    weight = items["weight_micros"].to_numpy() + (items["events"].to_numpy() > 0)
    popularity = items["users_28d"].to_numpy() + weight / (1 + weight.max())
    popular = np.sort(np.argsort(np.where(shown, -popularity, 0), kind="stable")[:POPULARITY])
    visible = shown[:wide].astype(np.float32)
    for start in range(0, history.shape[0], USER_BLOCK):
        block = slice(start, start + USER_BLOCK)
        best = [
            _keys(top_n(_visible(history[block], visible), OWN_HISTORY), wide),
            _keys(top_n(_visible(sparse.csr_matrix(profiles[block] @ alike), visible), ITEM_KNN), wide),
        ]
        users = min(USER_BLOCK, history.shape[0] - start)
        common = (np.arange(users)[:, None] * wide + popular).ravel()
        found = np.sort(np.concatenate([best[0][0], best[1][0], common]))
        found = found[np.r_[True, found[1:] != found[:-1]]]
        scores = []
        for keys, values in best:
            column = np.zeros(len(found), np.float32)
            column[np.searchsorted(found, keys)] = values
            scores.append(column)
        user, item = np.divmod(found, wide)
        to.add(to.batch(start + user, item, [*scores, popularity[item]]))
    to.close()


def _visible(scores: sparse.csr_matrix, shown: Floats) -> sparse.csr_matrix:
    scores.data *= shown[scores.indices]
    return scores


def _keys(matrix: sparse.csr_matrix, wide: int) -> tuple[Ints, Floats]:
    matrix.sort_indices()
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return rows * wide + matrix.indices, matrix.data


def main() -> None:
    """Arguments: folders of the Delta tables `events` and `items`, as_of_date, the Parquet file to write."""
    events_folder, items_folder, as_of, out = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    day, seconds = date.fromisoformat(as_of), {}

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - began

    with phase("read"):
        events, catalogue = read_events(events_folder, day), read_catalogue(items_folder, day)
    with phase("pairs"):
        pairs = reduce_pairs(events)
    with phase("statistics"):
        users, items = reduce_users(events, pairs), reduce_items(events, pairs, catalogue)
        ids = [pa.array(events[name].cat.categories, pa.string()) for name in ("user_id", "item_id")]
        del events, catalogue
    with phase("similarities"):
        shape = (len(users), len(ids[1]))
        recent = recent_pairs(pairs)
        weights = np.power(0.5, recent["last_age"].to_numpy() / SIMILARITY_HALF_LIFE).astype(np.float32)
        profiles = sparse.csr_matrix((weights, (recent["user"], recent["item"])), shape=shape)
        alike = cosine(profiles)
    with phase("candidates"):
        own = (pairs["weight_micros"].to_numpy() / MICROS).astype(np.float32)
        history = sparse.csr_matrix((own, (pairs["user"], pairs["item"])), shape=shape)
        to = CandidateFile(out, *ids)
        write_candidates(profiles, history, alike, items, to)
    counts = {"users": len(users), "items": len(items), "pairs": len(pairs), "candidates": to.rows}
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "counts": counts}))


if __name__ == "__main__":
    main()
