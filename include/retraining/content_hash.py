"""Hash of a table's content: equal rows, equal hash, whatever the ids, times, versions and row order."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from include.retraining.errors import TableSchemaError
from include.retraining.warehouse.table import ROWS_AT_ONCE, in_order

if TYPE_CHECKING:
    from collections.abc import Set

    import pandas as pd
    import pyarrow as pa

    from include.retraining.warehouse.table import Table

SEPARATOR = "\x1f"
# A null anywhere gives the whole column another type in pandas.
RETYPED = {"int64": "float64", "bool": "object"}


def content_hash(table: Table, rows: pa.Table) -> str:
    """SHA-256 (hex) of rows in key order, without the table's `unhashed` columns."""
    names = _hashed_columns(table)
    ordered = in_order(table.conform(rows).select(names), [name for name in table.key if name in names])
    digest = ContentHash(table, {name for name in names if ordered[name].null_count})
    digest.update(ordered)
    return digest.hexdigest()


def _hashed_columns(table: Table) -> list[str]:
    """What counts as content."""
    return [name for name in table.columns if name not in table.unhashed]


class ContentHash:
    """The same of rows that come some at a time, in key order; `with_nulls` names columns that have nulls anywhere."""

    def __init__(self, table: Table, with_nulls: Set[str] = frozenset()) -> None:
        self.table, self.with_nulls, self.names = table, with_nulls, _hashed_columns(table)
        self.digest = hashlib.sha256("|".join(self.names).encode())

    def update(self, rows: pa.Table) -> None:
        """Rows are hashed one by one: the hash is that of the whole frame, of which only a part is held.

        TableSchemaError where a column of whole numbers or truth values has a null that nobody announced: it changes
        the hash of all.
        """
        import pandas as pd

        for name in self.names:
            if self.table.columns[name] in RETYPED and rows[name].null_count and name not in self.with_nulls:
                expected = f"no null in {self.table.name}.{name}, whose rows come some at a time"
                raise TableSchemaError(expected, f"{rows[name].null_count} nulls", "hash the rows together")
        for start in range(0, rows.num_rows, ROWS_AT_ONCE):
            frame = _frame(self.table, rows.select(self.names).slice(start, ROWS_AT_ONCE), self.with_nulls)
            self.digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())

    def hexdigest(self) -> str:
        """Of all rows so far."""
        return self.digest.hexdigest()


def _frame(table: Table, rows: pa.Table, with_nulls: Set[str]) -> pd.DataFrame:
    """Some rows with the types that the whole table gets, where nulls anywhere in a column change it."""
    for at, name in enumerate(rows.column_names):
        if table.columns[name] == "strings":
            rows = rows.set_column(at, name, _as_json(rows[name].combine_chunks()))
    frame: pd.DataFrame = rows.to_pandas()
    for name in rows.column_names:
        if name in with_nulls and table.columns[name] in RETYPED:
            frame[name] = frame[name].astype(RETYPED[table.columns[name]])
    return frame


def _as_json(lists: pa.ListArray) -> pa.Array:
    """Lists of texts as JSON, each different one made once: they repeat in millions of rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = lists.flatten()
    if texts.null_count or pc.any(pc.match_substring(texts, SEPARATOR)).as_py():
        return pa.array([None if values is None else json.dumps(values) for values in lists.to_pylist()], pa.string())
    # With its length, which tells no text at all from an empty one.
    length = pc.list_value_length(lists).cast(pa.string())
    named = pc.binary_join_element_wise(pc.binary_join(lists, SEPARATOR), length, SEPARATOR).dictionary_encode()
    parts = [name.split(SEPARATOR) for name in named.dictionary.to_pylist()]
    return pa.array([json.dumps(of[: int(of[-1])]) for of in parts], pa.string()).take(named.indices)
