"""A query's rows on their way into a table: in key order, some at a time, each one checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.retraining.errors import HigawariError
from include.retraining.warehouse.duckdb_files import DUCKDB_OF

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb
    import pyarrow as pa

    from include.retraining.warehouse.table import Table

ROWS_AT_ONCE = 200_000


@dataclass
class OrderedRows:
    """Streams a result into a partition, and counts it; `refused` is the error that ended the stream, if any."""

    table: Table
    partition: Mapping[str, object]
    result: duckdb.DuckDBPyRelation
    rows: int = 0
    bytes: int = 0
    refused: HigawariError | None = None

    def reader(self) -> pa.RecordBatchReader:
        """What Delta Lake takes; TableSchemaError where columns are missing or unknown."""
        import pyarrow as pa

        columns = self.table.columns
        self.table.refuse_other_columns(self.result.columns)
        typed = ", ".join(f'CAST("{name}" AS {DUCKDB_OF[kind]}) AS "{name}"' for name, kind in columns.items())
        ordered = self.result.project(typed).order(", ".join(f'"{name}"' for name in self.table.key))
        return pa.RecordBatchReader.from_batches(self.table.schema, self._checked(ordered))

    def _checked(self, ordered: duckdb.DuckDBPyRelation) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        last = self.table.schema.empty_table()
        for batch in ordered.to_arrow_reader(ROWS_AT_ONCE):
            try:
                rows = self.table.conform(pa.Table.from_batches([batch]))
                self.table.refuse_misplaced(self.partition, rows)
                self.table.refuse_repeated(pa.concat_tables([last, rows]))
            except HigawariError as error:
                self.refused = error
                raise
            self.rows, self.bytes = self.rows + rows.num_rows, self.bytes + rows.nbytes
            last = rows.slice(max(rows.num_rows - 1, 0))
            yield from rows.to_batches()
