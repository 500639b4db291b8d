"""The portable subset of GoogleSQL: what BigQuery and DuckDB mean alike, by name of function and kind of construct."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator


# The field's names where there are two: sqlglot calls COUNTIF COUNT_IF and REGEXP_CONTAINS REGEXP_LIKE.
FUNCTIONS = {
    "COALESCE()", "CONCAT()", "COUNT()", "COUNT_IF()", "DATE()", "DATEDIFF()", "DATE_SUB()", "EXP()", "GREATEST()",
    "IS_INF()", "IS_NAN()", "LEAST()", "LOWER()", "MAX()", "MD5()", "MIN()", "MOD()", "NULLIF()", "REGEXP_LIKE()",
    "ROUND()", "ROW_NUMBER()", "SAFE_DIVIDE()", "STARTS_WITH()", "SUM()", "TRIM()", "UNNEST()",
}  # fmt: skip
CONSTRUCTS = {
    "Add", "Alias", "And", "AtTimeZone", "Boolean", "CTE", "Case", "Cast", "Column", "DataType", "Distinct", "Div",
    "EQ", "From", "GT", "GTE", "Group", "Having", "Identifier", "If", "In", "Is", "Join", "LT", "LTE", "Literal",
    "Mul", "NEQ", "Neg", "Not", "Null", "Or", "Order", "Ordered", "Parameter", "Paren", "Qualify", "Select", "Star",
    "Sub", "Subquery", "Table", "TableAlias", "TryCast", "Union", "Var", "Where", "Window", "With",
}  # fmt: skip
# A cast means the same where the text it takes is read alike: a bool is not, t and 1 are no truth value on BigQuery.
CASTS = {
    "Cast to INT64", "Cast to BIGNUMERIC", "Cast to STRING", "Cast to FLOAT64", "Cast to DATE", "TryCast to FLOAT64",
    "TryCast to TIMESTAMP", "DATEDIFF(DAY)", "EXTRACT(HOUR)",
}  # fmt: skip
ALLOWED = FUNCTIONS | CONSTRUCTS | CASTS


def used_in(sql: str) -> Counter[str]:
    """What a query uses: functions as NAME(), everything else as the kind of its node."""
    return Counter(
        name for tree in sqlglot.parse(sql, read="bigquery") for node in tree.walk() for name in _names(node)
    )


def _unrounded(cast: exp.Cast) -> str:
    """Engines round halves of a float differently when they cast it, so ROUND comes first; a truth value has none."""
    exact = isinstance(cast.this, exp.Round | exp.Predicate | exp.Or | exp.And)
    return "" if cast.to.sql("bigquery") != "INT64" or exact else " without ROUND()"


def _names(node: exp.Expression) -> Iterator[str]:
    if isinstance(node, exp.Anonymous):
        yield f"{node.name.upper()}()"
    elif isinstance(node, exp.Extract) and node.name.upper() == "HOUR":
        # Days of the week are counted from another day; hours are not.
        yield "EXTRACT(HOUR)"
    elif isinstance(node, exp.Func) and not isinstance(node, exp.And | exp.Or | exp.Case | exp.If | exp.Cast):
        yield f"{node.sql_name()}()"
    else:
        yield type(node).__name__
    if isinstance(node, exp.Cast):
        yield f"{type(node).__name__} to {node.to.sql('bigquery')}{_unrounded(node)}"
    if isinstance(node, exp.DateDiff | exp.TimestampDiff | exp.DatetimeDiff):
        unit = node.args.get("unit")
        yield f"{node.sql_name()}({unit.sql('bigquery').upper() if unit else 'DAY'})"
    if isinstance(node, exp.WindowSpec):
        yield f"window of {node.args.get('kind')}"
