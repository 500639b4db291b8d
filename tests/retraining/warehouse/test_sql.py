"""SQL is written in GoogleSQL and runs on DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from include.retraining.warehouse.sql import load_sql, parameter_names, table_names, to_duckdb

QUERY = """
-- A comment with @not_a_parameter and FROM no_table.
WITH recent AS (SELECT * FROM events WHERE event_date < @as_of_date),
counted AS (SELECT item_id, COUNT(*) AS n FROM recent GROUP BY item_id)
SELECT items.item_id, n FROM items LEFT JOIN counted ON counted.item_id = items.item_id
WHERE n > @least AND title != 'me@example'
"""


def test_the_tables_of_a_query_are_found_without_its_with_clauses() -> None:
    assert table_names(QUERY) == {"events", "items"}


def test_the_parameters_of_a_query_are_found() -> None:
    assert parameter_names(QUERY) == {"as_of_date", "least"}


@pytest.mark.parametrize(
    ("google", "expected"),
    [
        ("SELECT DATE_SUB(DATE '2026-03-01', INTERVAL 1 DAY) = DATE '2026-02-28'", True),
        ("SELECT SAFE_CAST('x' AS INT64) IS NULL", True),
        ("SELECT COUNTIF(n > 1) FROM UNNEST([1, 2, 3]) AS n", 2),
        ("SELECT DATE(TIMESTAMP '2026-01-01 16:00:00+00', 'Asia/Tokyo') = DATE '2026-01-02'", True),
        ("SELECT DATE_DIFF(DATE '2026-01-03', DATE '2026-01-01', DAY)", 2),
    ],
)
def test_googlesql_means_the_same_on_duckdb(google: str, expected: object) -> None:
    assert duckdb.sql(to_duckdb(google)).fetchall() == [(expected,)]


def test_named_parameters_are_bound_and_never_pasted() -> None:
    hostile = "x' OR '1'='1"
    assert duckdb.execute(to_duckdb("SELECT @name = 'x', @name"), {"name": hostile}).fetchall() == [(False, hostile)]


def test_a_query_file_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "query.sql"
    path.write_text("SELECT '日替わり'", encoding="utf-8")
    assert load_sql(path) == "SELECT '日替わり'"
