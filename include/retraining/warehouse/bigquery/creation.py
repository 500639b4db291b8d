"""Tables of a dataset: made where they are missing, widened where declared wider, checked where they are there."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.retraining.errors import TableSchemaError
from include.retraining.warehouse.bigquery.columns import clustering_columns, partition_column, schema_of
from include.retraining.warehouse.bigquery.jobs import STAGED, STAGED_FOR
from include.retraining.warehouse.bigquery.problems import explained, retry_lost_races

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.retraining.warehouse.bigquery.jobs import Jobs
    from include.retraining.warehouse.table import Table

AT_ONCE = 8
# Labels of every table. One without the first counts as version 1; the second says of which declaration it is known
# that the table meets it, so that one list of all tables shows which to look at.
SCHEMA_VERSION, DECLARATION = "schema_version", "declaration"
COMMITS = "commits_"


def commits_name(table: Table) -> str:
    """The table of one row that holds a table's commit number."""
    return f"{COMMITS}{table.name}"


def create_or_extend(jobs: Jobs, tables: Sequence[Table]) -> None:
    """Make the missing tables, add new nullable columns; TableSchemaError for any other difference."""
    if not tables:
        return
    with explained("look at the tables"):
        items = jobs.client.list_tables(f"{jobs.settings.project}.{jobs.settings.dataset}")
        there = {item.table_id: item.labels for item in items}
        counted = stored_names(jobs, jobs.settings.work_dataset)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = [table for table in tables if table.name not in there]
        list(pool.map(lambda table: _create(jobs, table), made))
        stored = [table for table in tables if table.name in there]
        others = [table for table in stored if not _labels(table).items() <= there[table.name].items()]
        list(pool.map(lambda table: _extend_in_turn(jobs, table), others))
        uncounted = [table for table in tables if commits_name(table) not in counted]
        list(pool.map(lambda table: _start_counting(jobs, table), uncounted))


def stored_names(jobs: Jobs, dataset: str) -> set[str]:
    """The tables and views that a dataset has."""
    return {item.table_id for item in jobs.client.list_tables(f"{jobs.settings.project}.{dataset}")}


def left_behind(jobs: Jobs, table: Table, remove: bool) -> tuple[int, int]:
    """Staged rows that killed writes of a table left: how many times, and their bytes. Younger ones may be in use."""
    client, until = jobs.client, datetime.now(UTC) - STAGED_FOR / 2
    with explained("look for staged rows"):
        items = client.list_tables(f"{jobs.settings.project}.{jobs.settings.work_dataset}")
        prefix = re.compile(rf"{STAGED}{table.name}_[0-9a-f]{{32}}")
        found = [client.get_table(item.reference) for item in items if prefix.fullmatch(item.table_id)]
        old = [staged for staged in found if staged.created < until]
        for staged in old if remove else ():
            client.delete_table(staged.reference, not_found_ok=True)
    return len(old), sum(staged.num_bytes or 0 for staged in old)


def _create(jobs: Jobs, table: Table) -> None:
    from google.cloud import bigquery

    made = bigquery.Table(jobs.table_id(table.name), schema_of(table))
    made.description, made.labels = table.doc, _labels(table)
    if column := partition_column(table):
        made.time_partitioning = bigquery.TimePartitioning(field=column)
    made.clustering_fields = clustering_columns(table)
    with explained(f"create {table.name}"):
        jobs.client.create_table(made, exists_ok=True)


def _start_counting(jobs: Jobs, table: Table) -> None:
    """By a query with CREATE TABLE AS: it either makes the table with its row, or finds both."""
    name = jobs.work_id(commits_name(table))
    script = (
        f"CREATE TABLE IF NOT EXISTS `{name}` AS SELECT 0 AS version, CURRENT_TIMESTAMP() AS committed_at;\n"
        f"SELECT MAX(version) AS version FROM `{name}`;"
    )
    jobs.run(f"start counting commits of {table.name}", script)


def _extend_in_turn(jobs: Jobs, table: Table) -> None:
    """An update names the state that it starts from; where another process was first, look again."""
    retry_lost_races(table, lambda: _extend(jobs, table))


def _extend(jobs: Jobs, table: Table) -> None:
    """Bring a stored table to the declared schema version, where only nullable columns are new."""
    with explained(f"look at {table.name}"):
        stored = jobs.client.get_table(jobs.table_id(table.name))
    stored_version = int(stored.labels.get(SCHEMA_VERSION, 1))
    table.refuse_newer(stored_version)
    declared = {column.name: column for column in schema_of(table)}
    have = {column.name: column for column in stored.schema}
    changed = [name for name, column in have.items() if name not in declared or _differs(column, declared[name])]
    added = [column for name, column in declared.items() if name not in have]
    by = stored.time_partitioning.field if stored.time_partitioning else None
    required = [column.name for column in added if column.mode == "REQUIRED"]
    if changed or required or by != partition_column(table):
        raise TableSchemaError(
            f"{table.name} with the columns stored as {stored.reference} (schema version {stored_version}), "
            f"partitioned by {by}",
            f"schema version {table.schema_version}: changed or dropped: {changed}; added: "
            f"{[column.name for column in added]}; partitioned by {partition_column(table)}",
            "only new nullable columns are added by themselves; keep the old names, or move the table away",
        )
    stored.schema, stored.labels = [*stored.schema, *added], {**stored.labels, **_labels(table)}
    with explained(f"update {table.name}"):
        jobs.client.update_table(stored, ["schema", "labels"])


def _labels(table: Table) -> dict[str, str]:
    declared = [(column.name, column.field_type, column.mode) for column in schema_of(table)]
    digest = hashlib.sha256(repr((declared, partition_column(table))).encode()).hexdigest()
    return {SCHEMA_VERSION: str(table.schema_version), DECLARATION: digest[:16]}


def _differs(stored: Any, declared: Any) -> bool:
    """The emulator, and tables made by queries, call types by their other name."""
    names = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
    kind = names.get(stored.field_type, stored.field_type)
    return (kind, stored.mode == "REPEATED") != (declared.field_type, declared.mode == "REPEATED")
