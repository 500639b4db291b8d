"""SQL is written once, in GoogleSQL; here it is loaded and translated for DuckDB."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from sqlglot import exp

WHITE_SPACE = " \t\n\v\f\r"


@cache
def load_sql(path: Path) -> str:
    """The text of one query file."""
    return path.read_text(encoding="utf-8")


@cache
def to_duckdb(sql: str) -> str:
    """GoogleSQL with @name parameters as DuckDB SQL with $name parameters."""
    import sqlglot

    return sqlglot.parse_one(sql, read="bigquery").transform(_as_meant).sql("duckdb")


def _as_meant(node: exp.Expr) -> exp.Expr:
    """What sqlglot translates by name only: DuckDB counts NULL over no rows, trims spaces only, makes dates moments."""
    from sqlglot import exp

    if isinstance(node, exp.CountIf):
        return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]))
    if isinstance(node, exp.Trim) and not node.expression:
        return exp.Trim(this=node.this, expression=exp.Literal.string(WHITE_SPACE))
    if isinstance(node, exp.DateSub) and not isinstance(node.parent, exp.Cast):
        return exp.cast(node.copy(), "DATE")
    return node


def as_googlesql(rows: pa.Table) -> pa.Table:
    """Rows with the types of GoogleSQL: one integer and one float, where DuckDB sums to 128 bits and counts in 32."""
    import pyarrow as pa

    fields = [field.with_type(_googlesql_type(field.type)) for field in rows.schema]
    return rows.cast(pa.schema(fields))


def _googlesql_type(arrow: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_integer(arrow) or (pa.types.is_decimal(arrow) and arrow.scale == 0):
        return pa.int64()
    return pa.float64() if pa.types.is_decimal(arrow) or pa.types.is_floating(arrow) else arrow


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
