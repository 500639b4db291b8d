"""What every warehouse can do. Fewer than ten methods, so that a new engine is a week's work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from include.retraining.warehouse.table import Table


@dataclass(frozen=True)
class Written:
    """What a write did: the table version it made (or found), and the rows it put there."""

    table: str
    version: int
    rows: int


class Warehouse(Protocol):
    """Tables that are read by query or by partition and written by whole partitions, or appended to once."""

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Make the missing tables, add new nullable columns; TableSchemaError for any other difference."""

    def query(
        self, sql: str, parameters: Mapping[str, object], inputs: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run GoogleSQL with named parameters (@name) over the tables it names and the given inputs."""

    def replace(self, table: Table, partition: Mapping[str, object], rows: pa.Table) -> Written:
        """Replace one partition with rows, all or nothing. A list of values replaces those partitions together."""

    def append_once(self, table: Table, rows: pa.Table) -> Written:
        """Append the rows whose key is not there yet; Written.rows counts those."""

    def read(
        self, table: Table, where: Mapping[str, object] | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows whose columns equal (or are in the list of) the given values, in key order."""

    def partitions(self, table: Table) -> list[dict[str, str]]:
        """Partition values that hold rows, as text, in order."""

    def version(self, table: Table) -> int:
        """The current version of a table."""
