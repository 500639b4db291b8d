"""How many rows a complete publication has: those it was recorded with, less those of people forgotten since."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from include.retraining.tables import ERASED_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.retraining.warehouse.protocol import Warehouse


def complete_counts(warehouse: Warehouse, publication: Mapping[str, Any]) -> dict[str, range]:
    """The numbers of rows by table with which a publication, a row of `publications`, is complete.

    There are several where people were forgotten: an erasure is recorded before it removes, and may be under way.
    """
    gone = _erased(warehouse, publication["publication_id"])
    recorded: dict[str, int] = json.loads(publication["row_counts"])
    return {table: range(rows - gone[table], rows + 1) for table, rows in recorded.items()}


def in_words(counts: range) -> str:
    """`4`, or `2 to 4`."""
    return f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])


def _erased(warehouse: Warehouse, publication_id: str) -> Counter[str]:
    erased: Counter[str] = Counter()
    for row in warehouse.read(ERASED_ROWS, {"publication_id": publication_id}).to_pylist():
        erased[row["table_name"]] += row["rows"]
    return erased
