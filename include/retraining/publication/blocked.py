"""Items that must vanish from live lists now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.tables import BLOCKED_ITEMS

if TYPE_CHECKING:
    from include.retraining.warehouse.protocol import Warehouse


def blocked_items(warehouse: Warehouse) -> frozenset[str]:
    """Item ids whose last row in the log is a block."""
    last = {row["item_id"]: row["kind"] for row in warehouse.read(BLOCKED_ITEMS).to_pylist()}
    return frozenset(item_id for item_id, kind in last.items() if kind == "block")
