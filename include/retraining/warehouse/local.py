"""The embedded warehouse: Delta Lake tables in a folder, DuckDB in memory over their snapshots."""

from __future__ import annotations

import functools
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from include.retraining.errors import SettingsError, TableSchemaError
from include.retraining.warehouse.commits import retry_commits
from include.retraining.warehouse.conditions import among, arrow_condition, predicate_of
from include.retraining.warehouse.delta_files import rows_of
from include.retraining.warehouse.delta_history import (
    again_where_files_vanished,
    compact,
    expire_log,
    forget_versions,
    vacuum_files,
)
from include.retraining.warehouse.duckdb_files import limits, show_files
from include.retraining.warehouse.ordered_rows import OrderedRows, ordered_pieces
from include.retraining.warehouse.protocol import Pieces, Query, Spent, Vacuumed, Written
from include.retraining.warehouse.sql import as_googlesql, parameter_names, table_names, to_duckdb
from include.retraining.warehouse.table import first_of_each_key, in_order, pieces_in_order, share_of_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb
    import pyarrow as pa
    from deltalake import DeltaTable

    from include.retraining.warehouse.table import Table

COMMIT_TRIES = 12
# A property of every Delta table. Tables from before it was kept have none, which counts as 1.
SCHEMA_VERSION = "higawari.schemaVersion"
# A table of smaller files is read once per version and process: a day in a file, hundreds of files cost more than SQL.
KEPT_BYTES = 32 * 2**20
# Rows of a stream that are in memory at once.
STREAMED_ROWS = 1_000_000


