"""SQL is written once, in GoogleSQL; here it is loaded and translated for DuckDB."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@cache
def load_sql(path: Path) -> str:
    """The text of one query file."""
    return path.read_text(encoding="utf-8")


@cache
def to_duckdb(sql: str) -> str:
    """GoogleSQL with @name parameters as DuckDB SQL with $name parameters."""
    import sqlglot

    return sqlglot.transpile(sql, read="bigquery", write="duckdb")[0]


@cache
def table_names(sql: str) -> frozenset[str]:
    """Tables a GoogleSQL query reads, without the names of its own WITH clauses."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read="bigquery")
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return frozenset(table.name for table in tree.find_all(exp.Table)) - own


@cache
def parameter_names(sql: str) -> frozenset[str]:
    """Named parameters (@name) a GoogleSQL query uses."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read="bigquery")
    return frozenset(parameter.this.name for parameter in tree.find_all(exp.Parameter))
