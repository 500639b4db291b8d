"""What must vanish from live lists now: the last row of each name in an audit table says whether it is blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.tables import BLOCKED_ITEMS

if TYPE_CHECKING:
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

    Name = tuple[str, ...]

NUMBER = "number"


def blocked_names(warehouse: Warehouse, table: Table) -> frozenset[Name]:
    """Names whose last row is a block: the values of the key of such a table, but for the number."""
    rows = warehouse.read(table, columns=[*table.key, "kind"]).to_pylist()
    last = {name_of(table, row): row["kind"] for row in rows}
    return frozenset(name for name, kind in last.items() if kind == "block")


def name_of(table: Table, row: dict[str, str]) -> Name:
    """What a row of such a table blocks."""
    return tuple(row[column] for column in table.key if column != NUMBER)


def blocked_items(warehouse: Warehouse) -> frozenset[str]:
    """Ids of the items that are blocked."""
    return frozenset(item_id for (item_id,) in blocked_names(warehouse, BLOCKED_ITEMS))
