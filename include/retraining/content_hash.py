"""Hash of a table's content: equal rows, equal hash, whatever the ids, times, versions and row order."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING

from include.retraining.warehouse.table import in_order

if TYPE_CHECKING:
    from collections.abc import Set

    import pandas as pd
    import pyarrow as pa

    from include.retraining.warehouse.table import Table


ROWS_AT_ONCE = 200_000


def content_hash(table: Table, rows: pa.Table) -> str:
    """SHA-256 (hex) of rows in key order, without the table's `unhashed` columns."""
    import pandas as pd

    names = [name for name in table.columns if name not in table.unhashed]
    ordered = in_order(table.conform(rows).select(names), [name for name in table.key if name in names])
    with_nulls = {name for name in names if ordered[name].null_count}
    digest = hashlib.sha256("|".join(names).encode())
    # Rows are hashed one by one: the hash is that of the whole frame, of which only a part is held.
    for start in range(0, max(ordered.num_rows, 1), ROWS_AT_ONCE):
        frame = _frame(table, ordered.slice(start, ROWS_AT_ONCE), with_nulls)
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _frame(table: Table, rows: pa.Table, with_nulls: Set[str]) -> pd.DataFrame:
    """Some rows with the types that the whole table gets, where nulls anywhere in a column change it."""
    frame: pd.DataFrame = rows.to_pandas()
    for name in rows.column_names:
        kind = table.columns[name]
        if kind == "strings":
            frame[name] = frame[name].map(lambda values: _as_json(tuple(values)) if values is not None else None)
        elif name in with_nulls and kind in ("int64", "bool"):
            frame[name] = frame[name].astype("float64" if kind == "int64" else "object")
    return frame


@cache
def _as_json(values: tuple[str, ...]) -> str:
    """Lists of names repeat in millions of rows."""
    return json.dumps(values)
