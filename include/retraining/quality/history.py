"""What the checks of past dates said, and what is in quarantine."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from include.retraining.quality.checks import CheckResult
from include.retraining.quality.verdict import result_of, verdict_of
from include.retraining.tables import DATA_QUALITY_RESULTS, QUARANTINED_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from include.retraining.quality.verdict import Verdict
    from include.retraining.warehouse.protocol import Warehouse

Stages = dict[str, list[CheckResult]]
WORSE = ("pass", "warn", "stop")
DAYS_AT_A_TIME = 92


def recorded_dates(warehouse: Warehouse) -> list[date]:
    """The as_of_dates that have results, newest first."""
    partitions = warehouse.partitions(DATA_QUALITY_RESULTS)
    return sorted({date.fromisoformat(values["as_of_date"]) for values in partitions}, reverse=True)


def results_of_dates(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, Stages]:
    """The results of each stage of some dates; a date without any is left out."""
    rows = warehouse.read(DATA_QUALITY_RESULTS, {"as_of_date": list(dates)}).to_pylist() if dates else []
    return {
        day: {stage: [result_of(row) for row in of_stage] for stage, of_stage in groupby(of_date, itemgetter("stage"))}
        for day, of_date in groupby(rows, itemgetter("as_of_date"))
    }


def rewrite_results(warehouse: Warehouse, changed: Iterable[Mapping[str, Any]]) -> None:
    """Put rows of DATA_QUALITY_RESULTS in the place of those with their keys, all other rows left as they are."""
    import pyarrow as pa

    table = DATA_QUALITY_RESULTS
    by_key = {tuple(row[name] for name in table.key): row for row in changed}
    for partition in sorted({tuple(row[name] for name in table.partition) for row in by_key.values()}):
        where = dict(zip(table.partition, partition, strict=True))
        rows = warehouse.read(table, where).to_pylist()
        rows = [by_key.get(tuple(row[name] for name in table.key), row) for row in rows]
        warehouse.replace(table, where, pa.Table.from_pylist(rows, schema=table.schema))


def verdicts(stages: Mapping[str, Sequence[CheckResult]]) -> dict[str, Verdict]:
    """The verdict of each stage by itself, whatever a person accepted."""
    return {stage: verdict_of(results) for stage, results in stages.items()}


def worst_verdicts(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, Verdict]:
    """The worst verdict of all stages of each date that has results.

    Only what did not pass is read, as most did; a quarter of a year at a time.
    """
    known = set(recorded_dates(warehouse))
    checked = [day for day in dates if day in known]
    columns = ["as_of_date", "severity", "outcome"]
    found: dict[date, Verdict] = dict.fromkeys(checked, "pass")
    for at in range(0, len(checked), DAYS_AT_A_TIME):
        where = {"as_of_date": checked[at : at + DAYS_AT_A_TIME], "outcome": ["failed", "crashed"]}
        for row in warehouse.read(DATA_QUALITY_RESULTS, where, columns).to_pylist():
            verdict = verdict_of([CheckResult("", row["severity"], row["outcome"], "", "", 0, 0, ())])
            found[row["as_of_date"]] = max(found[row["as_of_date"]], verdict, key=WORSE.index)
    return found


def quarantine_counts(warehouse: Warehouse, arrival_date: date) -> list[tuple[str, str, int]]:
    """(source, reason, rows) of what was turned away from the delivery of a date."""
    rows = warehouse.read(QUARANTINED_ROWS, {"arrival_date": arrival_date}, ["source", "reason"])
    counted = rows.group_by(["source", "reason"]).aggregate([([], "count_all")]).to_pylist()
    return sorted((row["source"], row["reason"], row["count_all"]) for row in counted)
