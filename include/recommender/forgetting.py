"""A person is forgotten by the recommender: which tables and landed files hold them, and the report of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include.recommender.landed_rows import landed_files_of
from include.recommender.tables import EVERYBODY, RECOMMENDER_TABLES
from include.retraining.erasure import (
    Person,
    Trace,
    erasures_of,
    forget_history,
    person_of,
    record,
    record_published,
    remove,
    traces_of,
)
from include.retraining.errors import ErasureError
from include.retraining.operation import Plan, perform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.operation import Operation
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

logger = logging.getLogger(__name__)


def forget(operation: Operation, workspace: Recommender, user_id: str) -> str:
    """Remove a person, unless the run is dry, and report what was (or would be) removed.

    Raises ErasureError for an id that neither a table nor a landed file knows.
    """
    person = _person(workspace, user_id)
    traces = traces_of(workspace.warehouse, RECOMMENDER_TABLES, person)
    landed = landed_files_of(workspace, person)
    past = erasures_of(workspace.warehouse, person)
    if not (traces or landed or past):
        raise ErasureError(
            "the id of a user whom some table or landed file knows",
            f"no row of {person.user_hash} in {len(RECOMMENDER_TABLES)} tables and all landed files",
            "check the spelling, with capitals and leading zeros; nothing was changed",
        )
    says = tuple(_report(person, traces, landed, past))
    return perform(operation, Plan(says, lambda: _forget(operation, workspace, person, traces)))


def refuse_traces(workspace: Recommender, user_id: str) -> str:
    """ErasureError where some table still holds the person."""
    person = _person(workspace, user_id)
    left = traces_of(workspace.warehouse, RECOMMENDER_TABLES, person)
    if left:
        raise ErasureError(
            f"no row of {person.user_hash} in any table",
            ", ".join(f"{trace.rows} in {trace.table.name}" for trace in left),
            "a run wrote them back: once no run is active, clear forget_user and this task",
        )
    return f"nothing of {person.user_hash} is left in any table"


def _person(workspace: Recommender, given: str) -> Person:
    user_id = given.strip()
    if user_id in ("", EVERYBODY):
        raise ErasureError(
            "the id of one user, or its keyed hash", f"{user_id!r}", "trigger again with the id as it is in `events`"
        )
    return person_of(workspace.warehouse, RECOMMENDER_TABLES, user_id)


def _forget(operation: Operation, workspace: Recommender, person: Person, traces: Sequence[Trace]) -> None:
    rows = {trace.table.name: trace.rows for trace in traces}
    record(workspace.warehouse, person, "requested", rows, operation)
    record_published(workspace.warehouse, person, traces, operation)
    remove(workspace.warehouse, person, traces)
    past = forget_history(workspace.warehouse, RECOMMENDER_TABLES)
    logger.info(past)
    record(workspace.warehouse, person, "erased", rows, operation)


def _report(
    person: Person, traces: Sequence[Trace], landed: Mapping[str, int], past: Sequence[Mapping[str, object]]
) -> Iterator[str]:
    yield f"user {person.user_hash}"
    for row in past:
        yield f"was asked for before: {row['kind']} at {row['recorded_at']} in run {row['run_id']}"
    yield f"rows that go, with all earlier table versions: {sum(trace.rows for trace in traces)}"
    for trace in traces:
        yield f"{trace.table.name}: {trace.rows}"
    yield f"landed files that hold the user: {len(landed)}; ingestion leaves the user out, the files are yours to mend"
    for file, rows in landed.items():
        yield f"{file}: {rows} rows"
    yield "Not touched: backups, landed files, this run's form in Airflow. See docs/operate.md, Forgetting a user"