@dataclass
class LocalWarehouse:
    """Delta Lake under `folder`; small queries share a DuckDB of `memory_limit`, which spills to `spill_folder`."""

    folder: Path
    spill_folder: Path
    memory_limit: str = "600MB"
    threads: int = 2
    _known: dict[str, Table] = field(default_factory=dict)
    only_reads: bool = False
    _kept: dict[str, tuple[int, pa.Table]] = field(default_factory=dict)
    _opened: dict[str, tuple[int, DeltaTable]] = field(default_factory=dict)
    _written: list[Written] = field(default_factory=list)
    _database: duckdb.DuckDBPyConnection | None = None

    @property
    def spent(self) -> Sequence[Spent]:
        """Nothing is billed."""
        return ()

    @property
    def written(self) -> Sequence[Written]:
        """What this object put into tables so far, deletions left out."""
        return self._written

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Make the missing tables, add new nullable columns; TableSchemaError for any other difference."""
        for table in tables:
            self._known[table.name] = table
            self._create_or_extend(table)

    def query(
        self, sql: str, parameters: Mapping[str, object], inputs: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run GoogleSQL with named parameters (@name) over the tables it names and the given inputs."""
        with self._result(sql, parameters, inputs or {}) as result:
            return as_googlesql(result.to_arrow_table())

    def stream(self, query: Query) -> Iterator[pa.Table]:
        """The rows of a query in any order, STREAMED_ROWS at a time."""
        import pyarrow as pa

        with self._result(query.sql, query.parameters, {}) as result:
            reader = result.to_arrow_reader(STREAMED_ROWS)
            # Of no rows there is no batch: whoever takes them wants to know the columns.
            yield as_googlesql(reader.schema.empty_table())
            for batch in reader:
                yield as_googlesql(pa.Table.from_batches([batch]))

    @contextmanager
    def _result(
        self, sql: str, parameters: Mapping[str, object], inputs: Mapping[str, pa.Table]
    ) -> Iterator[duckdb.DuckDBPyRelation]:
        """The result of a query, not fetched yet. SettingsError where it needs memory that cannot be spilled."""
        import duckdb

        used = {name: parameters[name] for name in parameter_names(sql)}
        connection, reads_files = self._connect(), False
        try:
            for name in table_names(sql):
                if name in inputs:
                    connection.register(name, inputs[name])
                else:
                    reads_files |= self._show(connection, name)
            yield connection.sql(to_duckdb(sql), params=used)
        except duckdb.OutOfMemoryException as error:
            limit = f"storage.memory_limit = {self.memory_limit} and storage.threads = {self.threads}"
            raise SettingsError(
                f"a query that gets by with {limit}",
                str(error),
                "raise the one or lower the other, and clear the task",
            ) from error
        finally:
            connection.close()
            if reads_files or any(self.spill_folder.glob("duckdb_temp*")):
                # What it took for much data it gives back in the end only: memory, and a file once it has spilled.
                self._database = None

    def replace(self, table: Table, partition: Mapping[str, object], rows: pa.Table | Query | Pieces) -> Written:
        """Replace one partition with rows, all or nothing. A list of values replaces those partitions together.

        Rows of a Query stream from DuckDB, which orders them, into the files; so do Pieces, and a table's rows, sorted
        some at a time: as many again would be more memory than a task should need.
        """
        table.refuse_partition(partition)
        if isinstance(rows, Query):
            return self._replace_by_query(table, partition, rows)
        made = rows.made if isinstance(rows, Pieces) else lambda: pieces_in_order(table.conform(rows), table.key)
        return self._remembered(_retry_commits(table, lambda: self._replace_by_stream(table, partition, made())))

    def _replace_by_query(self, table: Table, partition: Mapping[str, object], query: Query) -> Written:
        def write() -> Written:
            with self._result(query.sql, query.parameters, {}) as result:
                return self._replace_by_stream(table, partition, ordered_pieces(table, result))

        return self._remembered(_retry_commits(table, write))

    def _replace_by_stream(self, table: Table, partition: Mapping[str, object], pieces: Iterable[pa.Table]) -> Written:
        from deltalake import write_deltalake

        delta, stream = self._open(table), OrderedRows(table, partition, pieces)
        try:
            write_deltalake(delta, stream.reader(), mode="overwrite", predicate=predicate_of(partition))
        except Exception as error:
            # Delta reports what the stream raised as an error of its own.
            raise stream.failed or error from error
        return Written(table.name, delta.version(), stream.rows, stream.bytes)

    def append_once(self, table: Table, rows: pa.Table) -> Written:
        """Append the rows whose key is not there yet; Written.rows counts those."""
        conformed = first_of_each_key(table, table.conform(rows))
        same_key = " AND ".join(f"target.{name} = source.{name}" for name in table.key)

        def write() -> Written:
            delta = self._open(table)
            merge = delta.merge(conformed, predicate=same_key, source_alias="source", target_alias="target")
            result = merge.when_not_matched_insert_all().execute()
            inserted = int(result["num_target_rows_inserted"])
            return Written(table.name, delta.version(), inserted, share_of_bytes(conformed, inserted))

        written = self._remembered(_retry_commits(table, write))
        if not table.partition:
            compact(table, self.folder / table.name)
        return written

    def _remembered(self, written: Written) -> Written:
        self._written.append(written)
        return written

    def delete(self, table: Table, where: Mapping[str, object]) -> Written:
        """Delete the rows whose columns equal (or are in the list of) the given values; Written.rows counts them."""
        table.refuse_whole(where)
        if set(where) <= set(table.partition):
            return _retry_commits(table, lambda: self._delete_partitions(table, where))
        holding = self.read(table, where, list(table.partition)) if table.partition else None
        partitions = holding.group_by(list(table.partition)).aggregate([]).to_pylist() if holding else [{}]
        parts = [
            _retry_commits(table, functools.partial(self._delete_within, table, partition, where))
            for partition in partitions
        ]
        return Written(table.name, self.version(table), sum(part.rows for part in parts))

    def _delete_partitions(self, table: Table, where: Mapping[str, object]) -> Written:
        delta = self._open(table)
        removed = delta.delete(predicate_of(where))
        return Written(table.name, delta.version(), int(removed["num_deleted_rows"]))

    def _delete_within(self, table: Table, partition: Mapping[str, object], where: Mapping[str, object]) -> Written:
        """Rewrite one partition without some rows.

        Not by Delta's own delete: it stores text as views, which Arrow then cannot compare with text.
        """
        import pyarrow.compute as pc
        from deltalake import write_deltalake

        delta = self._open(table)
        condition = arrow_condition(table, partition) if partition else None
        rows = table.conform(delta.to_pyarrow_dataset().to_table(filter=condition))
        theirs = among(table, rows, where)
        count = int(pc.sum(theirs).as_py() or 0)
        if count:
            kept = in_order(rows.filter(pc.invert(theirs)), table.key)
            write_deltalake(delta, kept, mode="overwrite", predicate=predicate_of(partition) if partition else None)
        return Written(table.name, delta.version(), count)

    def vacuum(
        self, table: Table, keep_days: int, keep_versions: Sequence[int] = (), dry_run: bool = False
    ) -> Vacuumed:
        """Remove what neither a version of the last days nor one of `keep_versions` needs.

        With `keep_days` 0 nothing of the past is left, not even in a log; no version can be kept then.
        """
        folder = self.folder / table.name
        removed = vacuum_files(table, folder, keep_days, keep_versions if keep_days else (), dry_run)
        if not dry_run and keep_days == 0:
            forget_versions(table, folder)
        elif not dry_run and not keep_versions:
            expire_log(folder)
        return removed

    def read(
        self, table: Table, where: Mapping[str, object] | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows whose columns equal (or are in the list of) the given values, in key order."""
        if self._is_missing(table):
            return table.schema.empty_table().select(list(columns or table.columns))
        return again_where_files_vanished(
            lambda: self._read(table, where or {}, columns or list(table.columns)),
            forget=lambda: self._opened.pop(table.name, None),
        )

    def _read(self, table: Table, where: Mapping[str, object], columns: Sequence[str]) -> pa.Table:
        wanted = list(dict.fromkeys([*(columns or table.columns), *table.key]))
        rows = rows_of(self._open(table), self.folder / table.name, table, where, wanted)
        return in_order(rows, table.key).select(list(columns or table.columns))

    def partitions(self, table: Table) -> list[dict[str, str]]:
        """Partition values that hold rows, as text, in order."""
        if self._is_missing(table):
            return []
        found = [tuple(values[name] for name in table.partition) for values in self._open(table).partitions()]
        return [dict(zip(table.partition, values, strict=True)) for values in sorted(found)]

    def version(self, table: Table) -> int:
        """The current version of a table."""
        return self._open(table).version()

    def state(self, table: Table, dates: tuple[date, date] | None = None) -> str:
        """A hash of the names of its files, each of which is written once."""
        actions = self._open(table).get_add_actions(flatten=True)
        paths = list(map(str, actions["path"].to_pylist()))
        if dates:
            by_date = next(name for name in table.partition if table.columns[name] == "date")
            days = actions[f"partition.{by_date}"].to_pylist()
            paths = [path for path, day in zip(paths, days, strict=True) if dates[0] <= day <= dates[1]]
        return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()

    def _show(self, connection: duckdb.DuckDBPyConnection, name: str) -> bool:
        """Let DuckDB see a table: its files where they are many bytes (True), else what they hold, in memory."""
        if name in self._known and self._is_missing(self._known[name]):
            connection.register(name, self._known[name].schema.empty_table())
            return False
        delta = self._open_by_name(name)
        if self._kept.get(name, (None,))[0] != delta.version():
            if sum(delta.get_add_actions(flatten=True)["size_bytes"].to_pylist()) > KEPT_BYTES:
                show_files(connection, name, delta)
                return True
            self._kept[name] = (delta.version(), delta.to_pyarrow_dataset().to_table())
        connection.register(name, self._kept[name][1])
        return False

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for a query: nobody else sees its views."""
        database = self._database = self._database or self._new_database()
        connection = database.cursor()
        connection.execute("SET timezone = 'UTC'")
        # In a task's log it would be hundreds of lines.
        connection.execute("SET enable_progress_bar = false")
        return connection

    def _new_database(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB in memory; to make one takes longer than a small query."""
        import duckdb

        return duckdb.connect(
            config={
                **limits(self.memory_limit, self.threads, self.spill_folder),
                # Whoever needs an order asks for it; without this, large results wait in memory for one.
                "preserve_insertion_order": False,
                # What a query has read does not stay in memory for the next one, which seldom reads the same.
                "enable_external_file_cache": False,
            }
        )

    def _open(self, table: Table) -> DeltaTable:
        from deltalake import DeltaTable

        self._known.setdefault(table.name, table)
        if not self.only_reads:
            return DeltaTable(str(self.folder / table.name))
        # A page reads a table several times, and to read the log takes longer than to read the rows. A log that was
        # put back from a backup is another one, in a folder of another number.
        number = (self.folder / table.name / "_delta_log").stat().st_ino
        known, delta = self._opened.get(table.name, (None, None))
        if delta is None or known != number:
            delta = DeltaTable(str(self.folder / table.name))
        else:
            delta.update_incremental()
        self._opened[table.name] = (number, delta)
        return delta

    def _is_missing(self, table: Table) -> bool:
        """For who only reads, a table that no run has made yet is empty."""
        return self.only_reads and not (self.folder / table.name / "_delta_log").is_dir()

    def _open_by_name(self, name: str) -> DeltaTable:
        if name not in self._known:
            raise TableSchemaError(f"one of {sorted(self._known)}", name, "declare the table or pass it as an input")
        return self._open(self._known[name])

    def _create_or_extend(self, table: Table) -> None:
        from deltalake import DeltaTable

        path = str(self.folder / table.name)
        if DeltaTable.is_deltatable(path):
            _retry_commits(table, lambda: self._extend(table))
            return
        DeltaTable.create(
            path, schema=table.schema, partition_by=list(table.partition), mode="ignore",
            configuration=_version_property(table), raise_if_key_not_exists=False,
        )  # fmt: skip

    def _extend(self, table: Table) -> Written:
        """Bring a stored table to the declared schema version, where only nullable columns are new."""
        from deltalake import Schema

        delta = self._open(table)
        stored_version = int(delta.metadata().configuration.get(SCHEMA_VERSION, 1))
        table.refuse_newer(stored_version)
        stored = {column.name: column for column in delta.schema().fields}
        declared = {column.name: column for column in Schema.from_arrow(table.schema).fields}
        changed = [name for name in stored if name not in declared or stored[name].type != declared[name].type]
        added = [column for name, column in declared.items() if name not in stored]
        partition = delta.metadata().partition_columns
        if changed or partition != list(table.partition) or any(not column.nullable for column in added):
            raise TableSchemaError(
                f"{table.name} with the columns stored at {self.folder / table.name} (schema version "
                f"{stored_version}), partitioned by {partition}",
                f"schema version {table.schema_version}: changed or dropped: {changed}; added: "
                f"{[column.name for column in added]}; partitioned by {list(table.partition)}",
                "only new nullable columns are added by themselves; keep the old names, or move the table away",
            )
        if added:
            delta.alter.add_columns(added)
        if stored_version < table.schema_version:
            delta.alter.set_table_properties(_version_property(table), raise_if_not_exists=False)
        return Written(table.name, delta.version(), 0)


def _version_property(table: Table) -> dict[str, str]:
    return {SCHEMA_VERSION: str(table.schema_version)}


def _retry_commits(table: Table, write: Callable[[], Written]) -> Written:
    from deltalake.exceptions import CommitFailedError

    return retry_commits(table, write, CommitFailedError, COMMIT_TRIES, (0.05, 2))
