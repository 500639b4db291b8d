"""Roll readers back to another publication, hold later runs, release them: by a person, in one append."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from include.retraining.errors import OperationError
from include.retraining.operation import Plan
from include.retraining.publication.archive import read_archive
from include.retraining.publication.complete import complete_counts, in_words
from include.retraining.publication.live_views import views_differ
from include.retraining.publication.switch_log import append_switch, show_current

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.retraining.operation import Operation
    from include.retraining.publication.archive import Archive
    from include.retraining.publication.switch_log import Switch, SwitchLog
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

Action = Literal["rollback", "hold", "release"]
ACTIONS: tuple[Action, ...] = ("rollback", "hold", "release")
HELD = "later runs are held: they stage only, until action = release"
FREE = "later runs are not held: the next one publishes"


def plan_switch(
    warehouse: Warehouse,
    operation: Operation,
    action: Action,
    publication_id: str | None,
    after_rollback: str,
    tables: Iterable[Table],
) -> Plan:
    """What a row of this kind in `publication_switches` changes; `tables` are those that readers read.

    An empty `publication_id` means the publication readers had before they saw what they saw as the form was sent.
    Raises OperationError for a target that cannot be shown, with those that can.
    """
    archive = read_archive(warehouse)
    if done := _done_by(archive.log, operation):
        earlier = f"an earlier try of this run did it: {done.kind}, switch {done.number} of the log"
        astray = views_differ(warehouse, archive.log.pointer)
        return Plan((earlier,), (lambda: show_current(warehouse)) if astray else None)
    if action != "rollback":
        return _plan_hold(warehouse, operation, action, publication_id, archive, after_rollback)
    if not publication_id and (last := archive.log.last_move):
        moved = f"{last.who} moved readers to {last.to_publication_id or 'nothing'} ({last.kind})"
        operation.refuse_empty_since("publication_id", last.switched_at, moved)
    target = publication_id or archive.had_before
    if target not in archive.targets:
        raise _refused(archive, target)
    _refuse_incomplete(warehouse, archive, target, tables)
    now, held = datetime.now(UTC), archive.log.is_held(after_rollback) or after_rollback == "hold"
    seen = (
        f"readers leave: {archive.describe(archive.log.current, now)}",
        f"readers get: {archive.describe(target, now)}",
        HELD if held else FREE,
        "champions stay in office: where the model is to blame, trigger rollback_model too",
    )
    exactly = f"to do exactly this, whatever is published meanwhile: publication_id = {target}"
    says = seen if publication_id else (*seen, exactly)
    return Plan(says, lambda: _append(warehouse, archive.log, target, "rollback", operation))


def _plan_hold(
    warehouse: Warehouse,
    operation: Operation,
    action: Action,
    publication_id: str | None,
    archive: Archive,
    after_rollback: str,
) -> Plan:
    if publication_id:
        raise OperationError(
            f"no publication_id with action = {action}, which moves nobody",
            publication_id,
            "leave it empty, or choose action = rollback",
        )
    hold, current = action == "hold", archive.log.current or ""
    says = (f"readers keep: {archive.describe(current, datetime.now(UTC))}", HELD if hold else FREE)
    if archive.log.is_held(after_rollback) == hold:
        return Plan((*says, "this is so already"))
    return Plan(says, lambda: _append(warehouse, archive.log, current, action, operation))


def _append(warehouse: Warehouse, log: SwitchLog, target: str, action: Action, operation: Operation) -> Switch:
    return append_switch(warehouse, log, target, action, operation.who, operation.reason, operation.run_id)


def _done_by(log: SwitchLog, operation: Operation) -> Switch | None:
    return next((s for s in log.switches if s.run_id == operation.run_id and s.kind in ACTIONS), None)


def _refused(archive: Archive, target: str | None) -> OperationError:
    if target is None:
        found = "none that readers had before and nobody took away"
    elif target == archive.log.current:
        found = f"{target}: readers see it now"
    elif target in archive.rows:
        found = f"{target}: it was taken back from readers, who did not get what was staged"
    else:
        found = f"{target}: no publication of this name passed its checks"
    return OperationError(
        f"a publication_id to roll back to, one of these, newest first:{archive.list_targets()}",
        found,
        "trigger again with one of those",
    )


def _refuse_incomplete(warehouse: Warehouse, archive: Archive, name: str, tables: Iterable[Table]) -> None:
    """OperationError where rows of the publication are gone: readers would get a part of it."""
    complete = complete_counts(warehouse, archive.rows[name])
    for table in tables:
        expected, found = complete.get(table.name, range(1)), _count(warehouse, table, name)
        if found not in expected:
            raise OperationError(
                f"{in_words(expected)} rows of {name} in {table.name}",
                f"{found}",
                "trigger again with another publication_id (this one can only be made again, by a run of its date):"
                f"{archive.list_targets(but=name)}",
            )


def _count(warehouse: Warehouse, table: Table, publication_id: str) -> int | str:
    """Rows of this publication only: the files of the one to leave may be what is damaged."""
    try:
        return int(warehouse.read(table, {"publication_id": publication_id}, ["publication_id"]).num_rows)
    except OSError as error:
        return f"files that cannot be read: {error}"
