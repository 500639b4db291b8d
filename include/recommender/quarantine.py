"""Landed rows that broke a rule, kept with the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from include.retraining.quality.privacy import hash_key, keyed_hash, looks_personal
from include.retraining.tables import QUARANTINED_ROWS
from include.retraining.warehouse.protocol import Pieces
from include.retraining.warehouse.table import pieces_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import pyarrow as pa

    from include.retraining.warehouse.protocol import Warehouse

# Rows that are Python objects at once: 40 MB.
ROWS_AT_ONCE = 20_000


def quarantine(
    warehouse: Warehouse,
    source: str,
    classified: pa.Table,
    day_column: str,
    days: Sequence[date],
    columns: Sequence[str],
) -> int:
    """Replace the quarantine of complete deliveries; the number of rows in it.

    Some rows at a time: a wrong mapping refuses all of a history, which as Python objects fits no memory.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    refused = classified.filter(
        pc.and_(
            pc.is_valid(classified["broken_rule"]), pc.is_in(classified[day_column], pa.array(list(days), pa.date32()))
        )
    )
    key = hash_key() if refused.num_rows else ""

    def made() -> Iterator[pa.Table]:
        for piece in pieces_in_order(refused, (day_column, "row_id"), ROWS_AT_ONCE):
            rows = [_quarantined(row, source, day_column, columns, key) for row in piece.to_pylist()]
            yield pa.Table.from_pylist(rows, schema=QUARANTINED_ROWS.schema)

    warehouse.replace(QUARANTINED_ROWS, {"arrival_date": list(days), "source": source}, Pieces(made))
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
