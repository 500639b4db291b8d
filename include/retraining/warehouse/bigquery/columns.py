"""Table declarations as BigQuery schemas, and values as query parameters of the right type."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, SchemaField

    from include.retraining.warehouse.table import Table

# By the names of table.ARROW_TYPES. BigQuery knows one integer and one float.
TYPES = {
    "string": "STRING", "int64": "INTEGER", "float32": "FLOAT", "float64": "FLOAT", "bool": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMP", "strings": "STRING",
}  # fmt: skip
PARAMETER_TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
# A bool is an int and a datetime is a date, so these come first.
PYTHON_TYPES = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (str, "STRING"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
)
MOST_CLUSTERING_COLUMNS = 4


def schema_of(table: Table) -> list[SchemaField]:
    """The columns of a declared table; key and partition columns are never null."""
    from google.cloud.bigquery import SchemaField

    required = {*table.key, *table.partition}
    modes = {
        name: "REPEATED" if kind == "strings" else "REQUIRED" if name in required else "NULLABLE"
        for name, kind in table.columns.items()
    }
    return [SchemaField(name, TYPES[kind], mode=modes[name]) for name, kind in table.columns.items()]


def schema_of_rows(rows: pa.Table) -> list[SchemaField]:
    """The columns of rows that no declaration describes; a column of nulls only is taken for text."""
    from google.cloud.bigquery import SchemaField

    return [SchemaField(field.name, *_type_and_mode(field.type)) for field in rows.schema]


def _type_and_mode(arrow: pa.DataType) -> tuple[str, str]:
    import pyarrow as pa

    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return _type_and_mode(arrow.value_type)[0], "REPEATED"
    for matches, name in (
        (pa.types.is_integer, "INTEGER"),
        (pa.types.is_floating, "FLOAT"),
        (pa.types.is_boolean, "BOOLEAN"),
        (pa.types.is_date, "DATE"),
        (pa.types.is_timestamp, "TIMESTAMP"),
    ):
        if matches(arrow):
            return name, "NULLABLE"
    return "STRING", "NULLABLE"


def partition_column(table: Table) -> str | None:
    """The date by which BigQuery partitions: that of the partition, else the table's first; none for audit tables."""
    dates = [name for name, kind in table.columns.items() if kind == "date"]
    return next((name for name in [*table.partition, *dates] if name in dates), None) if table.partition else None


def clustering_columns(table: Table) -> list[str]:
    """What rows of a partition are sorted by: the rest of the partition, then of the key."""
    names = dict.fromkeys([*table.partition, *table.key])
    # BigQuery clusters by no FLOAT64 and no array; keys have neither.
    return [name for name in names if name != partition_column(table)][:MOST_CLUSTERING_COLUMNS]


def no_rows(table: Table) -> str:
    """GoogleSQL of a declared table without rows."""
    listed = ", ".join(f"CAST(NULL AS {_sql_type(kind)}) AS `{name}`" for name, kind in table.columns.items())
    return f"SELECT {listed} LIMIT 0"


def _sql_type(kind: str) -> str:
    name = PARAMETER_TYPES.get(TYPES[kind], TYPES[kind])
    return f"ARRAY<{name}>" if kind == "strings" else name


def parameter(name: str, value: Any) -> ScalarQueryParameter | ArrayQueryParameter:
    """A named query parameter; lists of nothing are taken for lists of text."""
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    if isinstance(value, list | tuple):
        return ArrayQueryParameter(name, _python_type(value[0]) if value else "STRING", list(value))
    return ScalarQueryParameter(name, _python_type(value), value)


def parameters_of(table: Table, where: Mapping[str, Any]) -> list[ScalarQueryParameter | ArrayQueryParameter]:
    """Parameters of a condition on a table's columns, of the columns' types."""
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    found: list[ScalarQueryParameter | ArrayQueryParameter] = []
    for name, value in where.items():
        stored = TYPES[table.columns[name]]
        kind = ArrayQueryParameter if isinstance(value, list) else ScalarQueryParameter
        found.append(kind(f"where_{name}", PARAMETER_TYPES.get(stored, stored), value))
    return found


def condition_of(where: Mapping[str, object]) -> str:
    """GoogleSQL of the same condition: TRUE for every row where there is none."""
    terms = [
        f"`{name}` IN UNNEST(@where_{name})" if isinstance(value, list) else f"`{name}` = @where_{name}"
        for name, value in where.items()
    ]
    return " AND ".join(terms) or "TRUE"


def _python_type(value: object) -> str:
    return next((name for kind, name in PYTHON_TYPES if isinstance(value, kind)), "STRING")
