"""Whole lists that readers do not get: a user's own on a surface, a segment, what is similar to an item."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from include.recommender.settings import SURFACES
from include.recommender.tables import (
    BLOCKED_LISTS,
    EVERYBODY,
    POPULAR_ITEMS,
    SIMILAR_ITEMS,
    USER_RECOMMENDATIONS,
)
from include.recommender.user_ids import users_among
from include.retraining.errors import OperationError
from include.retraining.publication.blocked import NUMBER, blocked_names
from include.retraining.publication.blocking import Blockable, named, plan_rows, refuse_unknown
from include.retraining.publication.reader import read_current, read_publication
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.quality.erased import hash_of
from include.retraining.quality.privacy import hash_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from include.retraining.operation import Operation, Plan
    from include.retraining.publication.blocked import Name
    from include.retraining.publication.blocking import Action
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

EVERY_SURFACE = "all"
# A list is named by the key columns of its published table; columns of other tables are empty.
LIST_COLUMNS = tuple(column for column in BLOCKED_LISTS.key if column != NUMBER)


def without_blocked_lists(warehouse: Warehouse, table: Table, rows: pa.Table) -> pa.Table:
    """Rows of a published table whose list is not blocked."""
    import pyarrow as pa

    blocked = blocked_names(warehouse, BLOCKED_LISTS)
    if not blocked or not rows.num_rows:
        return rows
    return rows.filter(pa.array([name not in blocked for name in _names(table, rows)]))


def plan_list_blocking(
    warehouse: Warehouse,
    operation: Operation,
    action: Action,
    surface: str,
    user_ids: Sequence[str],
    segments: Sequence[str],
    similar_to: Sequence[str],
) -> Plan:
    """What rows of this kind in `blocked_lists` change. `surface` is that of the users' lists, or `all`.

    OperationError where the current publication has no such list, and none is blocked: then nothing is written.
    """
    users, surfaces = named(user_ids), SURFACES if surface == EVERY_SURFACE else (surface,)
    if EVERYBODY in users:
        raise OperationError(
            "users with a list of their own", f"{EVERYBODY!r}, which the others fall back on", "block its items instead"
        )
    wanted: dict[Table, list[str]] = {
        USER_RECOMMENDATIONS: users, POPULAR_ITEMS: named(segments), SIMILAR_ITEMS: named(similar_to),
    }  # fmt: skip
    blockables: list[Blockable] = []
    for table, ids in wanted.items():
        rows = _current_rows(warehouse, table, ids) if ids else Counter()
        _refuse_unknown(warehouse, table, ids, rows)
        blockables += [_blockable(name, rows[name]) for one in ids for name in _names_of(table, one, surfaces)]
    return plan_rows(warehouse, BLOCKED_LISTS, operation, action, blockables)


def _names_of(table: Table, one: str, surfaces: Sequence[str]) -> list[Name]:
    """A user has a list on each surface."""
    column = table.list_columns[-1]
    places = surfaces if "surface" in table.list_columns else [""]
    return [_name({"surface": place, column: one}) for place in places]


def _current_rows(warehouse: Warehouse, table: Table, ids: Sequence[str]) -> Counter[Name]:
    """Rows of each of these lists in the current publication."""
    current = read_switch_log(warehouse).current
    where = {table.list_columns[-1]: list(ids)}
    return Counter(_names(table, read_publication(warehouse, table, current, where)) if current else ())


def _refuse_unknown(warehouse: Warehouse, table: Table, wanted: Sequence[str], current: Iterable[Name]) -> None:
    """People are named by keyed hashes, and no near ones: an error is kept in tables, and sent to others."""
    column = table.list_columns[-1]
    place = LIST_COLUMNS.index(column)
    known = {name[place] for name in (*current, *blocked_names(warehouse, BLOCKED_LISTS))}
    unknown = [one for one in wanted if one not in known]
    if unknown and table is USER_RECOMMENDATIONS:
        raise OperationError(
            "users with a list of their own in the current publication",
            f"none of {', '.join(_hashed(one) for one in unknown)}",
            "check the spelling, with capitals and leading zeros; none of the others was written",
        )
    if unknown:
        there = read_current(warehouse, table)[column].unique().to_pylist()
        refuse_unknown(
            f"a {column} of the current {table.name}", wanted, {*there, *known}, partial(users_among, warehouse)
        )


def called_list(name: Name) -> str:
    """What people call a list; its user by the keyed hash."""
    surface, user_id, segment, item_id = name
    if user_id:
        return f"the list of user {_hashed(user_id)} on {surface}"
    return f"what is popular in {segment}" if segment else f"what is similar to {item_id}"


def _blockable(name: Name, rows: int) -> Blockable:
    left = "the user gets the list for everybody" if name[LIST_COLUMNS.index("user_id")] else "readers find none"
    vanishes = f"vanishes ({rows} rows): from the next read on {left}"
    return Blockable(name, called_list(name), vanishes, "is read again, at once")


def _hashed(user_id: str) -> str:
    return hash_of(user_id, hash_key())


def _names(table: Table, rows: pa.Table) -> list[Name]:
    columns = table.list_columns
    values = zip(*(rows[column].to_pylist() for column in columns), strict=True)
    return [_name(dict(zip(columns, each, strict=True))) for each in values]


def _name(values: Mapping[str, str]) -> Name:
    return tuple(values.get(column, "") for column in LIST_COLUMNS)
