"""Views of published tables: the current publication as a constant, which prunes partitions, minus what is hidden."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.retraining.errors import TableSchemaError
from include.retraining.tables import BLOCKED_ITEMS
from include.retraining.warehouse.bigquery.columns import partition_column
from include.retraining.warehouse.bigquery.problems import explained

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from include.retraining.warehouse.bigquery.jobs import Jobs
    from include.retraining.warehouse.table import Table

EMPTY = "''"  # as text of GoogleSQL
ID = re.compile(r"[0-9A-Za-z-]+")
NOT_BLOCKED = """NOT EXISTS (
    SELECT 1
    FROM (
      SELECT {names}, kind FROM `{blocked}` WHERE TRUE
      QUALIFY ROW_NUMBER() OVER (PARTITION BY {names} ORDER BY {number} DESC) = 1
    ) AS last_word
    WHERE last_word.kind = 'block' AND {same}
  )"""


def show_in_views(jobs: Jobs, tables: Iterable[Table], publication_id: str | None, as_of_date: date | None) -> None:
    """Re-create the view of every published table, each at once."""
    made = [
        f"CREATE OR REPLACE VIEW `{jobs.table_id(table.view)}` AS\n"
        f"{view_query(jobs, table, publication_id, as_of_date)};\n"
        for table in tables
        if table.view
    ]
    jobs.run(f"show {publication_id}", f"{''.join(made)}SELECT {len(made)} AS made;")


def shown_by_views(jobs: Jobs, tables: Iterable[Table], publication_id: str | None, as_of_date: date | None) -> bool:
    """Whether every view says what it would say if it were made now."""
    for table in (table for table in tables if table.view):
        with explained(f"look at {table.view}"):
            stored = jobs.client.get_table(jobs.table_id(table.view)).view_query
        if _in_one_form(stored) != _in_one_form(view_query(jobs, table, publication_id, as_of_date)):
            return False
    return True


def _in_one_form(query: str) -> str:
    """The emulator keeps a view in words of its own; BigQuery as it was written."""
    import sqlglot

    return sqlglot.parse_one(query, read="bigquery").sql("bigquery")


def view_query(jobs: Jobs, table: Table, publication_id: str | None, as_of_date: date | None) -> str:
    """GoogleSQL of one view. As it takes no parameters, an id that is not letters, digits and dashes is refused."""
    rows = f"SELECT published.*\nFROM `{jobs.table_id(table.name)}` AS published\n"
    if publication_id is None or as_of_date is None:
        return f"{rows}WHERE FALSE"
    if not ID.fullmatch(publication_id):
        raise TableSchemaError("a publication_id of letters, digits and dashes", repr(publication_id), "stage it anew")
    conditions = [
        f"published.{partition_column(table)} = DATE '{as_of_date.isoformat()}'",
        f"published.publication_id = '{publication_id}'",
        *hiding(jobs, table),
    ]
    return f"{rows}WHERE " + "\n  AND ".join(conditions)


def hiding(jobs: Jobs, table: Table) -> list[str]:
    """What readers must not see although it was published; each condition is looked up at every read."""
    conditions = [
        _not_blocked(jobs, BLOCKED_ITEMS, {"item_id": f"published.{column}"}) for column in table.item_columns
    ]
    if table.blocked_lists:
        named = {column: f"published.{column}" for column in table.list_columns}
        conditions.append(_not_blocked(jobs, table.blocked_lists, named))
    return conditions


def _not_blocked(jobs: Jobs, blocked: Table, named: Mapping[str, str]) -> str:
    """What the last row of a name says counts. Columns of the name that a table does not have are empty."""
    *names, number = blocked.key
    return NOT_BLOCKED.format(
        blocked=jobs.table_id(blocked.name), names=", ".join(names), number=number,
        same=" AND ".join(f"last_word.{name} = {named.get(name, EMPTY)}" for name in names),
    )  # fmt: skip
