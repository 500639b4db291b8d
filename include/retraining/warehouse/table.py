"""A table declaration: its columns, its key, and the partition that every write replaces as a whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from include.retraining.errors import TableSchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

ROWS_AT_ONCE = 200_000
# Pieces of fewer rows than this, on average, are sorted: to look for their places would take longer.
LEAST_PIECE = 1000
ARROW_TYPES = {
    "string": "string",
    "int64": "int64",
    "float32": "float",
    "float64": "double",
    "bool": "bool",
    "date": "date32[day]",
    "timestamp": "timestamp[us, tz=UTC]",
    "strings": "list<element: string>",
}


@dataclass(frozen=True, eq=False)
class Table:
    """Declaration of one table.

    `columns` maps name to one of ARROW_TYPES. `key` is unique within the table. `partition` names the columns whose
    values a write replaces together; an audit table has none and only ever grows. `unhashed` columns (ids, times,
    versions) stay out of content hashes. `schema_version` grows with every change of the columns; where a meaning
    changes, a column gets another name. A published table has a `view` under which readers find the current publication
    where the warehouse has views, without rows that name a blocked item in one of `item_columns`, and without the lists
    that the audit table `blocked_lists` blocks.
    """

    name: str
    doc: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    partition: tuple[str, ...] = ()
    unhashed: tuple[str, ...] = ()
    schema_version: int = 1
    view: str = ""
    item_columns: tuple[str, ...] = ()
    blocked_lists: Table | None = None

    def __post_init__(self) -> None:
        """Refuse a declaration that contradicts itself."""
        unknown = {*self.key, *self.partition, *self.unhashed, *self.item_columns} - set(self.columns)
        if unknown or set(self.columns.values()) - set(ARROW_TYPES):
            raise TableSchemaError(
                f"columns of {self.name} of types {sorted(ARROW_TYPES)}", f"{sorted(unknown)}", "mend the declaration"
            )

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema; key and partition columns are never null."""
        return arrow_schema(self.columns, required={*self.key, *self.partition})

    @property
    def list_columns(self) -> tuple[str, ...]:
        """The columns that name a list: those of the key that `blocked_lists` names it by, too."""
        return tuple(name for name in self.key if self.blocked_lists and name in self.blocked_lists.key)

    def schema_of(self, names: Sequence[str]) -> pa.Schema:
        """The Arrow schema of some columns, in the given order."""
        import pyarrow as pa

        return pa.schema([self.schema.field(name) for name in names])

    def conform(self, rows: pa.Table) -> pa.Table:
        """Rows with this table's columns in declared order and type.

        Raises TableSchemaError when columns are missing or unknown, or a value does not fit its type.
        """
        import pyarrow as pa

        self.refuse_other_columns(rows.column_names)
        self._refuse_nulls(rows)
        try:
            return rows.select(list(self.columns)).cast(self.schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise TableSchemaError(
                f"{self.name} as {dict(self.columns)}", str(error), "look at the values of the named column"
            ) from error

    def refuse_other_columns(self, names: Sequence[str]) -> None:
        """TableSchemaError where columns are missing or unknown."""
        missing = [name for name in self.columns if name not in names]
        unknown = [name for name in names if name not in self.columns]
        if missing or unknown:
            raise TableSchemaError(
                f"{self.name} with columns {', '.join(self.columns)}",
                f"missing {missing}, unknown {unknown}",
                "make the query or the declaration agree",
            )

    def refuse_newer(self, stored_version: int) -> None:
        """TableSchemaError where a newer release wrote the stored table."""
        if stored_version > self.schema_version:
            raise TableSchemaError(
                f"{self.name} in schema version {self.schema_version} or an earlier one",
                f"version {stored_version}: a newer release wrote it",
                "run that release again, or restore the backup from before the upgrade (docs/operate.md, Upgrading)",
            )

    def refuse_unordered(self, rows: pa.Table) -> None:
        """TableSchemaError where rows are not in key order: what repeats would then not be seen."""
        if in_order(rows, self.key) is not rows:
            raise TableSchemaError(
                f"rows of {self.name} in the order of {', '.join(self.key)}", "others", "sort them where they are made"
            )

    def refuse_repeated(self, sorted_rows: pa.Table) -> None:
        """TableSchemaError where two rows, given in key order, share a key."""
        import pyarrow.compute as pc

        earlier, later = sorted_rows.slice(0, max(sorted_rows.num_rows - 1, 0)), sorted_rows.slice(1)
        same = None
        for name in self.key:
            equal = pc.equal(earlier[name], later[name])
            same = equal if same is None else pc.and_(same, equal)
        repeated = pc.sum(same).as_py() or 0
        if repeated:
            example = {name: later.filter(same)[name][0].as_py() for name in self.key}
            raise TableSchemaError(
                f"each key ({', '.join(self.key)}) of {self.name} once",
                f"{repeated} repeated, for example {example}",
                "collapse duplicates where the rows are made",
            )

    def refuse_partition(self, partition: Mapping[str, object]) -> None:
        """TableSchemaError unless this names a partition, or several, that can be replaced.

        An empty text is refused: stored tables keep it as null, which makes the whole table unreadable.
        """
        lists = [value if isinstance(value, list) else [value] for value in partition.values()]
        if not self.partition or set(partition) != set(self.partition) or any(not one or "" in one for one in lists):
            raise TableSchemaError(
                f"a value that is not empty for each of {self.name}'s partition columns {self.partition}",
                f"{dict(partition)}",
                "name every partition column; a table without any is only appended to",
            )

    def refuse_misplaced(self, partition: Mapping[str, object], rows: pa.Table) -> None:
        """TableSchemaError unless every row lies in the partition."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = {name: value if isinstance(value, list) else [value] for name, value in partition.items()}
        for name, values in wanted.items():
            outside = pc.sum(pc.invert(pc.is_in(rows[name], pa.array(values, rows[name].type)))).as_py() or 0
            if outside:
                raise TableSchemaError(
                    f"rows of {self.name} with {name} among {values}",
                    f"{outside} of {rows.num_rows} rows outside the partition that is to be replaced",
                    "filter the rows, or name their partition",
                )

    def refuse_whole(self, where: Mapping[str, object]) -> None:
        """TableSchemaError unless a deletion names columns of this table, and values of each."""
        if not where or set(where) - set(self.columns) or any(value == [] for value in where.values()):
            raise TableSchemaError(
                f"columns of {self.name} with the values whose rows are to be deleted", f"{sorted(where)}", "name them"
            )

    def _refuse_nulls(self, rows: pa.Table) -> None:
        for name in {*self.key, *self.partition}:
            if rows[name].null_count:
                raise TableSchemaError(
                    f"no null in {self.name}.{name}, a key column",
                    f"{rows[name].null_count} nulls in {rows.num_rows} rows",
                    "filter or fill it where the rows are made",
                )


def in_order(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Rows sorted by some columns without nulls; the very same table, not a copy, where they are sorted already.

    What was written in order and comes back in another order of batches is put together from slices, without a copy.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if rows.num_rows < 2:
        return rows
    earlier, later = rows.slice(0, rows.num_rows - 1), rows.slice(1)
    # Whether each row and the next are equal in all columns so far, and whether the next is less.
    equal: Any = None
    falls: Any = None
    for name in names:
        less = pc.greater(earlier[name], later[name])
        falls = less if falls is None else pc.or_(falls, pc.and_(equal, less))
        same = pc.equal(earlier[name], later[name])
        equal = same if equal is None else pc.and_(equal, same)
    many, most = pc.sum(falls).as_py(), rows.num_rows // LEAST_PIECE
    if not many:
        return rows
    if many < most:
        ends = [*(np.flatnonzero(falls) + 1).tolist(), rows.num_rows]
        if slices := _merged_runs(rows.select(names), ends, most):
            return pa.concat_tables([rows.slice(start, end - start) for start, end in slices])
    return rows.sort_by([(name, "ascending") for name in names])


def _merged_runs(keys: pa.Table, ends: Sequence[int], most: int) -> list[tuple[int, int]] | None:
    """Where the slices of `keys` begin and end which are in order one after the other; None for more than `most`.

    `ends` are those of its runs, each of which is in order. Of equal rows the earlier comes first.
    """

    def key_of(row: int) -> tuple[Any, ...]:
        return tuple(column[row].as_py() for column in keys.columns)

    starts = [0, *ends[:-1]]
    heads = [(key_of(start), run, start) for run, start in enumerate(starts)]
    heapify(heads)
    slices: list[tuple[int, int]] = []
    while heads:
        _, run, start = heappop(heads)
        end = ends[run]
        if heads:
            next_key, next_run, _ = heads[0]
            find = bisect_right if run < next_run else bisect_left
            end = start + find(range(start, end), next_key, key=key_of)
        slices.append((start, end))
        if end < ends[run]:
            heappush(heads, (key_of(end), run, end))
        if len(slices) > most:
            return None
    return slices


def pieces_in_order(rows: pa.Table, names: Sequence[str], at_once: int = ROWS_AT_ONCE) -> Iterator[pa.Table]:
    """The same rows in the same order, some at a time, without a copy of them all; of no rows one empty piece."""
    import pyarrow.compute as pc

    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in names])
    for start in range(0, max(rows.num_rows, 1), at_once):
        yield rows.take(order.slice(start, at_once))


def arrow_schema(columns: Mapping[str, str], required: set[str] | frozenset[str] = frozenset()) -> pa.Schema:
    """An Arrow schema from column names and ARROW_TYPES names."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int64": pa.int64(),
        "float32": pa.float32(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "strings": pa.list_(pa.field("element", pa.string())),
    }
    return pa.schema([pa.field(name, types[kind], nullable=name not in required) for name, kind in columns.items()])


def first_of_each_key(table: Table, rows: pa.Table) -> pa.Table:
    """A merge inserts every source row without a match, also those that share a key."""
    import pyarrow as pa

    numbered = rows.append_column("row_number", pa.array(range(rows.num_rows), pa.int64()))
    first = numbered.group_by(list(table.key)).aggregate([("row_number", "min")])
    return rows.take(first.sort_by("row_number_min")["row_number_min"])


def share_of_bytes(rows: pa.Table, count: int) -> int:
    """Bytes in memory of `count` of these rows, as if all were of one size."""
    return int(rows.nbytes * count // max(rows.num_rows, 1))
