"""Which rows: columns that equal (or are in the list of) given values, as an Arrow filter, a mask, or Delta's text."""

from __future__ import annotations

import functools
import operator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    import pyarrow.dataset as ds

    from include.retraining.warehouse.table import Table


def arrow_condition(table: Table, where: Mapping[str, object]) -> ds.Expression:
    """As a filter of a dataset."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    terms = []
    for name, value in where.items():
        kind = table.schema.field(name).type
        # A merge stores text of audit tables as views. Elsewhere a cast would cost the pruning of files.
        field = ds.field(name) if table.partition else ds.field(name).cast(kind)
        terms.append(field.isin(pa.array(value, kind)) if isinstance(value, list) else field == value)
    return functools.reduce(operator.and_, terms)


def among(table: Table, rows: pa.Table, where: Mapping[str, object]) -> pa.ChunkedArray:
    """As a mask of rows in memory, one truth value each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    terms = []
    for name, value in where.items():
        values = value if isinstance(value, list) else [value]
        terms.append(pc.is_in(rows[name], pa.array(values, table.schema.field(name).type)))
    return functools.reduce(pc.and_, terms)


def predicate_of(where: Mapping[str, object]) -> str:
    """As a predicate of Delta."""
    return " AND ".join(_condition(name, value) for name, value in where.items())


def _condition(name: str, value: Any) -> str:
    if isinstance(value, list):
        return f"{name} IN ({', '.join(_literal(element) for element in value)})"
    return f"{name} = {_literal(value)}"


def _literal(value: Any) -> str:
    """A partition value as a Delta predicate literal; quotes doubled, so that a value never ends the literal."""
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, date | datetime):
        return f"'{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"
