"""Aggregate tables become arrays: sorted ids, pairs by user, what may be shown."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from include.recommender.past_date import PastDate
from include.recommender.similarities import METHODS, compute_similarities, each_similarity
from include.recommender.snapshot import (
    read_aggregates,
    read_similarities,
    read_snapshot,
    similarity_rows,
)
from include.recommender.statistics import statistics_at
from include.recommender.tables import ITEM_SIMILARITIES, ITEM_STATS, USER_ITEMS, USER_STATS
from include.retraining.warehouse.protocol import Pieces
from tests.recommender.small_world import (
    DAY,
    catalogue,
    days_ago,
    event,
    random_catalogue,
    random_events,
    snapshot_from,
    warehouse_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table

EVENTS = random_events(seed=5, count=400, users=15, items=25, days=40)


@pytest.fixture
def snapshot(tmp_path: Path, settings: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path, EVENTS, random_catalogue(25), settings)


def assert_same(left: Snapshot, right: Snapshot) -> None:
    assert left.item_ids.tolist() == right.item_ids.tolist()
    assert left.user_ids.tolist() == right.user_ids.tolist()
    assert left.category_names[left.categories].tolist() == right.category_names[right.categories].tolist()
    for mine, theirs in ((left.items, right.items), (left.users, right.users), (left.pairs, right.pairs)):
        assert mine.keys() == theirs.keys()
        for name, values in mine.items():
            np.testing.assert_array_equal(values, theirs[name], err_msg=name)
    assert (left.pair_user.tolist(), left.pair_item.tolist()) == (right.pair_user.tolist(), right.pair_item.tolist())
    assert left.pair_start.tolist() == right.pair_start.tolist()
    assert left.similarities.keys() == right.similarities.keys()
    for method, matrix in left.similarities.items():
        assert matrix.toarray().tobytes() == right.similarities[method].toarray().tobytes(), method


def test_ids_are_sorted_and_pairs_are_sorted_by_user_and_item(snapshot: Snapshot) -> None:
    assert snapshot.item_ids.tolist() == sorted(snapshot.item_ids)
    assert snapshot.user_ids.tolist() == sorted(snapshot.user_ids)
    keys = snapshot.pair_user * snapshot.shape[1] + snapshot.pair_item
    assert (np.diff(keys) > 0).all()


def test_pair_start_bounds_the_pairs_of_each_user(snapshot: Snapshot) -> None:
    for user, user_id in enumerate(snapshot.user_ids):
        own = slice(snapshot.pair_start[user], snapshot.pair_start[user + 1])
        items = {str(snapshot.item_ids[item]) for item in snapshot.pair_item[own]}
        touched = {row["item_id"] for row in EVENTS if row["user_id"] == user_id and row["arrival_date"] <= DAY}
        assert items == touched


def test_items_may_be_shown_when_active_and_touched_and_not_blocked(
    tmp_path: Path, settings: RecommenderSettings
) -> None:
    items = [*catalogue(["fine", "blocked", "quiet"]), *catalogue(["gone"], is_active=False)]
    events = [event("u", item, 1) for item in ("fine", "blocked", "gone", "unknown")]
    snapshot = snapshot_from(tmp_path, events, items, settings)
    assert snapshot.item_ids.tolist() == ["blocked", "fine", "gone", "quiet"]
    assert snapshot.recommendable.tolist() == [True, True, False, False]
    served = snapshot.without({"blocked", "never heard of"})
    assert served.recommendable.tolist() == [False, True, False, False]
    assert snapshot.recommendable.tolist() == [True, True, False, False]
    assert snapshot.without(()) is snapshot


@pytest.mark.parametrize("method", METHODS)
def test_similarities_come_from_positive_pairs_only(
    tmp_path: Path, settings_with: Callable[..., RecommenderSettings], method: str
) -> None:
    ages = {"a": 1, "b": 2 if method == "next_basket" else 1, "viewed": 1}
    types = {"a": "like", "b": "like", "viewed": "view"}
    events = [event(user, item, age, event_type=types[item]) for user in ("u", "v") for item, age in ages.items()]
    likes = settings_with(business={"positive_event_types": ["like"]})
    snapshot = snapshot_from(tmp_path, events, catalogue(["a", "b", "viewed"]), likes)
    alike = snapshot.similarities[method].toarray()
    # What comes next is no likeness both ways: b was first.
    both = [[False, method != "next_basket", False], [True, False, False], [False, False, False]]
    assert (alike > 0).tolist() == both


def test_rule_3_the_order_of_rows_does_not_matter(
    tmp_path: Path, settings: RecommenderSettings, snapshot: Snapshot
) -> None:
    events = random.Random(1).sample(EVENTS, len(EVENTS))
    items = random.Random(1).sample(random_catalogue(25), 25)
    assert_same(snapshot_from(tmp_path, events, items, settings), snapshot)


def test_what_the_build_steps_wrote_reads_back_as_what_was_computed(
    warehouse: LocalWarehouse, tmp_path: Path, settings: RecommenderSettings
) -> None:
    source = warehouse_of(tmp_path, EVENTS, random_catalogue(25))
    for table in (ITEM_STATS, USER_STATS, USER_ITEMS):
        rows = statistics_at(source, settings, table, DAY, DAY)
        warehouse.replace(table, {"as_of_date": DAY}, rows)
    aggregates = read_aggregates(warehouse, DAY)
    assert not aggregates.similarities
    similar = replace(aggregates, similarities=compute_similarities(aggregates, settings))
    made = Pieces(lambda: similarity_rows(aggregates, each_similarity(aggregates, settings, threads=2)))
    warehouse.replace(ITEM_SIMILARITIES, {"as_of_date": DAY}, made)
    computed = PastDate(source, settings, DAY, DAY).of_everybody()
    assert min(matrix.nnz for matrix in computed.similarities.values()) > 20
    assert_same(similar, computed)
    assert_same(read_snapshot(warehouse, DAY), computed)


@pytest.mark.parametrize("at_once", [1, 7, 10**6])
def test_similarity_rows_rank_neighbours_from_the_nearest_and_ties_by_id(
    snapshot: Snapshot, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.recommender.snapshot.ROWS_AT_ONCE", at_once)
    pieces = pa.concat_tables(rows_of(snapshot))
    assert pieces.num_rows == sum(matrix.nnz for matrix in snapshot.similarities.values())
    assert pieces.equals(pieces.sort_by([(name, "ascending") for name in ITEM_SIMILARITIES.key]))
    rows = pieces.to_pandas()
    assert not rows.duplicated(list(ITEM_SIMILARITIES.key)).any()
    assert rows["method"].unique().tolist() == sorted(METHODS)
    for _, own in rows.groupby(["method", "item_id"]):
        ordered = own.sort_values(["score_micros", "similar_item_id"], ascending=[False, True])
        assert ordered["rank"].tolist() == list(range(1, len(own) + 1))


def test_similarities_of_items_that_left_the_catalogue_are_left_out(
    warehouse: LocalWarehouse, snapshot: Snapshot
) -> None:
    left = [0, 3, 24]
    items = pa.table({"item_id": pa.array(np.delete(snapshot.item_ids, left), pa.string())})
    stored = {ITEM_STATS: items, ITEM_SIMILARITIES: pa.concat_tables(rows_of(snapshot))}
    for table, rows in stored.items():
        warehouse.replace(table, {"as_of_date": DAY}, filled(table, rows, DAY))
    matrices = read_similarities(warehouse, DAY, items.num_rows, METHODS)
    assert list(matrices) == list(METHODS)
    for method, matrix in matrices.items():
        whole = snapshot.similarities[method].toarray()
        expected = np.delete(np.delete(whole, left, axis=0), left, axis=1)
        assert 0 < np.count_nonzero(expected) < np.count_nonzero(whole)
        assert matrix.toarray().tolist() == expected.tolist()
        assert matrix.has_sorted_indices


def filled(table: Table, rows: pa.Table, day: date) -> pa.Table:
    """The rows with their date, and zeros, or nothing, in the columns they lack."""
    columns = {name: rows[name] for name in rows.column_names} | {"as_of_date": pa.array([day] * rows.num_rows)}
    for name in set(table.columns) - set(columns):
        kind = table.schema.field(name).type
        zero = 0 if pa.types.is_integer(kind) else None
        columns[name] = pa.array([zero] * rows.num_rows, kind)
    return pa.table(columns)


def test_a_day_without_events_gives_an_empty_snapshot(tmp_path: Path, settings: RecommenderSettings) -> None:
    snapshot = snapshot_from(tmp_path, [event("u", "i", 1)], catalogue(["i"]), settings, days_ago(5))
    assert snapshot.shape == (0, 1)
    assert not snapshot.recommendable.any()
    assert [matrix.nnz for matrix in snapshot.similarities.values()] == [0] * len(METHODS)
    assert list(rows_of(snapshot)) == []


def rows_of(snapshot: Snapshot) -> Iterator[pa.Table]:
    """Rows of all its matrices, in key order."""
    return similarity_rows(snapshot, sorted(snapshot.similarities.items()))
