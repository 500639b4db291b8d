"""What an allowed function means, by BigQuery's documentation: on DuckDB after translation, and on the emulator.

Both go through sqlglot, so equal rows prove less than these values, which come from the reference of GoogleSQL.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from include.retraining.warehouse.sql import as_googlesql, to_duckdb
from tests.contract.conftest import opened
from tests.contract.portable import ALLOWED, used_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.settings import BigQuery
    from include.retraining.warehouse.bigquery.warehouse import BigQueryWarehouse

ONE_AND_NULL = "(SELECT 1 AS x UNION ALL SELECT NULL)"
HUGE = 9_000_000_000_000_000_000
TWICE_HUGE = f"(SELECT {HUGE} AS x UNION ALL SELECT {HUGE})"
# Expression or query, and its documented value. The section of the reference is named where it is no example of it.
GOLDEN: dict[str, Any] = {
    "CONCAT('T.P.', ' ', 'Bar')": "T.P. Bar",
    "CONCAT('a', CAST(NULL AS STRING))": None,
    "TRIM('   apple   ')": "apple",
    "TRIM('\\t apple \\n')": "apple",
    "NULLIF(10, 0)": 10,
    "NULLIF(0, 0)": None,
    "COALESCE(NULL, 'B', 'C')": "B",
    "LEAST(3, 2, 1)": 1,
    "LEAST(1, NULL)": None,
    "GREATEST(3, 5, 1)": 5,
    "GREATEST(1, NULL)": None,
    "STARTS_WITH('bar', 'b')": True,
    "TO_HEX(MD5('Hello World'))": "b10a8db164e0754105b7a99be72e3fe5",
    r"REGEXP_CONTAINS('foo@example.com', r'@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+')": True,
    r"REGEXP_CONTAINS('www.example.net', r'@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+')": False,
    "DATE_DIFF(DATE '2010-07-07', DATE '2008-12-25', DAY)": 559,
    "DATE_DIFF(DATE '2008-12-25', DATE '2010-07-07', DAY)": -559,
    "DATE_SUB(DATE '2008-12-25', INTERVAL 5 DAY)": date(2008, 12, 20),
    "DATE(TIMESTAMP '2016-12-25 05:30:00+07', 'America/Los_Angeles')": date(2016, 12, 24),
    # Timestamp functions, EXTRACT: the hour of a time zone.
    "EXTRACT(HOUR FROM TIMESTAMP '2008-12-25 05:30:00+00' AT TIME ZONE 'UTC')": 5,
    "EXTRACT(HOUR FROM TIMESTAMP '2008-12-25 05:30:00+00' AT TIME ZONE 'America/Los_Angeles')": 21,
    "CAST(DATE '2026-01-05' AS STRING)": "2026-01-05",
    "CAST(12 AS STRING)": "12",
    # Mathematical functions: halfway cases away from zero.
    "ROUND(CAST(2.5 AS FLOAT64))": 3.0,
    "ROUND(CAST(-2.5 AS FLOAT64))": -3.0,
    "ROUND(CAST(1.5 AS FLOAT64))": 2.0,
    "CAST(ROUND(CAST(-0.5 AS FLOAT64)) AS INT64)": -1,
    "EXP(0.0)": 1.0,
    "EXP(CAST('-inf' AS FLOAT64))": 0.0,
    "IS_INF(CAST('-inf' AS FLOAT64))": True,
    "IS_INF(25.0)": False,
    "IS_NAN(CAST('nan' AS FLOAT64))": True,
    "IS_NAN(CAST(NULL AS FLOAT64))": None,
    "SAFE_CAST('apple' AS FLOAT64)": None,
    "SAFE_CAST('TRUE' AS BOOL)": True,
    "SAFE_CAST('False' AS BOOL)": False,
    "SAFE_CAST('apple' AS BOOL)": None,
    "SAFE_CAST('2020-06-02 17:00:53.110+00:00' AS TIMESTAMP)": datetime(2020, 6, 2, 17, 0, 53, 110000, UTC),
    "SAFE_CAST('2020-06-02' AS TIMESTAMP)": datetime(2020, 6, 2, tzinfo=UTC),
    "SAFE_CAST('yesterday' AS TIMESTAMP)": None,
    "MOD(-25, 12)": -1,
    "SAFE_DIVIDE(20, 0)": None,
    "SAFE_DIVIDE(20, 4)": 5.0,
    "1 / 2": 0.5,
    "20 / 4": 5.0,
    "IF(CAST(NULL AS BOOL), 'yes', 'no')": "no",
    "'a' < 'B'": False,  # text is compared by code points
    # Decimal types: BIGNUMERIC holds what an INT64 holds, and sums of them.
    "CAST(ROUND(CAST(-9223372036854775807 AS BIGNUMERIC)) AS INT64)": -9223372036854775807,
    f"CAST(ROUND(LEAST((SELECT SUM(CAST(x AS BIGNUMERIC)) FROM {TWICE_HUGE}), {HUGE})) AS INT64)": HUGE,
    # IN operators.
    "2 IN UNNEST([1, 2])": True,
    "2 IN UNNEST([1, NULL])": None,
    "CAST(NULL AS INT64) IN UNNEST([1])": None,
    "COALESCE(CAST(NULL AS BOOL) OR TRUE, FALSE)": True,
    # Aggregate functions over no rows.
    "(SELECT COUNTIF(x) FROM (SELECT TRUE AS x) WHERE FALSE)": 0,
    "(SELECT COUNTIF(x) FROM (SELECT CAST(NULL AS BOOL) AS x))": 0,
    "(SELECT SUM(x) FROM (SELECT 1 AS x) WHERE FALSE)": None,
    "(SELECT COUNT(DISTINCT x) FROM (SELECT 1 AS x UNION ALL SELECT NULL UNION ALL SELECT 1))": 1,
    # ORDER BY clause: NULL is the smallest value.
    f"(SELECT MAX(n) FROM (SELECT x, ROW_NUMBER() OVER (ORDER BY x) AS n FROM {ONE_AND_NULL}) WHERE x IS NULL)": 1,
    f"(SELECT MAX(n) FROM (SELECT x, ROW_NUMBER() OVER (ORDER BY x DESC) AS n FROM {ONE_AND_NULL}) WHERE x IS NULL)": 2,
}  # fmt: skip

# The emulator is not BigQuery: it trims spaces only.
WRONG_ON_THE_EMULATOR = {"TRIM('\\t apple \\n')"}

# GoogleSQL means this, and DuckDB after translation something else: so the portable subset leaves them out.
REFUSED: dict[str, Any] = {
    "EXTRACT(DAYOFWEEK FROM DATE '2013-12-25')": 4,
    "TIMESTAMP_DIFF(TIMESTAMP '2001-02-01 01:00:00', TIMESTAMP '2001-01-31 23:00:00', DAY)": 0,
    "SAFE_CAST('t' AS BOOL)": None,
    "CAST(CAST(2.5 AS FLOAT64) AS INT64)": 3,
}


@pytest.fixture(scope="module")
def on_bigquery(new_dataset: Callable[[], BigQuery]) -> BigQueryWarehouse:
    return opened(new_dataset())


def on_duckdb(expression: str) -> Any:
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        query = to_duckdb(f"SELECT {expression} AS found")
        return as_googlesql(connection.sql(query).to_arrow_table())["found"][0].as_py()


@pytest.mark.parametrize("expression", GOLDEN)
def test_duckdb_gives_the_documented_value(expression: str) -> None:
    found = on_duckdb(expression)
    assert found == GOLDEN[expression]
    assert type(found) is type(GOLDEN[expression])


@pytest.mark.parametrize("expression", REFUSED)
def test_what_the_engines_mean_differently_is_not_portable(expression: str) -> None:
    assert on_duckdb(expression) != REFUSED[expression]
    assert set(used_in(f"SELECT {expression}")) - ALLOWED


@pytest.mark.service
def test_the_emulator_gives_the_documented_values(on_bigquery: BigQueryWarehouse) -> None:
    """In one query: each costs as much as all."""
    expected = {expression: value for expression, value in GOLDEN.items() if expression not in WRONG_ON_THE_EMULATOR}
    columns = [f"{expression} AS c{number}" for number, expression in enumerate(expected)]
    (found,) = on_bigquery.query(f"SELECT {', '.join(columns)}", {}).to_pylist()
    assert dict(zip(expected, found.values(), strict=True)) == expected
