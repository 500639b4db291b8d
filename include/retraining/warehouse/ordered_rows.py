"""Rows on their way into a table: in key order, some at a time, each one checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.retraining.warehouse.duckdb_files import DUCKDB_OF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import duckdb
    import pyarrow as pa

    from include.retraining.warehouse.table import Table

# Rows that are fetched at once: Delta's writer has a dozen of such pieces waiting.
FETCHED_ROWS = 50_000


@dataclass
class OrderedRows:
    """Streams pieces into a partition, and counts rows and bytes; `failed` is the error that ended it, if any."""

    table: Table
    partition: Mapping[str, object]
    pieces: Iterable[pa.Table]
    rows: int = 0
    bytes: int = 0
    failed: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        """What Delta Lake takes."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.table.schema, self._checked())

    def _checked(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        last = self.table.schema.empty_table()
        try:
            for piece in self.pieces:
                rows = self.table.conform(piece)
                self.table.refuse_misplaced(self.partition, rows)
                follows = pa.concat_tables([last, rows])
                self.table.refuse_unordered(follows)
                self.table.refuse_repeated(follows)
                self.rows, self.bytes = self.rows + rows.num_rows, self.bytes + rows.nbytes
                last = rows.slice(max(rows.num_rows - 1, 0)) if rows.num_rows else last
                yield from rows.to_batches()
        except Exception as error:
            # Pieces may be computed on their way: theirs count, too.
            self.failed = error
            raise


def ordered_pieces(table: Table, result: duckdb.DuckDBPyRelation) -> Iterator[pa.Table]:
    """A query's rows in key order; TableSchemaError where columns are missing or unknown."""
    table.refuse_other_columns(result.columns)
    typed = ", ".join(f'CAST("{name}" AS {DUCKDB_OF[kind]}) AS "{name}"' for name, kind in table.columns.items())
    ordered = result.project(typed).order(", ".join(f'"{name}"' for name in table.key))
    return _fetched(ordered)


def _fetched(result: duckdb.DuckDBPyRelation) -> Iterator[pa.Table]:
    import pyarrow as pa

    for batch in result.to_arrow_reader(FETCHED_ROWS):
        yield pa.Table.from_batches([batch])
