"""What every warehouse can do. Fewer than ten methods, so that a new engine is a week's work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    import pyarrow as pa

    from include.retraining.warehouse.table import Table


@dataclass(frozen=True)
class Written:
    """What a write did: the table version it made (or found), the rows it put there, and their bytes in memory."""

    table: str
    version: int
    rows: int
    bytes: int = 0


@dataclass(frozen=True)
class Vacuumed:
    """What a vacuum removed: data files, and their bytes; for how many days the past can still be restored."""

    table: str
    files: int
    bytes: int
    remains_days: int = 0


@dataclass(frozen=True)
class Spent:
    """What one job of a warehouse that bills cost; `estimated_bytes` is None where no estimate can be had."""

    job_id: str
    statement: str
    estimated_bytes: int | None
    billed_bytes: int
    slot_ms: int


@dataclass(frozen=True)
class Query:
    """Rows that a warehouse makes itself: GoogleSQL with named parameters (@name)."""

    sql: str
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Pieces:
    """Rows that come some at a time, in key order; `made` makes them anew, as a lost race for a commit needs."""

    made: Callable[[], Iterator[pa.Table]]


class Warehouse(Protocol):
    """Tables that are read by query or by partition and written by whole partitions, or appended to once."""

    @property
    def spent(self) -> Sequence[Spent]:
        """What this object's jobs cost so far; nothing where nothing is billed."""

    @property
    def written(self) -> Sequence[Written]:
        """What this object put into tables so far, deletions left out."""

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Make the missing tables, add new nullable columns; TableSchemaError for any other difference.

        A table that a newer release wrote (a higher `schema_version`) is refused too, and left as it is.
        """

    def query(
        self, sql: str, parameters: Mapping[str, object], inputs: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run GoogleSQL with named parameters (@name) over the tables it names and the given inputs."""

    def replace(self, table: Table, partition: Mapping[str, object], rows: pa.Table | Query | Pieces) -> Written:
        """Replace one partition with rows, all or nothing. A list of values replaces those partitions together.

        Rows of a Query, and Pieces, need not fit the memory of this process.
        """

    def append_once(self, table: Table, rows: pa.Table) -> Written:
        """Append the rows whose key is not there yet; Written.rows counts those."""

    def delete(self, table: Table, where: Mapping[str, object]) -> Written:
        """Delete the rows whose columns equal (or are in the list of) the given values; Written.rows counts them."""

    def vacuum(
        self, table: Table, keep_days: int, keep_versions: Sequence[int] = (), dry_run: bool = False
    ) -> Vacuumed:
        """Remove what neither a version of the last days nor one of `keep_versions` needs.

        With `keep_days` 0 nothing of the past is left, not even in a log; no version can be kept then.
        """

    def read(
        self, table: Table, where: Mapping[str, object] | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows whose columns equal (or are in the list of) the given values, in key order."""

    def partitions(self, table: Table) -> list[dict[str, str]]:
        """Partition values that hold rows, as text, in order."""

    def version(self, table: Table) -> int:
        """The current version of a table."""


@runtime_checkable
class ShowsCurrent(Protocol):
    """A warehouse whose readers query views that hold the pointer as a constant, beside its methods as a Warehouse."""

    def show(self, publication_id: str | None, as_of_date: date | None) -> None:
        """Make the views show one publication, or nothing."""

    def shows(self, publication_id: str | None, as_of_date: date | None) -> bool:
        """Whether the views show exactly that."""


@runtime_checkable
class TellsChanges(Protocol):
    """A warehouse that can tell whether rows of a table may have changed, so that what was made of them can be kept."""

    def state(self, table: Table, dates: tuple[date, date] | None = None) -> str:
        """A text that no other content of the table ever had, a restored table's included.

        Of a table partitioned by date, that of its partitions from one date to another will do; it may tell of more.
        """


@runtime_checkable
class Streams(Protocol):
    """A warehouse that can give the rows of a query some at a time, so that nobody needs memory for all of them."""

    def stream(self, query: Query) -> Iterator[pa.Table]:
        """The rows in any order; one table at least."""


def pieces_of(warehouse: Warehouse, query: Query) -> Iterable[pa.Table]:
    """The rows of a query in any order, some at a time where the warehouse can; one table at least."""
    if isinstance(warehouse, Streams):
        return warehouse.stream(query)
    return [warehouse.query(query.sql, query.parameters)]
