"""The emulator as it is, but for how it finds a table: `python quick_emulator.py` in its environment, with its options.

It lists every table of every dataset, with sizes, whenever it wants to know of one, several times in each statement.
Asked by name, DuckLake's own catalogue answers the same at once.
"""

from __future__ import annotations

from local_bigquery import cli
from local_bigquery.engine import database

ALIVE = (
    "FROM {lake}.ducklake_{kind} AS found JOIN {lake}.ducklake_schema AS owner USING (schema_id) {more}"
    "WHERE found.end_snapshot IS NULL AND owner.end_snapshot IS NULL AND owner.schema_name = $1 "
    "AND found.{kind}_name = $2"
)
SIZES = "LEFT JOIN {lake}.ducklake_table_stats AS size USING (table_id) "
COLUMNS = "JOIN {lake}.ducklake_column AS part USING (table_id) "
every_object, every_row = database.objects, database.fetch


def objects(project_id: str, dataset_id: str, table_id: str | None = None) -> list[tuple[str, str, int]]:
    """(name, kind, rows) of a table or view of a name; of all, as the emulator finds them."""
    if table_id is None or project_id == "emulator":
        return every_object(project_id, dataset_id, table_id)
    lake = lake_of(project_id)
    tables = f"SELECT table_name, 'TABLE', coalesce(size.record_count, 0) {alive(lake, 'table', SIZES)}"
    views = f"SELECT view_name, 'VIEW', 0 {alive(lake, 'view')}"
    return every_row(f"{tables} UNION ALL {views}", [dataset_id, table_id])


def fetch(sql: str, params: list[str] | None = None) -> list[tuple]:
    """Rows of a query; where it asks for the columns of one table, from the catalogue."""
    if "FROM duckdb_columns()" not in sql or not params or params[0] == "emulator":
        return every_row(sql, params)
    wanted, condition = sql.removeprefix("SELECT ").split(" FROM duckdb_columns() WHERE ")
    condition = condition.split(" AND table_name = ? AND ")[1]
    condition = condition.replace("NOT is_nullable", "NOT nulls_allowed").replace("= ?", "= $3")
    of_table = alive(lake_of(params[0]), "table", COLUMNS)
    return every_row(
        f"SELECT {wanted} {of_table} AND part.end_snapshot IS NULL AND part.parent_column IS NULL AND {condition}",
        params[1:],
    )


def alive(lake: str, kind: str, more: str = "") -> str:
    return ALIVE.format(lake=lake, kind=kind, more=more.format(lake=lake))


def lake_of(project_id: str) -> str:
    return database.quote(f"__ducklake_metadata_{project_id}")


database.objects, database.fetch = objects, fetch

if __name__ == "__main__":
    cli.main()
