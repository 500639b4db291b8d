"""The files of a Delta table as DuckDB reads them best: by its own Parquet reader, partitions from the folder names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    from deltalake import DeltaTable

# Delta's names of types in DuckDB's words.
DUCKDB_TYPES = {
    "string": "VARCHAR", "long": "BIGINT", "integer": "INTEGER", "float": "FLOAT", "double": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMPTZ",
}  # fmt: skip

# Ours, likewise.
DUCKDB_OF = {
    "string": "VARCHAR", "int64": "BIGINT", "float32": "FLOAT", "float64": "DOUBLE", "bool": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMPTZ", "strings": "VARCHAR[]",
}  # fmt: skip


def limits(memory_limit: str, threads: int, spill_folder: Path) -> dict[str, Any]:
    """The settings of a DuckDB that takes no more than this, and spills into the folder, which is made."""
    spill_folder.mkdir(parents=True, exist_ok=True)
    return {"memory_limit": memory_limit, "threads": threads, "temp_directory": str(spill_folder)}


def show_files(connection: duckdb.DuckDBPyConnection, name: str, delta: DeltaTable) -> None:
    """Make a table's present version a view `name`, which no other connection sees.

    A scan by Arrow hands DuckDB its rows through one thread: several times slower. It stays where names of
    folders are escaped or read as patterns, or where no file holds a column that was added since.
    """
    files = delta.file_uris()
    types = {field.name: getattr(field.type, "type", "") for field in delta.schema().fields}
    partition = delta.metadata().partition_columns
    patterns = any(sign in file for file in files for sign in "%*?[")
    if not files or patterns or any(types[column] not in DUCKDB_TYPES for column in partition):
        connection.register(name, delta.to_pyarrow_dataset())
        return
    stored = _read(files, {column: DUCKDB_TYPES[types[column]] for column in partition})
    if set(types) - set(connection.sql(f"SELECT * FROM {stored}").columns):  # noqa: S608 (names of our own files)
        connection.register(name, delta.to_pyarrow_dataset())
        return
    columns = ", ".join(f'"{column}"' for column in types)
    connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM {stored}')  # noqa: S608


def _read(files: list[str], partition: dict[str, str]) -> str:
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    typed = ", ".join(f"'{column}': {kind}" for column, kind in partition.items())
    hive = f"hive_partitioning = true, hive_types = {{{typed}}}" if partition else "hive_partitioning = false"
    return f"read_parquet([{listed}], union_by_name = true, {hive})"
