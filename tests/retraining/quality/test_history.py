"""What the checks of past dates said, and what is in quarantine."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from include.retraining.quality.checks import CheckResult
from include.retraining.quality.history import (
    quarantine_counts,
    recorded_dates,
    results_of_dates,
    verdicts,
    worst_verdicts,
)
from include.retraining.quality.verdict import record
from include.retraining.tables import QUARANTINED_ROWS

if TYPE_CHECKING:
    from include.retraining.warehouse.local import LocalWarehouse

DAY, NEXT, LATER = date(2026, 1, 10), date(2026, 1, 11), date(2026, 1, 12)
FINE = CheckResult("fine", "critical", "passed", "e", "o", 10, 0)
SHORT = CheckResult("short", "warning", "failed", "e", "o", 10, 3, ("r1", "r2"))


def test_the_results_come_back_by_date_and_stage(warehouse: LocalWarehouse) -> None:
    for day, stage, results in ((DAY, "inputs", [FINE, SHORT]), (DAY, "publication", [FINE]), (NEXT, "inputs", [FINE])):
        record(warehouse, day, stage, results)
    assert recorded_dates(warehouse) == [NEXT, DAY]
    found = results_of_dates(warehouse, [DAY, NEXT, LATER])
    assert found == {DAY: {"inputs": [FINE, SHORT], "publication": [FINE]}, NEXT: {"inputs": [FINE]}}
    assert verdicts(found[DAY]) == {"inputs": "warn", "publication": "pass"}


def test_the_worst_verdict_of_a_date_is_that_of_its_worst_stage(warehouse: LocalWarehouse) -> None:
    bad, broken = replace(SHORT, severity="critical"), replace(FINE, severity="info", outcome="crashed")
    noted = replace(SHORT, severity="info")
    days = {
        DAY: ({"inputs": [FINE], "publication": [FINE, noted]}, "pass"),
        NEXT: ({"inputs": [FINE, SHORT], "publication": [FINE]}, "warn"),
        LATER: ({"inputs": [bad], "publication": [SHORT]}, "stop"),
        LATER + timedelta(days=1): ({"inputs": [broken]}, "stop"),
    }
    for day, (stages, _) in days.items():
        for stage, results in stages.items():
            record(warehouse, day, stage, results)
    asked = [*days, DAY - timedelta(days=1)]
    assert worst_verdicts(warehouse, asked) == {day: verdict for day, (_, verdict) in days.items()}


def test_nothing_recorded_is_nothing_found(warehouse: LocalWarehouse) -> None:
    assert recorded_dates(warehouse) == []
    assert results_of_dates(warehouse, []) == results_of_dates(warehouse, [DAY]) == {}
    assert quarantine_counts(warehouse, DAY) == []


def test_quarantine_is_counted_by_source_and_rule_of_one_delivery(warehouse: LocalWarehouse) -> None:
    kept = (
        (DAY, "events", "too_late"),
        (DAY, "events", "too_late"),
        (DAY, "items", "id_missing"),
        (NEXT, "events", "x"),
    )
    for day, source in {(day, source) for day, source, _ in kept}:
        rows = [
            {"arrival_date": day, "source": source, "row_id": f"r{at}", "reason": reason}
            for at, (of_day, of_source, reason) in enumerate(kept)
            if (of_day, of_source) == (day, source)
        ]
        table = pa.Table.from_pylist(rows, schema=QUARANTINED_ROWS.schema)
        warehouse.replace(QUARANTINED_ROWS, {"arrival_date": day, "source": source}, table)
    assert quarantine_counts(warehouse, DAY) == [("events", "too_late", 2), ("items", "id_missing", 1)]
