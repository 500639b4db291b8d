"""Rows on their way into a publication: hashed as they come, and put by until its id, which is their hash, is known."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from include.retraining.content_hash import ContentHash
from include.retraining.errors import TableSchemaError
from include.retraining.warehouse.protocol import Pieces
from include.retraining.warehouse.table import ROWS_AT_ONCE, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from include.retraining.warehouse.table import Table

ID = "publication_id"


@dataclass(frozen=True)
class PutBy:
    """A table's rows in key order, without publication_id, in a file; the hash of their content, and how many."""

    file: IO[bytes]
    content_hash: str
    count: int

    def with_id(self, publication_id: str) -> Iterator[pa.Table]:
        """The rows of a publication, some at a time."""
        import pyarrow as pa

        self.file.seek(0)
        for batch in pa.ipc.open_stream(self.file):
            yield _with_id(pa.Table.from_batches([batch]), publication_id)


@contextmanager
def put_by(table: Table, rows: pa.Table | Pieces, folder: Path | None) -> Iterator[PutBy]:
    """Lists of everybody are more than memory should hold twice. The file has no name: it is gone with its process.

    TableSchemaError for a table whose key has unhashed columns besides publication_id, as its hash would depend on the
    order of rows; and where a column of numbers or truth values in pieces has a null, which changes the hash of all.
    """
    import pyarrow as pa

    if loose := sorted(set(table.key) & set(table.unhashed) - {ID}):
        raise TableSchemaError(
            f"a key of {table.name} that is content", ", ".join(loose), "leave it out of the key or out of `unhashed`"
        )
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    with_nulls = set() if isinstance(rows, Pieces) else {name for name in rows.column_names if rows[name].null_count}
    digest, count = ContentHash(table, with_nulls), 0
    schema = table.schema.remove(table.schema.get_field_index(ID))
    with tempfile.TemporaryFile(dir=folder) as file:
        with pa.ipc.new_stream(file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
            for piece in _pieces(table, rows):
                conformed = table.conform(_with_id(piece, "")).drop_columns([ID])
                digest.update(conformed)
                stream.write_table(conformed, max_chunksize=ROWS_AT_ONCE)
                count += conformed.num_rows
                # The next one is made before these names are bound anew.
                del piece, conformed
        yield PutBy(file, digest.hexdigest(), count)


def _pieces(table: Table, rows: pa.Table | Pieces) -> Iterator[pa.Table]:
    if isinstance(rows, Pieces):
        return rows.made()
    return iter([in_order(rows, [name for name in table.key if name != ID])])


def _with_id(rows: pa.Table, publication_id: str) -> pa.Table:
    import pyarrow as pa

    return rows.add_column(0, ID, pa.array([publication_id] * rows.num_rows, pa.string()))
