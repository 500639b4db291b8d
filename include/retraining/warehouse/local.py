"""The embedded warehouse: Delta Lake tables in a folder, DuckDB in memory over their snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from include.retraining.errors import CommitConflictError, TableSchemaError
from include.retraining.warehouse.protocol import Written
from include.retraining.warehouse.sql import parameter_names, table_names, to_duckdb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

    from include.retraining.warehouse.table import Table

COMMIT_TRIES = 12
# A table of smaller files is read once per version and process: a day in a file, hundreds of files cost more than SQL.
KEPT_BYTES = 32 * 2**20


@dataclass
class LocalWarehouse:
    """Delta Lake under `folder`; each query gets its own DuckDB, which spills to `spill_folder`."""

    folder: Path
    spill_folder: Path
    memory_limit: str = "2GB"
    threads: int = 2
    _known: dict[str, Table] = field(default_factory=dict)
    _kept: dict[str, tuple[int, pa.Table]] = field(default_factory=dict)

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Make the missing tables, add new nullable columns; TableSchemaError for any other difference."""
        for table in tables:
            self._known[table.name] = table
            self._create_or_extend(table)

    def query(
        self, sql: str, parameters: Mapping[str, object], inputs: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run GoogleSQL with named parameters (@name) over the tables it names and the given inputs."""
        given = dict(inputs or {})
        used = {name: parameters[name] for name in parameter_names(sql)}
        connection = self._connect()
        try:
            for name in table_names(sql):
                source = given[name] if name in given else self._source(name)
                connection.register(name, source)
            return connection.sql(to_duckdb(sql), params=used).to_arrow_table()
        finally:
            connection.close()

    def replace(self, table: Table, partition: Mapping[str, object], rows: pa.Table) -> Written:
        """Replace one partition with rows, all or nothing. A list of values replaces those partitions together."""
        from deltalake import write_deltalake

        conformed = table.conform(rows).sort_by([(name, "ascending") for name in table.key])
        table.refuse_misplaced(partition, conformed)
        table.refuse_repeated(conformed)
        predicate = " AND ".join(_condition(name, value) for name, value in partition.items())

        def write() -> Written:
            delta = self._open(table)
            write_deltalake(delta, conformed, mode="overwrite", predicate=predicate)
            return Written(table.name, delta.version(), conformed.num_rows)

        return _retry_commits(table, write)

    def append_once(self, table: Table, rows: pa.Table) -> Written:
        """Append the rows whose key is not there yet; Written.rows counts those."""
        conformed = _first_of_each_key(table, table.conform(rows))
        same_key = " AND ".join(f"target.{name} = source.{name}" for name in table.key)

        def write() -> Written:
            delta = self._open(table)
            merge = delta.merge(conformed, predicate=same_key, source_alias="source", target_alias="target")
            result = merge.when_not_matched_insert_all().execute()
            return Written(table.name, delta.version(), int(result["num_target_rows_inserted"]))

        return _retry_commits(table, write)

    def read(
        self, table: Table, where: Mapping[str, object] | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows whose columns equal (or are in the list of) the given values, in key order."""
        import pyarrow as pa
        import pyarrow.dataset as ds

        condition = None
        for name, value in (where or {}).items():
            field, kind = ds.field(name), table.schema.field(name).type
            term = field.isin(pa.array(value, kind)) if isinstance(value, list) else field == value
            condition = term if condition is None else condition & term
        dataset = self._open(table).to_pyarrow_dataset()
        wanted = list(dict.fromkeys([*(columns or table.columns), *table.key]))
        rows = dataset.to_table(columns=wanted, filter=condition)
        ordered = rows.sort_by([(name, "ascending") for name in table.key])
        return ordered.select(list(columns or table.columns))

    def partitions(self, table: Table) -> list[dict[str, str]]:
        """Partition values that hold rows, as text, in order."""
        found = [tuple(values[name] for name in table.partition) for values in self._open(table).partitions()]
        return [dict(zip(table.partition, values, strict=True)) for values in sorted(found)]

    def version(self, table: Table) -> int:
        """The current version of a table."""
        return self._open(table).version()

    def _source(self, name: str) -> pa.Table | ds.Dataset:
        """What DuckDB reads a table from: files where they are many bytes, else memory."""
        delta = self._open_by_name(name)
        if self._kept.get(name, (None,))[0] != delta.version():
            dataset = delta.to_pyarrow_dataset()
            if sum(delta.get_add_actions(flatten=True)["size_bytes"].to_pylist()) > KEPT_BYTES:
                return dataset
            self._kept[name] = (delta.version(), dataset.to_table())
        return self._kept[name][1]

    def _connect(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        self.spill_folder.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            config={
                "memory_limit": self.memory_limit,
                "threads": self.threads,
                "temp_directory": str(self.spill_folder),
            }
        )
        connection.execute("SET timezone = 'UTC'")
        return connection

    def _open(self, table: Table) -> DeltaTable:
        from deltalake import DeltaTable

        self._known.setdefault(table.name, table)
        return DeltaTable(str(self.folder / table.name))

    def _open_by_name(self, name: str) -> DeltaTable:
        if name not in self._known:
            raise TableSchemaError(f"one of {sorted(self._known)}", name, "declare the table or pass it as an input")
        return self._open(self._known[name])

    def _create_or_extend(self, table: Table) -> None:
        from deltalake import DeltaTable, Schema

        path = str(self.folder / table.name)
        if not DeltaTable.is_deltatable(path):
            DeltaTable.create(path, schema=table.schema, partition_by=list(table.partition), mode="ignore")
            return
        delta = DeltaTable(path)
        stored = {column.name: column for column in delta.schema().fields}
        declared = {column.name: column for column in Schema.from_arrow(table.schema).fields}
        changed = [name for name in stored if name not in declared or stored[name].type != declared[name].type]
        added = [column for name, column in declared.items() if name not in stored]
        partition = delta.metadata().partition_columns
        if changed or partition != list(table.partition) or any(not column.nullable for column in added):
            raise TableSchemaError(
                f"{table.name} with the columns stored at {path}, partitioned by {partition}",
                f"changed or dropped: {changed}; added: {[column.name for column in added]}; "
                f"partitioned by {list(table.partition)}",
                "only new nullable columns are added by themselves; keep the old names, or move the table away",
            )
        if added:
            delta.alter.add_columns(added)


def _retry_commits(table: Table, write: Callable[[], Written]) -> Written:
    """Repeat a write that lost the commit race, with random back-off; CommitConflictError after the last try."""
    from deltalake.exceptions import CommitFailedError
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    tries = Retrying(
        retry=retry_if_exception_type(CommitFailedError),
        stop=stop_after_attempt(COMMIT_TRIES),
        wait=wait_random_exponential(multiplier=0.05, max=2),
    )
    try:
        return tries(write)
    except RetryError as error:
        raise CommitConflictError(
            f"a commit to {table.name} within {COMMIT_TRIES} tries",
            "another process won every time",
            "let the retry run; if it goes on, look for a second run of the same date",
        ) from error


def _first_of_each_key(table: Table, rows: pa.Table) -> pa.Table:
    """A merge inserts every source row without a match, also those that share a key."""
    import pyarrow as pa

    numbered = rows.append_column("row_number", pa.array(range(rows.num_rows), pa.int64()))
    first = numbered.group_by(list(table.key)).aggregate([("row_number", "min")])
    return rows.take(first.sort_by("row_number_min")["row_number_min"])


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
