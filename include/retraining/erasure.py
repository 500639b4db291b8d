"""A person's erasure request: every row of theirs goes, in every table and in every version of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from include.retraining.quality.erased import KEY_CHECK, hash_of, is_hashed
from include.retraining.quality.history import rewrite_results
from include.retraining.quality.privacy import hash_key, keyed_hash
from include.retraining.tables import DATA_QUALITY_RESULTS, ERASED_ROWS, ERASURES, QUARANTINED_ROWS, READMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from include.retraining.operation import Operation
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

USER, ROW, PUBLICATION = "user_id", "row_id", "publication_id"
ERASED_SAMPLE = "(erased)"


@dataclass(frozen=True)
class Person:
    """Whose rows go: the keyed hash by which logs and audit tables name them, and their ids as tables may hold them."""

    user_hash: str
    ids: frozenset[str]


@dataclass(frozen=True)
class Trace:
    """Rows of a table that are a person's; of a published table also by publication."""

    table: Table
    where: Mapping[str, object]
    rows: int
    by_publication: Mapping[str, int] = field(default_factory=dict)


def person_of(warehouse: Warehouse, tables: Sequence[Table], given: str) -> Person:
    """The person of an id, or of the keyed hash of an id that some table holds."""
    key = hash_key()
    user_hash, ids = hash_of(given, key), {given}
    if is_hashed(given):
        ids = {stored for stored in _stored_ids(warehouse, tables) if keyed_hash(stored, key) == given}
    return Person(user_hash, frozenset({user_hash, *ids}))


def personal_tables(tables: Sequence[Table]) -> list[Table]:
    """Tables that may hold something of a person: those with a user_id, and those that name rows of theirs."""
    return [*(table for table in tables if USER in table.columns), QUARANTINED_ROWS, READMISSIONS, DATA_QUALITY_RESULTS]


def traces_of(warehouse: Warehouse, tables: Sequence[Table], person: Person) -> list[Trace]:
    """Every table's rows of a person; tables without any are left out."""
    traces, row_ids = [], set(_quarantined(warehouse, person))
    for table in (table for table in tables if USER in table.columns):
        where: dict[str, object] = {USER: sorted(person.ids)}
        named = PUBLICATION if PUBLICATION in table.partition else ROW if ROW in table.columns else USER
        found = warehouse.read(table, where, [named])[named].to_pylist()
        row_ids |= set(found) if named == ROW else set()
        traces.append(Trace(table, where, len(found), Counter(found) if named == PUBLICATION else {}))
    for table in (QUARANTINED_ROWS, READMISSIONS) if row_ids else ():
        by_row: dict[str, object] = {ROW: sorted(row_ids)}
        traces.append(Trace(table, by_row, warehouse.read(table, by_row, [ROW]).num_rows))
    samples = sum(1 for _ in _results_to_change(warehouse, person, row_ids))
    traces.append(Trace(DATA_QUALITY_RESULTS, {ROW: sorted(row_ids)}, samples))
    return [trace for trace in traces if trace.rows]


def remove(warehouse: Warehouse, person: Person, traces: Sequence[Trace]) -> None:
    """Remove the rows. What readers see stays where it is: their pointer and all other rows are left alone."""
    # The other way round: events tell which rows are the person's, and must outlast a kill.
    for trace in reversed(traces):
        if trace.table is DATA_QUALITY_RESULTS:
            row_ids: set[str] = set(trace.where[ROW])  # type: ignore[call-overload]
            rewrite_results(warehouse, _results_to_change(warehouse, person, row_ids))
        else:
            warehouse.delete(trace.table, trace.where)


def forget_history(warehouse: Warehouse, tables: Sequence[Table]) -> str:
    """Leave no earlier version of a personal table, whoever is named in it, and say what that came to."""
    removed = [warehouse.vacuum(table, keep_days=0) for table in personal_tables(tables)]
    files, size = sum(table.files for table in removed), sum(table.bytes for table in removed)
    remains = max((table.remains_days for table in removed), default=0)
    if remains:
        return f"earlier table versions go by themselves: the warehouse can restore them for {remains} days"
    return f"earlier table versions are gone: {files} files, {size:,} bytes"


def record(
    warehouse: Warehouse,
    person: Person,
    kind: Literal["requested", "erased"],
    rows: Mapping[str, int],
    operation: Operation,
) -> None:
    """Append to the audit table. From `requested` on, ingestion leaves the person out."""
    import pyarrow as pa

    row = {
        "user_hash": person.user_hash, "run_id": operation.run_id, "kind": kind,
        "rows": json.dumps(dict(rows), sort_keys=True), "who": operation.who, "why": operation.reason,
        "key_check": keyed_hash(KEY_CHECK, hash_key()), "recorded_at": datetime.now(UTC),
    }  # fmt: skip
    warehouse.append_once(ERASURES, pa.Table.from_pylist([row], schema=ERASURES.schema))


def record_published(warehouse: Warehouse, person: Person, traces: Sequence[Trace], operation: Operation) -> None:
    """Append what publications lose, before they lose it: a later try finds fewer rows, and adds nothing."""
    import pyarrow as pa

    rows = [
        {
            "user_hash": person.user_hash, "publication_id": publication_id, "table_name": trace.table.name,
            "rows": count, "run_id": operation.run_id, "recorded_at": datetime.now(UTC),
        }
        for trace in traces
        for publication_id, count in trace.by_publication.items()
    ]  # fmt: skip
    if rows:
        warehouse.append_once(ERASED_ROWS, pa.Table.from_pylist(rows, schema=ERASED_ROWS.schema))


def erasures_of(warehouse: Warehouse, person: Person) -> list[dict[str, Any]]:
    """What was recorded about a person."""
    return list(warehouse.read(ERASURES, {"user_hash": person.user_hash}).to_pylist())


def _stored_ids(warehouse: Warehouse, tables: Sequence[Table]) -> Iterator[str]:
    """A query for each table: its engine needs memory for the different ids only, not for all rows of all dates."""
    for table in (table for table in tables if USER in table.columns):
        different = warehouse.query(f"SELECT DISTINCT {USER} FROM {table.name}", {})  # noqa: S608 (declared names)
        yield from different[USER].to_pylist()
    yield from {user for _, user in _quarantined_users(warehouse)}


def _quarantined(warehouse: Warehouse, person: Person) -> Iterator[str]:
    """Ids of quarantined rows, of whatever source, whose user is the person."""
    hash_once = cache(partial(hash_of, key=hash_key()))
    for row_id, user in _quarantined_users(warehouse):
        if hash_once(user) == person.user_hash:
            yield row_id


def _quarantined_users(warehouse: Warehouse) -> Iterator[tuple[str, str]]:
    """Ids of quarantined rows and of their users, as ingestion would keep these: without the space around them."""
    for row in warehouse.read(QUARANTINED_ROWS, None, [ROW, "landed_row"]).to_pylist():
        if user := json.loads(row["landed_row"]).get(USER):
            yield row[ROW], str(user).strip()


def _results_to_change(warehouse: Warehouse, person: Person, row_ids: set[str]) -> Iterator[dict[str, Any]]:
    theirs = person.ids | row_ids
    for row in warehouse.read(DATA_QUALITY_RESULTS).to_pylist():
        samples = [ERASED_SAMPLE if theirs & {key, *key.split("/")} else key for key in row["sample_keys"] or ()]
        if ERASED_SAMPLE in samples and samples != row["sample_keys"]:
            yield row | {"sample_keys": samples}
