"""What must vanish from live lists now: the last row of each name in an audit table says whether it is blocked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.retraining.tables import BLOCKED_ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

    Name = tuple[str, ...]
    Called = Mapping[Table, Callable[[Name], str]]

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


@dataclass(frozen=True)
class Blocking:
    """A row of such a table; `called` is what people call what it blocks, or lets return."""

    name: Name
    called: str
    kind: str
    who: str
    why: str
    recorded_at: datetime
    run_id: str


def read_blockings(warehouse: Warehouse, called: Called) -> list[Blocking]:
    """Every row of these tables; of a name the last row counts."""
    return [
        _blocking(table, row, words) for table, words in called.items() for row in warehouse.read(table).to_pylist()
    ]


def blocked_now(blockings: Iterable[Blocking]) -> list[Blocking]:
    """The rows that block, newest first."""
    last = {each.name: each for each in blockings}
    return sorted((each for each in last.values() if each.kind == "block"), key=lambda each: each.recorded_at)[::-1]


def called_item(name: Name) -> str:
    """What people call a blocked item."""
    return f"item {name[0]}"


def _blocking(table: Table, row: dict[str, Any], words: Callable[[Name], str]) -> Blocking:
    name = name_of(table, row)
    return Blocking(name, words(name), row["kind"], row["who"], row["why"], row["recorded_at"], row["run_id"])
