"""The data files of a Delta table that a read needs, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from include.retraining.warehouse.conditions import among, arrow_condition, predicate_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

    from include.retraining.warehouse.table import Table

# A condition of more names than this takes longer to weigh than files to open.
MOST_NAMES = 400
SMALL_BYTES = 16 * 2**20


def rows_of(
    delta: DeltaTable, folder: Path, table: Table, where: Mapping[str, object], columns: Sequence[str]
) -> pa.Table:
    """The columns of rows that meet the condition, in any order."""
    files = delta.file_uris(file_pruning_predicate=_certain(table, where))
    dataset = _dataset(delta, folder, table, files)
    is_small = sum(Path(name).stat().st_size for name in files) <= SMALL_BYTES
    if where and not is_small:
        return dataset.to_table(columns=list(columns), filter=arrow_condition(table, where))
    # Arrow weighs a condition for each file anew, which takes longer than to read a small one whole; and many small
    # files are read sooner by one thread than by several.
    rows = dataset.to_table(columns=list(dict.fromkeys([*columns, *where])), use_threads=not is_small)
    rows = _as_declared(table, rows)
    return (rows.filter(among(table, rows, where)) if where else rows).select(list(columns))


def _dataset(delta: DeltaTable, folder: Path, table: Table, files: Sequence[str]) -> ds.Dataset:
    """The given files. Delta's own way makes a condition for each column of each file, and asks Python for bytes."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.fs as fs

    schema = table.schema if table.partition else pa.schema(delta.schema().to_arrow())
    partition = ds.partitioning(pa.schema([table.schema.field(name) for name in table.partition]), flavor="hive")
    return ds.dataset(
        files, schema=schema, format="parquet", partitioning=partition, partition_base_dir=str(folder),
        filesystem=fs.LocalFileSystem(),
    )  # fmt: skip


def _as_declared(table: Table, rows: pa.Table) -> pa.Table:
    """A merge, as of an audit table, stores text as views, which Arrow cannot compare with text."""
    for at, name in enumerate(rows.column_names):
        kind = table.schema.field(name).type
        if rows.schema.field(name).type != kind:
            rows = rows.set_column(at, table.schema.field(name), rows[name].cast(kind))
    return rows


def _certain(table: Table, where: Mapping[str, object]) -> str | None:
    """What Delta can skip files by: partitions, and the least and greatest text or date that it keeps of each file."""
    certain = {
        name: value
        for name, value in where.items()
        if _is_few(value) and (name in table.partition or _is_text(value) or table.columns[name] == "date")
    }
    return predicate_of(certain) if certain else None


def _is_few(value: object) -> bool:
    return not isinstance(value, list) or 0 < len(value) <= MOST_NAMES


def _is_text(value: object) -> bool:
    return all(isinstance(each, str) for each in (value if isinstance(value, list) else [value]))
