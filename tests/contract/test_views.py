"""What readers of BigQuery see (an emulator of it): views that follow the switches log, without what is blocked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.recommender.blocked_lists import plan_list_blocking, without_blocked_lists
from include.recommender.tables import (
    BLOCKED_LISTS,
    EVERYBODY,
    POPULAR_ITEMS,
    PUBLISHED_TABLES,
    USER_RECOMMENDATIONS,
)
from include.retraining.errors import PublicationVerifyError
from include.retraining.operation import Operation, perform
from include.retraining.publication.reader import read_current, read_publication
from include.retraining.publication.stage import publication_hash
from include.retraining.publication.switch import switch_current, verify_current
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.tables import BLOCKED_ITEMS, PUBLICATION_SWITCHES, PUBLICATIONS
from tests.recommender.published_lists import OTHER, USER
from tests.recommender.published_lists import publish as publish_every_kind
from tests.retraining.publishing import run_of, stage_lists

if TYPE_CHECKING:
    from include.retraining.publication.stage import Staged
    from include.retraining.warehouse.bigquery.warehouse import BigQueryWarehouse
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table

pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]

MONDAY, TUESDAY = date(2026, 5, 4), date(2026, 5, 5)
AUDIT_TABLES = (PUBLICATIONS, PUBLICATION_SWITCHES, BLOCKED_ITEMS, BLOCKED_LISTS)


@pytest.fixture
def warehouse(on_bigquery: BigQueryWarehouse) -> BigQueryWarehouse:
    """A warehouse with the tables of publications."""
    on_bigquery.create_tables((USER_RECOMMENDATIONS, POPULAR_ITEMS, *AUDIT_TABLES))
    return on_bigquery


def publish(warehouse: BigQueryWarehouse, as_of_date: date, count: int) -> Staged:
    staged = stage_lists(warehouse, as_of_date, count)
    assert switch_current(warehouse, run_of(as_of_date), staged.publication_id, "hold").is_current
    return staged


def seen(warehouse: BigQueryWarehouse, view: str = "current_popular_items") -> list[tuple[str, str]]:
    """(publication, item) of what an application reads, with nothing but SQL."""
    name = warehouse.jobs.table_id(view)
    rows = warehouse.jobs.client.query(f"SELECT publication_id, item_id FROM `{name}` ORDER BY rank").result()
    return [(row["publication_id"], row["item_id"]) for row in rows]


def verify(warehouse: BigQueryWarehouse, staged: Staged, as_of_date: date) -> None:
    tables = (USER_RECOMMENDATIONS, POPULAR_ITEMS)
    rows = {table: read_publication(warehouse, table, staged.publication_id) for table in tables}
    assert publication_hash(rows) == staged.content_hash
    verify_current(warehouse, run_of(as_of_date), staged.publication_id, staged.content_hash, rows)


def test_views_show_the_current_publication_and_follow_a_switch_and_a_rollback(warehouse: BigQueryWarehouse) -> None:
    first = publish(warehouse, MONDAY, 2)
    assert seen(warehouse) == [(first.publication_id, "i1"), (first.publication_id, "i2")]
    second = publish(warehouse, TUESDAY, 1)
    for view in ("current_popular_items", "current_user_recommendations"):
        assert seen(warehouse, view) == [(second.publication_id, "i1")]
    verify(warehouse, second, TUESDAY)
    append_switch(warehouse, read_switch_log(warehouse), first.publication_id, "rollback", "anna", "why", "run")
    assert [publication for publication, _ in seen(warehouse)] == [first.publication_id] * 2
    append_switch(warehouse, read_switch_log(warehouse), "", "rollback", "anna", "why", "run")
    assert seen(warehouse) == []


def test_a_view_names_constants_so_that_partitions_are_pruned(warehouse: BigQueryWarehouse) -> None:
    staged = publish(warehouse, MONDAY, 1)
    query = warehouse.jobs.client.get_table(warehouse.jobs.table_id("current_popular_items")).view_query
    assert f"published.publication_id = '{staged.publication_id}'" in query
    assert re.search(r"published\.as_of_date = (DATE|CAST\() ?'2026-05-04'", query)


def test_blocked_items_vanish_from_the_next_read_on_and_return(warehouse: BigQueryWarehouse) -> None:
    publish(warehouse, MONDAY, 3)
    for number, kind, left in ((1, "block", ["i1", "i3"]), (2, "unblock", ["i1", "i2", "i3"])):
        row = {
            "item_id": "i2", "number": number, "kind": kind, "who": "anna", "why": "w", "run_id": "r",
            "recorded_at": datetime.now(UTC),
        }  # fmt: skip
        warehouse.append_once(BLOCKED_ITEMS, pa.Table.from_pylist([row], schema=BLOCKED_ITEMS.schema))
        assert [item for _, item in seen(warehouse)] == left


def test_blocked_lists_vanish_as_they_do_for_readers_of_the_embedded_warehouse_and_return(
    warehouse: BigQueryWarehouse, on_delta: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAWARI_HASH_KEY", "for tests")
    for each in (warehouse, on_delta):
        each.create_tables((*PUBLISHED_TABLES, *AUDIT_TABLES))
        publish_every_kind(each, MONDAY)
    for action, left in (("block", [5, 1, 1]), ("unblock", [6, 2, 2])):
        operation = Operation(f"run to {action}", "anna", "a complaint", dry_run=False)
        for each in (warehouse, on_delta):
            plan = plan_list_blocking(each, operation, action, "for_you", [USER], ["cats"], ["i1"])  # type: ignore[arg-type]
            perform(operation, plan)
        there = {table: in_view(warehouse, table) for table in PUBLISHED_TABLES}
        assert [len(rows) for rows in there.values()] == left
        assert there == {table: for_reader(on_delta, table) for table in PUBLISHED_TABLES}
        assert there == {table: for_reader(warehouse, table) for table in PUBLISHED_TABLES}
        assert list_of(warehouse, USER) == (EVERYBODY if action == "block" else USER)
        assert list_of(warehouse, OTHER) == OTHER


def in_view(warehouse: BigQueryWarehouse, table: Table) -> list[dict[str, object]]:
    """What an application finds, in key order."""
    name, key = warehouse.jobs.table_id(table.view), ", ".join(table.key)
    return [dict(row) for row in warehouse.jobs.client.query(f"SELECT * FROM `{name}` ORDER BY {key}").result()]


def for_reader(warehouse: BigQueryWarehouse | LocalWarehouse, table: Table) -> list[dict[str, object]]:
    """What the functions for applications are made of."""
    rows = read_current(warehouse, table, None, table.item_columns)
    return list(without_blocked_lists(warehouse, table, rows).to_pylist())


def list_of(warehouse: BigQueryWarehouse, user: str) -> str:
    """Whose list a user gets by the query of docs/bigquery.md."""
    name = warehouse.jobs.table_id("current_user_recommendations")
    query = (
        f"SELECT user_id, item_id FROM `{name}` WHERE surface = 'for_you' AND user_id IN ('{user}', '*')\n"
        "QUALIFY RANK() OVER (ORDER BY user_id = '*') = 1 ORDER BY rank"
    )
    (row,) = warehouse.jobs.client.query(query).result()
    return str(row["user_id"])


def test_a_try_that_was_killed_before_its_views_were_made_is_mended_by_the_next(warehouse: BigQueryWarehouse) -> None:
    first = publish(warehouse, MONDAY, 2)
    second = publish(warehouse, TUESDAY, 1)
    warehouse.show(first.publication_id, MONDAY)
    assert not warehouse.shows(second.publication_id, TUESDAY)
    assert switch_current(warehouse, run_of(TUESDAY), second.publication_id, "hold").is_current
    assert warehouse.shows(second.publication_id, TUESDAY)
    assert seen(warehouse) == [(second.publication_id, "i1")]


def test_rule_4_views_that_show_something_else_than_the_log_are_taken_back(warehouse: BigQueryWarehouse) -> None:
    first = publish(warehouse, MONDAY, 2)
    second = publish(warehouse, TUESDAY, 1)
    warehouse.show(first.publication_id, MONDAY)
    with pytest.raises(PublicationVerifyError, match="views that show something else"):
        verify(warehouse, second, TUESDAY)
    assert read_switch_log(warehouse).current == first.publication_id
    assert warehouse.shows(first.publication_id, MONDAY)
