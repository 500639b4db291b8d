"""Rule 4: readers see all of one publication or nothing."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from multiprocessing.pool import Pool

import pyarrow as pa
import pytest

from include.recommender.tables import POPULAR_ITEMS, SIMILAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.publication.reader import read_current, read_publication
from include.retraining.publication.stage import stage
from include.retraining.publication.switch import switch_current
from include.retraining.tables import BLOCKED_ITEMS
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.processes import poll_readers
from tests.retraining.publishing import lists, popular, publish, run_of, stage_lists

MON, TUE = date(2026, 3, 9), date(2026, 3, 10)


def mark(warehouse: LocalWarehouse, item_id: str, number: int, kind: str) -> None:
    row = {
        "item_id": item_id, "number": number, "kind": kind, "who": "operator", "why": "a complaint",
        "recorded_at": datetime.now(UTC),
    }  # fmt: skip
    warehouse.append_once(BLOCKED_ITEMS, pa.Table.from_pylist([row], schema=BLOCKED_ITEMS.schema))


def items(warehouse: LocalWarehouse) -> list[str]:
    return list(read_current(warehouse, USER_RECOMMENDATIONS)["item_id"].to_pylist())


def test_before_the_first_publication_readers_get_an_empty_table_of_the_right_columns(
    warehouse: LocalWarehouse,
) -> None:
    rows = read_current(warehouse, USER_RECOMMENDATIONS)
    assert (rows.num_rows, rows.schema) == (0, USER_RECOMMENDATIONS.schema)


def test_rule_4_what_is_only_staged_is_not_seen(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    stage_lists(warehouse, TUE, 5)
    assert items(warehouse) == ["i1", "i2", "i3"]


def test_rule_4_all_rows_are_of_the_current_publication(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    second, _ = publish(warehouse, TUE, 5)
    for table in (USER_RECOMMENDATIONS, POPULAR_ITEMS):
        rows = read_current(warehouse, table)
        assert set(rows["publication_id"].to_pylist()) == {second.publication_id}
        assert rows.num_rows == 5
    assert read_publication(warehouse, POPULAR_ITEMS, first.publication_id).num_rows == 3


def test_a_reader_may_ask_for_one_user(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    assert read_current(warehouse, USER_RECOMMENDATIONS, {"user_id": "u1", "surface": "for_you"}).num_rows == 3
    assert read_current(warehouse, USER_RECOMMENDATIONS, {"user_id": "u2"}).num_rows == 0


def test_a_blocked_item_vanishes_at_once_and_returns_when_unblocked(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    mark(warehouse, "i2", 1, "block")
    assert items(warehouse) == ["i1", "i3"]
    assert read_current(warehouse, POPULAR_ITEMS)["item_id"].to_pylist() == ["i1", "i3"]
    mark(warehouse, "i2", 2, "unblock")
    assert items(warehouse) == ["i1", "i2", "i3"]
    mark(warehouse, "i2", 3, "block")
    assert items(warehouse) == ["i1", "i3"]


def test_a_blocked_item_vanishes_from_both_sides_of_similar_items(warehouse: LocalWarehouse) -> None:
    rows = pa.table(
        {
            "as_of_date": pa.array([MON] * 3, pa.date32()),
            "item_id": ["i1", "i1", "i2"],
            "rank": [1, 2, 1],
            "similar_item_id": ["i2", "i3", "i1"],
            "score": [0.9, 0.8, 0.9],
        }
    )
    staged = stage(warehouse, MON, {SIMILAR_ITEMS: rows})
    switch_current(warehouse, run_of(MON), staged.publication_id, "hold")
    mark(warehouse, "i2", 1, "block")
    kept = read_current(warehouse, SIMILAR_ITEMS, item_columns=("item_id", "similar_item_id"))
    assert kept.select(["item_id", "similar_item_id"]).to_pylist() == [{"item_id": "i1", "similar_item_id": "i3"}]


@pytest.mark.integration
def test_rule_4_a_reader_in_another_process_never_sees_a_part_or_a_mixture_of_publications(
    warehouse: LocalWarehouse, processes: Pool
) -> None:
    """Twenty publications in a row; every row of one carries its number of rows as the score."""
    days = [MON + timedelta(days=number) for number in range(20)]
    sizes = {day: 100 + number for number, day in enumerate(days)}
    last = stage_lists(warehouse, days[-1], sizes[days[-1]]).publication_id
    polling = processes.apply_async(poll_readers, (warehouse.folder, last, 60.0))
    while not (warehouse.folder.parent / "reading").exists():
        assert not polling.ready(), polling.get()
        time.sleep(0.05)
    published = []
    for day in days:
        # A busy machine may not let the other process run at all between two publications.
        time.sleep(0.05)
        rows_of = {USER_RECOMMENDATIONS: lists(day, sizes[day]), POPULAR_ITEMS: popular(day, sizes[day])}
        published.append(stage(warehouse, day, rows_of).publication_id)
        switch_current(warehouse, run_of(day), published[-1], "hold")
    seen, wrong = polling.get(timeout=60)
    assert wrong == []
    assert seen == [publication_id for publication_id in published if publication_id in seen]
    assert seen[-1] == last
    assert len(seen) >= 3
