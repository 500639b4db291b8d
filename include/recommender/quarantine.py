"""Landed rows that broke a rule, kept with the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from include.retraining.quality.privacy import hash_key, keyed_hash, looks_personal
from include.retraining.tables import QUARANTINED_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from include.retraining.warehouse.protocol import Warehouse


def quarantine(
    warehouse: Warehouse,
    source: str,
    classified: pa.Table,
    day_column: str,
    days: Sequence[date],
    columns: Sequence[str],
) -> int:
    """Replace the quarantine of complete deliveries; the number of rows in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    refused = classified.filter(
        pc.and_(
            pc.is_valid(classified["broken_rule"]), pc.is_in(classified[day_column], pa.array(list(days), pa.date32()))
        )
    )
    key = hash_key() if refused.num_rows else ""
    rows = [_quarantined(row, source, day_column, columns, key) for row in refused.to_pylist()]
    table = pa.Table.from_pylist(rows, schema=QUARANTINED_ROWS.schema)
    warehouse.replace(QUARANTINED_ROWS, {"arrival_date": list(days), "source": source}, table)
    return int(refused.num_rows)


def _quarantined(
    row: dict[str, object], source: str, day_column: str, columns: Sequence[str], key: str
) -> dict[str, object]:
    landed = {name: _masked(row.get(f"{name}_text", row[name]), key) for name in columns}
    return {
        "arrival_date": row[day_column],
        "source": source,
        "row_id": row["row_id"],
        "event_date": row.get("event_date"),
        "reason": row["broken_rule"],
        "landed_row": json.dumps(landed, default=str, sort_keys=True),
        "file": row["file"],
    }


def _masked(value: object, key: str) -> object:
    return keyed_hash(value, key) if isinstance(value, str) and looks_personal(value) else value
