"""Number columns of tables as arrays; of millions of rows in as little memory as they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

NARROW = (np.int8, np.int16, np.int32)


@dataclass(frozen=True)
class NarrowColumns(Mapping[str, "NDArray[np.float64]"]):
    """Columns that are float64 to who looks at one, each kept in the narrowest integers that hold it, if any do."""

    kept: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A copy of the column."""
        return self.kept[name].astype(np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)


def rows_at(columns: Mapping[str, NDArray[Any]], at: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Some rows of all columns, as float64."""
    kept = columns.kept if isinstance(columns, NarrowColumns) else columns
    return {name: values[at].astype(np.float64, copy=False) for name, values in kept.items()}


def numeric_columns(table: pa.Table) -> dict[str, NDArray[np.float64]]:
    """The number, boolean and date columns as float64; dates as days since 1970, nulls as NaN, beyond 2**53 rounded."""
    return {name: _floats(column) for name, column in _numbers(table).items()}


def narrow_columns(table: pa.Table) -> dict[str, NDArray[Any]]:
    """The same for NarrowColumns."""
    import pyarrow as pa

    return {
        name: _narrowest(column.to_numpy())
        if pa.types.is_integer(column.type) and not column.null_count
        else _floats(column)
        for name, column in _numbers(table).items()
    }


def _numbers(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The columns of numbers, booleans and dates; dates as days since 1970."""
    import pyarrow as pa

    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        of = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
        if pa.types.is_integer(of.type) or pa.types.is_boolean(of.type) or pa.types.is_floating(of.type):
            found[name] = of
    return found


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Values as float64, without a copy in between: of millions of rows every copy counts."""
    values, start = np.empty(len(column)), 0
    for chunk in column.chunks:
        values[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        start += len(chunk)
    return values


def _narrowest(values: NDArray[np.integer]) -> NDArray[np.integer]:
    least, largest = int(values.min(initial=0)), int(values.max(initial=0))
    for narrow in NARROW:
        if np.iinfo(narrow).min <= least and largest <= np.iinfo(narrow).max:
            return values.astype(narrow)
    return values
