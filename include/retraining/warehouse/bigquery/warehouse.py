"""The warehouse on BigQuery. Every write is one transaction that also raises the table's commit number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from include.retraining.errors import TableSchemaError
from include.retraining.warehouse.bigquery import columns
from include.retraining.warehouse.bigquery.creation import commits_name, create_or_extend, left_behind, stored_names
from include.retraining.warehouse.bigquery.problems import explained, retry_lost_races
from include.retraining.warehouse.bigquery.views import show_in_views, shown_by_views
from include.retraining.warehouse.protocol import Pieces, Query, Vacuumed, Written
from include.retraining.warehouse.sql import parameter_names, table_names
from include.retraining.warehouse.table import first_of_each_key, in_order, share_of_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import pyarrow as pa

    from include.retraining.warehouse.bigquery.jobs import Jobs
    from include.retraining.warehouse.protocol import Spent
    from include.retraining.warehouse.table import Table


@dataclass
class BigQueryWarehouse:
    """Tables in the dataset of the settings; staged rows and commit numbers in its work dataset."""

    jobs: Jobs
    _known: dict[str, Table] = field(default_factory=dict)
    only_reads: bool = False
    _there: set[str] = field(default_factory=set)
    _written: list[Written] = field(default_factory=list)

    @property
    def spent(self) -> Sequence[Spent]:
        """What the jobs so far cost."""
        return self.jobs.spent

    @property
    def written(self) -> Sequence[Written]:
        """What this object put into tables so far, deletions left out."""
        return self._written

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Make the missing tables, add new nullable columns; TableSchemaError for any other difference."""
        declared = list(tables)
        self._known |= {table.name: table for table in declared}
        create_or_extend(self.jobs, declared)

    def query(
        self, sql: str, parameters: Mapping[str, object], inputs: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run GoogleSQL with named parameters (@name) over the tables it names and the given inputs."""
        from contextlib import ExitStack

        given, named = dict(inputs or {}), table_names(sql)
        if undeclared := sorted(named - set(given) - set(self._known)):
            known = f"one of {sorted(self._known)}"
            raise TableSchemaError(known, ", ".join(undeclared), "declare the table or pass it as an input")
        bound = [columns.parameter(name, parameters[name]) for name in sorted(parameter_names(sql))]
        with ExitStack() as stack:
            read = [self._known[name] for name in sorted(named - set(given))]
            around = {table.name: columns.no_rows(table) for table in read if self._is_missing(table)}
            for name in named & set(given):
                staged = self.jobs.staged(name, given[name], columns.schema_of_rows(given[name]))
                around[name] = f"SELECT * FROM `{stack.enter_context(staged)}`"
            return self.jobs.select(f"query {', '.join(sorted(named))}", with_inputs(sql, around), bound)

    def replace(self, table: Table, partition: Mapping[str, object], rows: pa.Table | Query | Pieces) -> Written:
        """Replace one partition with rows, all or nothing. A list of values replaces those partitions together."""
        table.refuse_partition(partition)
        if isinstance(rows, Query):
            rows = self.query(rows.sql, rows.parameters)
        elif isinstance(rows, Pieces):
            import pyarrow as pa

            rows = pa.concat_tables([table.schema.empty_table(), *map(table.conform, rows.made())])
            table.refuse_unordered(rows)
        conformed = in_order(table.conform(rows), table.key)
        table.refuse_misplaced(partition, conformed)
        table.refuse_repeated(conformed)
        parameters, delete = columns.parameters_of(table, partition), self._delete_statement(table, partition)
        if not conformed.num_rows:
            return Written(table.name, self._commit(table, delete, parameters).version, 0)
        with self.jobs.staged(table.name, conformed, columns.schema_of(table)) as source:
            done = self._commit(table, f"{delete}\n{self._insert_statement(table, source)}", parameters)
            return self._remembered(done, conformed)

    def append_once(self, table: Table, rows: pa.Table) -> Written:
        """Append the rows whose key is not there yet; Written.rows counts those."""
        conformed = first_of_each_key(table, table.conform(rows))
        if not conformed.num_rows:
            return Written(table.name, self.version(table), 0)
        same_key = " AND ".join(f"stored.`{name}` = source.`{name}`" for name in table.key)
        missing = f"WHERE NOT EXISTS (SELECT 1 FROM `{self.jobs.table_id(table.name)}` AS stored WHERE {same_key})"
        with self.jobs.staged(table.name, conformed, columns.schema_of(table)) as source:
            return self._remembered(self._commit(table, self._insert_statement(table, source, missing), []), conformed)

    def _remembered(self, done: Written, rows: pa.Table) -> Written:
        written = replace(done, bytes=share_of_bytes(rows, done.rows))
        self._written.append(written)
        return written

    def delete(self, table: Table, where: Mapping[str, object]) -> Written:
        """Delete the rows whose columns equal (or are in the list of) the given values; Written.rows counts them."""
        table.refuse_whole(where)
        return self._commit(table, self._delete_statement(table, where), columns.parameters_of(table, where))

    def vacuum(
        self, table: Table, keep_days: int, keep_versions: Sequence[int] = (), dry_run: bool = False
    ) -> Vacuumed:
        """Remove what killed writes left; the past of a table ends by itself, after the dataset's time travel.

        Neither can it be ended earlier, nor can a version be kept longer: `remains_days` says for how long it is there.
        """
        del keep_days, keep_versions
        files, size = left_behind(self.jobs, table, remove=not dry_run)
        return Vacuumed(table.name, files, size, self.jobs.settings.restorable_days)

    def read(
        self, table: Table, where: Mapping[str, object] | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows whose columns equal (or are in the list of) the given values, in key order."""
        from include.retraining.warehouse.bigquery.columns import condition_of, parameters_of

        wanted = list(columns or table.columns)
        if self._is_missing(table):
            return table.schema_of(wanted).empty_table()
        read = list(dict.fromkeys([*wanted, *table.key]))
        listed = ", ".join(f"`{name}`" for name in read)
        sql = f"SELECT {listed} FROM `{self.jobs.table_id(table.name)}` WHERE {condition_of(where or {})}"
        rows = self.jobs.select(f"read {table.name}", sql, parameters_of(table, where or {}))
        return in_order(rows, table.key).select(wanted).cast(table.schema_of(wanted))

    def partitions(self, table: Table) -> list[dict[str, str]]:
        """Partition values that hold rows, as text, in order."""
        as_text = ", ".join(f"CAST(`{name}` AS STRING) AS `{name}`" for name in table.partition)
        sql = f"SELECT DISTINCT {as_text} FROM `{self.jobs.table_id(table.name)}`"
        found = self.jobs.select(f"list partitions of {table.name}", sql).to_pylist()
        return sorted(found, key=lambda values: tuple(values[name] for name in table.partition))

    def version(self, table: Table) -> int:
        """The number of the last commit of a table; `committed_at` beside it is what time travel takes."""
        return int(self._last_commit(table)["version"] or 0)

    def state(self, table: Table, dates: tuple[date, date] | None = None) -> str:  # noqa: ARG002 (commits are a table's)
        """Project, dataset, number and time of the table's last commit, whichever dates are asked for."""
        last = self._last_commit(table)
        return f"{self.jobs.table_id(table.name)} {last['version']} {last['committed_at']}"

    def _last_commit(self, table: Table) -> dict[str, Any]:
        sql = (
            "SELECT MAX(version) AS version, MAX(committed_at) AS committed_at "
            f"FROM `{self.jobs.work_id(commits_name(table))}`"
        )
        with explained(f"read the version of {table.name}"):
            last: dict[str, Any] = self.jobs.select(f"read the version of {table.name}", sql).to_pylist()[0]
        return last

    def show(self, publication_id: str | None, as_of_date: date | None) -> None:
        """Make the views of published tables show one publication."""
        show_in_views(self.jobs, self._known.values(), publication_id, as_of_date)

    def shows(self, publication_id: str | None, as_of_date: date | None) -> bool:
        """Whether every view of a published table shows exactly that publication."""
        return shown_by_views(self.jobs, self._known.values(), publication_id, as_of_date)

    def _is_missing(self, table: Table) -> bool:
        """For who only reads, a table that no run has made yet is empty."""
        if not self.only_reads or table.name in self._there:
            return False
        with explained("look at the tables"):
            self._there |= stored_names(self.jobs, self.jobs.settings.dataset)
        return table.name not in self._there

    def _delete_statement(self, table: Table, where: Mapping[str, object]) -> str:
        target, condition = self.jobs.table_id(table.name), columns.condition_of(where)
        return f"DELETE FROM `{target}` WHERE {condition};\nSET written = @@row_count;"

    def _insert_statement(self, table: Table, source: str, condition: str = "") -> str:
        target, listed = self.jobs.table_id(table.name), ", ".join(f"`{name}`" for name in table.columns)
        return (
            f"INSERT INTO `{target}` ({listed})\nSELECT {listed} FROM `{source}` AS source {condition};\n"
            "SET written = @@row_count;"
        )

    def _commit(self, table: Table, statements: str, parameters: Sequence[Any]) -> Written:
        """Run statements in a transaction; again where another one changed the table meanwhile.

        Two transactions that only insert do not conflict on BigQuery, so both could append the same key. Both raise the
        commit number, and that does conflict: the second starts anew and sees what the first wrote.
        """
        commits = self.jobs.work_id(commits_name(table))
        script = (
            "DECLARE commit_number INT64;\nDECLARE written INT64 DEFAULT 0;\nBEGIN TRANSACTION;\n"
            f"UPDATE `{commits}` AS commits SET version = commits.version + 1, committed_at = CURRENT_TIMESTAMP() "
            "WHERE TRUE;\n"
            f"SET commit_number = (SELECT MAX(commits.version) FROM `{commits}` AS commits);\n"
            f"{statements}\nCOMMIT TRANSACTION;\nSELECT commit_number, written;"
        )

        def write() -> Written:
            done = self.jobs.run(f"write {table.name}", script, parameters)
            return Written(table.name, int(done["commit_number"]), int(done["written"]))

        return retry_lost_races(table, write)


def with_inputs(sql: str, inputs: Mapping[str, str]) -> str:
    """The query as it is, with names for what it does not find in the dataset around it."""
    if not inputs:
        return sql
    names = ",\n".join(f"{name} AS ({rows})" for name, rows in inputs.items())
    return f"WITH {names}\n(\n{sql}\n)"
