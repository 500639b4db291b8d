"""Quarantined events are let in by a person: which rows, and what to press so that lists see them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from include.recommender.expectations import EVENT_ID_REPEATED, event_rules
from include.recommender.user_ids import users_among
from include.retraining.errors import ReadmissionError
from include.retraining.operation import Plan, perform
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.quality.erased import hash_of
from include.retraining.quality.privacy import hash_key
from include.retraining.tables import QUARANTINED_ROWS, READMISSIONS
from include.retraining.unknown_names import unknown_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.operation import Operation
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

    Row = Mapping[str, Any]

ROWS_SHOWN = 50
IDS_SHOWN = 10


def readmit(
    operation: Operation,
    workspace: Workspace[RecommenderSettings],
    row_ids: str | None,
    rule: str | None,
    arrived_from: str | None,
    arrived_until: str | None,
) -> str:
    """Let rows in by id, or by the rule they broke and when they arrived, and report it; ReadmissionError if wrong."""
    given = (row_ids or "").split()
    if bool(given) == bool(rule):
        raise ReadmissionError(
            "row ids, or a rule with the dates of arrival", "both" if given else "neither", "fill one of the two fields"
        )
    rows = (
        _by_id(workspace.warehouse, given)
        if given
        else _by_rule(workspace, str(rule), _date(arrived_from), _date(arrived_until))
    )
    _refuse_what_no_rebuild_lets_in(rows, _readmittable(workspace.settings))
    known = _readmitted(workspace.warehouse, [*given, *(row["row_id"] for row in rows)])
    unknown = [row for row in rows if row["row_id"] not in known]
    new = [row for row in unknown if row["event_date"]]
    undated = [row["row_id"] for row in unknown if not row["event_date"]]
    says = (*_report(workspace.warehouse, new, list(known.values())), *_left_out(undated))
    return perform(operation, Plan(says, (lambda: _record(operation, workspace.warehouse, new)) if new else None))


def _by_id(warehouse: Warehouse, row_ids: Sequence[str]) -> list[Row]:
    """Quarantined events of the given ids. Rows that were let in and rebuilt are known, and not in quarantine."""
    wanted = list(dict.fromkeys(row_ids))
    rows = warehouse.read(QUARANTINED_ROWS, {"row_id": wanted, "source": "events"}).to_pylist()
    unknown = sorted(set(wanted) - {row["row_id"] for row in rows} - set(_readmitted(warehouse, wanted)))
    if unknown:
        valid = _event_row_ids(warehouse)
        listed = ", ".join(valid[-IDS_SHOWN:]) or "none: no event is in quarantine"
        raise ReadmissionError(
            f"ids of quarantined events; the newest of {len(valid)}: {listed}",
            unknown_in_words(unknown, valid, users_among(warehouse, unknown)),
            "mend the ids: query Q8 of the runbook lists them; nothing was written",
        )
    return list(rows)


def _by_rule(workspace: Workspace[RecommenderSettings], rule: str, first: date | None, last: date | None) -> list[Row]:
    """Quarantined events that broke a rule and arrived within the given dates, both included."""
    rows = workspace.warehouse.read(QUARANTINED_ROWS, {"source": "events", "reason": rule}).to_pylist()
    wanted = [row for row in rows if (first or date.min) <= row["arrival_date"] <= (last or date.max)]
    if not wanted:
        names = ", ".join(event_rule.name for event_rule in event_rules(workspace.settings))
        raise ReadmissionError(
            f"a rule of: {names}; and dates on which rows that broke it arrived",
            f"no event in quarantine for {rule} from {first or 'the beginning'} to {last or 'now'}",
            "mend the rule or the dates: query Q8 of the runbook counts them; nothing was written",
        )
    return wanted


def _readmittable(settings: RecommenderSettings) -> set[str]:
    return {rule.name for rule in event_rules(settings) if rule.readmittable}


def _refuse_what_no_rebuild_lets_in(rows: Sequence[Row], readmittable: set[str]) -> None:
    refused = [row for row in rows if row["reason"] not in readmittable]
    if refused:
        raise ReadmissionError(
            f"rows that broke one of: {', '.join(sorted(readmittable))}",
            ", ".join(f"{row['row_id']} ({row['reason']})" for row in refused[:IDS_SHOWN]),
            "leave these out: without a user, an item, a time or a finite value a row is no event; have it sent again. "
            f'Rows of {EVENT_ID_REPEATED} come in with ingest.deduplicate = "content" and a rebuild',
        )


def _readmitted(warehouse: Warehouse, row_ids: Sequence[str]) -> dict[str, Row]:
    rows = warehouse.read(READMISSIONS, {"row_id": list(dict.fromkeys(row_ids))}).to_pylist()
    return {row["row_id"]: row for row in rows}


def _event_row_ids(warehouse: Warehouse) -> list[str]:
    """Of quarantined events, the newest last."""
    return list(warehouse.read(QUARANTINED_ROWS, {"source": "events"}, ["row_id"])["row_id"].to_pylist())


def _record(operation: Operation, warehouse: Warehouse, rows: Sequence[Row]) -> None:
    import pyarrow as pa

    copied = ("row_id", "arrival_date", "event_date", "reason")
    readmissions = [
        {name: row[name] for name in copied}
        | {"who": operation.who, "why": operation.reason, "readmitted_at": datetime.now(UTC)}
        for row in rows
    ]
    warehouse.append_once(READMISSIONS, pa.Table.from_pylist(readmissions, schema=READMISSIONS.schema))


def _report(warehouse: Warehouse, new: Sequence[Row], known: Sequence[Row]) -> Iterator[str]:
    yield f"rows that are let in: {len(new)}"
    for row in new[:ROWS_SHOWN]:
        yield f"{row['row_id']} arrived {row['arrival_date']}, {row['reason']}: {_shown(row['landed_row'])}"
    if len(new) > ROWS_SHOWN:
        yield f"and {len(new) - ROWS_SHOWN} more"
    for row in known[:ROWS_SHOWN]:
        yield f"already readmitted, nothing to add: {row['row_id']} by {row['who']} at {row['readmitted_at']}"
    if new:
        yield from _what_to_press(warehouse, new)


def _left_out(undated: Sequence[str]) -> Iterator[str]:
    """Rows of a readmittable rule whose time cannot be read either: they would stay in quarantine for that."""
    if undated:
        more = f" and {len(undated) - IDS_SHOWN} more" if len(undated) > IDS_SHOWN else ""
        yield f"left out, no rebuild lets in a row without a readable time: {', '.join(undated[:IDS_SHOWN])}{more}"


def _shown(landed_row: str) -> str:
    """A landed row for the log, which outlasts the row: its user as the keyed hash."""
    row = json.loads(landed_row)
    if user := row.get("user_id"):
        row["user_id"] = hash_of(user.strip(), hash_key())
    return json.dumps(row, sort_keys=True)


def _what_to_press(warehouse: Warehouse, rows: Sequence[Row]) -> Iterator[str]:
    """The dates whose events change, and the trigger that has them rebuilt and published."""
    dates = sorted({row["event_date"] for row in rows})
    newest = read_switch_log(warehouse).newest_date
    as_of_date = max([row["arrival_date"] for row in rows] + ([newest] if newest else []))
    yield f"event dates to rebuild: {', '.join(map(str, dates))}"
    yield "the next run of recommender_daily rebuilds them by itself. To have them in the lists now:"
    yield f"Trigger recommender_daily with As-of date {as_of_date}, Reason 'readmitted rows', all else as it is"
    if dates[0] < as_of_date:
        yield f"past as_of_dates from {dates[0]} on keep what they published; a backfill would stage them anew"


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ReadmissionError("a date as YYYY-MM-DD", repr(text), "write it like 2026-01-31") from error
