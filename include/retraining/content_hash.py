"""Hash of a table's content: equal rows, equal hash, whatever the ids, times, versions and row order."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from include.retraining.warehouse.table import Table


def content_hash(table: Table, rows: pa.Table) -> str:
    """SHA-256 (hex) of rows in key order, without the table's `unhashed` columns."""
    import pandas as pd

    names = [name for name in table.columns if name not in table.unhashed]
    order = [(name, "ascending") for name in table.key if name in names]
    frame = table.conform(rows).sort_by(order).select(names).to_pandas()
    for name in (name for name in names if table.columns[name] == "strings"):
        frame[name] = frame[name].map(lambda values: json.dumps(list(values)) if values is not None else None)
    digest = hashlib.sha256("|".join(names).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()
