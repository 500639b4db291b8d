"""Block items or whole lists, or let them return: readers leave them out from their next read on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from include.retraining.errors import CommitConflictError, OperationError
from include.retraining.operation import Plan
from include.retraining.publication.blocked import NUMBER, blocked_items, blocked_names, name_of
from include.retraining.publication.reader import read_publication
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import BLOCKED_ITEMS
from include.retraining.unknown_names import unknown_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from include.retraining.operation import Operation
    from include.retraining.publication.blocked import Name
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

    ItemColumns = Mapping[Table, Sequence[str]]
    UsersAmong = Callable[[Sequence[str]], Collection[str]]

Action = Literal["block", "unblock"]
ACTIONS: tuple[Action, ...] = ("block", "unblock")


@dataclass(frozen=True)
class Blockable:
    """What may be blocked: its name in the audit table, what people call it, and what either action does to it."""

    name: Name
    called: str
    blocked: str
    unblocked: str


def plan_blocking(
    warehouse: Warehouse,
    operation: Operation,
    action: Action,
    item_ids: Iterable[str],
    catalogue: Collection[str],
    item_columns: ItemColumns,
    users_among: UsersAmong,
) -> Plan:
    """What rows of this kind in `blocked_items` change; `item_columns` are those of the tables that readers read.

    `users_among` says which names are people: these are named by keyed hashes only.
    OperationError where an item is in neither the catalogue nor the current lists: then none is blocked.
    """
    wanted = named(item_ids)
    if not wanted:
        raise OperationError("at least one item id", "none", "trigger again with one item id a line")
    shown = _rows_that_show(warehouse, wanted, item_columns)
    known = {*catalogue, *blocked_items(warehouse), *(item_id for counts in shown.values() for item_id in counts)}
    refuse_unknown("items of the newest catalogue or of the current lists", wanted, known, users_among)
    return plan_rows(warehouse, BLOCKED_ITEMS, operation, action, [_item(name, shown) for name in wanted])


def plan_rows(
    warehouse: Warehouse, table: Table, operation: Operation, action: Action, wanted: Sequence[Blockable]
) -> Plan:
    """What rows of this kind in an audit table change; none for what is so already, or was done by an earlier try."""
    log, blocked = warehouse.read(table).to_pylist(), blocked_names(warehouse, table)
    done = {name_of(table, row) for row in log if row["run_id"] == operation.run_id}
    changed = [one for one in wanted if one.name not in done and (one.name in blocked) == (action == "unblock")]
    says = tuple(_words(one, action, one in changed) for one in wanted)
    if not changed:
        return Plan(says)
    numbers = Counter({name_of(table, row): row[NUMBER] for row in log})
    rows = [_row(table, operation, action, one.name, numbers[one.name] + 1) for one in changed]
    return Plan(says, lambda: _append(warehouse, table, rows))


def named(ids: Iterable[str]) -> list[str]:
    """Ids as typed into a form, each once, without spaces around them and empty lines."""
    return list(dict.fromkeys(name for each in ids if (name := each.strip())))


def refuse_unknown(expected: str, wanted: Iterable[str], known: Collection[str], users_among: UsersAmong) -> None:
    """OperationError for names that nothing has, with near ones that something has, and people by keyed hashes."""
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise OperationError(
            expected,
            unknown_in_words(unknown, known, users_among(unknown)),
            "mend them and trigger again, users in the field Users; none of the others was written",
        )


def _rows_that_show(
    warehouse: Warehouse, item_ids: Sequence[str], item_columns: ItemColumns
) -> dict[str, Counter[str]]:
    """Per table, how many rows of the current publication name each item."""
    current = read_switch_log(warehouse).current
    counts: dict[str, Counter[str]] = {table.name: Counter() for table in item_columns}
    for table, columns in item_columns.items() if current else ():
        for column in columns:
            rows = read_publication(warehouse, table, str(current), {column: list(item_ids)})
            counts[table.name].update(rows[column].to_pylist())
    return counts


def _item(item_id: str, shown: Mapping[str, Mapping[str, int]]) -> Blockable:
    rows = ", ".join(f"{counts[item_id]} rows of {table}" for table, counts in shown.items())
    return Blockable(
        (item_id,),
        item_id,
        f"vanishes from {rows} at the next read, and stays out of later publications",
        "may be shown again: at once where the current lists hold it, else from the next publication",
    )


def _words(one: Blockable, action: Action, changes: bool) -> str:
    if not changes:
        return f"{one.called} is {action}ed already"
    return f"{one.called} {one.blocked if action == 'block' else one.unblocked}"


def _row(table: Table, operation: Operation, action: Action, name: Name, number: int) -> dict[str, Any]:
    columns = [column for column in table.key if column != NUMBER]
    return {
        **dict(zip(columns, name, strict=True)),
        "number": number,
        "kind": action,
        "who": operation.who,
        "why": operation.reason,
        "recorded_at": datetime.now(UTC),
        "run_id": operation.run_id,
    }


def _append(warehouse: Warehouse, table: Table, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa

    if warehouse.append_once(table, pa.Table.from_pylist(rows, schema=table.schema)).rows < len(rows):
        raise CommitConflictError(
            f"the next numbers in {table.name} of {len(rows)} names to be free",
            "somebody else blocked or unblocked one at the same moment",
            "let the retry decide anew",
        )
