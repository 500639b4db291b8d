"""Every SQL file gives the same rows, types and order on BigQuery (an emulator of it) as on DuckDB."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
import sqlglot

from include.recommender.sql import FOLDER, sql
from include.recommender.tables import ITEM_STATS, USER_ITEMS, USER_STATS
from tests.contract.conftest import opened
from tests.contract.worlds import CASES, STATISTICS, TABLES, stored_rows
from tests.recommender.small_world import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.settings import BigQuery
    from include.retraining.warehouse.protocol import Warehouse

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def worlds(
    new_dataset: Callable[[], BigQuery], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Warehouse, Warehouse]:
    """The same rows in the embedded warehouse and on BigQuery."""
    from include.retraining.warehouse.local import LocalWarehouse

    folder = tmp_path_factory.mktemp("worlds")
    both = LocalWarehouse(folder / "delta", folder / "spill", "500MB", 1), opened(new_dataset())
    for warehouse in both:
        warehouse.create_tables(TABLES)
        for table, (partition, rows) in stored_rows().items():
            warehouse.replace(table, partition, rows) if table.partition else warehouse.append_once(table, rows)
    for table in (ITEM_STATS, USER_ITEMS, USER_STATS):
        rows = table.conform(both[0].query(sql(table.name), STATISTICS))
        for warehouse in both:
            warehouse.replace(table, {"as_of_date": DAY}, rows)
    return both


def test_every_file_has_a_case() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} <= set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_both_engines_give_the_same_rows_types_and_order(worlds: tuple[Warehouse, Warehouse], name: str) -> None:
    query, parameters, inputs = CASES[name]
    made = {input_name: make() for input_name, make in inputs.items()}
    on_duckdb, on_bigquery = (warehouse.query(query, parameters, made) for warehouse in worlds)
    assert [(field.name, str(field.type)) for field in on_duckdb.schema] == [
        (field.name, str(field.type)) for field in on_bigquery.schema
    ]
    ordered = bool(sqlglot.parse_one(query, read="bigquery").args.get("order"))
    assert rows_of(on_bigquery, ordered) == rows_of(on_duckdb, ordered)
    assert on_duckdb.num_rows > 0 or name == "readmitted_dates"


def rows_of(rows: pa.Table, ordered: bool) -> list[tuple[str, ...]]:
    """Rows as text, which NaN equals; sorted where the query leaves the order open."""
    found = [tuple(repr(_plain(value)) for value in row.values()) for row in rows.to_pylist()]
    return found if ordered else sorted(found)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
