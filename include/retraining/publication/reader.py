"""The reader's path: rows of the current publication, without blocked items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.publication.blocked import blocked_items
from include.retraining.publication.switch_log import read_switch_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table


def read_current(
    warehouse: Warehouse,
    table: Table,
    where: Mapping[str, object] | None = None,
    item_columns: Sequence[str] = ("item_id",),
) -> pa.Table:
    """Rows of one published table that readers see now: no rows before the first publication.

    The pointer is read once, so that all rows come from one publication. Rows that name a blocked item in one of
    `item_columns` are left out.
    """
    current = read_switch_log(warehouse).current
    if current is None:
        return table.schema.empty_table()
    return without_blocked(warehouse, read_publication(warehouse, table, current, where), item_columns)


def read_publication(
    warehouse: Warehouse, table: Table, publication_id: str, where: Mapping[str, object] | None = None
) -> pa.Table:
    """Rows of one published table in one publication."""
    return warehouse.read(table, {"publication_id": publication_id, **(where or {})})


def without_blocked(warehouse: Warehouse, rows: pa.Table, item_columns: Sequence[str]) -> pa.Table:
    """Rows that name no blocked item."""
    import pyarrow as pa
    import pyarrow.compute as pc

    blocked = pa.array(sorted(blocked_items(warehouse)), pa.string())
    for name in item_columns if len(blocked) else ():
        rows = rows.filter(pc.invert(pc.is_in(rows[name], blocked)))
    return rows
