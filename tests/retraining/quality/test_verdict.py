"""From results to a verdict, a record and a message."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from include.retraining.errors import DataStopError
from include.retraining.quality.checks import CheckResult, Outcome, Severity
from include.retraining.quality.verdict import describe, read_results, record, refuse_stop, stop_message, verdict_of
from include.retraining.tables import DATA_QUALITY_RESULTS
from include.retraining.warehouse.local import LocalWarehouse

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 1, 10)


def result(severity: Severity, outcome: Outcome, name: str = "a") -> CheckResult:
    return CheckResult(name, severity, outcome, "at most 0", "3", 10, 3, ("r1", "r2"))


@pytest.fixture
def recorded(tmp_path: Path) -> LocalWarehouse:
    warehouse = LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill")
    warehouse.create_tables([DATA_QUALITY_RESULTS])
    return warehouse


@pytest.mark.parametrize(
    ("severity", "outcome", "verdict"),
    [
        ("critical", "passed", "pass"), ("critical", "failed", "stop"), ("critical", "crashed", "stop"),
        ("warning", "passed", "pass"), ("warning", "failed", "warn"), ("warning", "crashed", "stop"),
        ("info", "passed", "pass"), ("info", "failed", "pass"), ("info", "crashed", "stop"),
    ],
)  # fmt: skip
def test_verdict_of_one_result(severity: Severity, outcome: Outcome, verdict: str) -> None:
    assert verdict_of([result("info", "passed"), result(severity, outcome)]) == verdict


def test_the_worst_of_all_stages_decides(recorded: LocalWarehouse) -> None:
    assert record(recorded, DAY, "inputs", [result("warning", "failed")]) == "warn"
    assert record(recorded, DAY, "training_set", [result("critical", "failed")]) == "stop"
    assert refuse_stop(recorded, DAY, ["inputs"], "mend it") == "warn"
    with pytest.raises(DataStopError, match=r"(?s)no failed critical check.*mend it"):
        refuse_stop(recorded, DAY, ["inputs", "training_set"], "mend it")


def test_a_person_may_accept_a_stop(recorded: LocalWarehouse) -> None:
    record(recorded, DAY, "inputs", [result("critical", "failed")])
    assert refuse_stop(recorded, DAY, ["inputs"], "mend it", accept=True) == "stop"


def test_a_retry_replaces_the_results_of_its_stage(recorded: LocalWarehouse) -> None:
    record(recorded, DAY, "inputs", [result("critical", "failed"), result("info", "failed", "b")])
    record(recorded, DAY, "inputs", [result("critical", "passed")])
    assert read_results(recorded, DAY, "inputs") == [result("critical", "passed")]


def test_no_results_are_no_pass(recorded: LocalWarehouse) -> None:
    with pytest.raises(DataStopError, match="inputs for 2026-01-10"):
        refuse_stop(recorded, DAY, ["inputs"], "mend it")


def test_message_names_what_stops_first_and_leaves_info_out() -> None:
    results = [
        result("warning", "failed", "a_warning"), result("info", "failed", "an_info"),
        result("critical", "passed", "fine"), result("critical", "failed", "z_critical"),
        result("warning", "crashed", "crash"),
    ]  # fmt: skip
    assert [line.split(":")[0] for line in describe(results)] == [
        "crash [crashed]", "z_critical [critical]", "a_warning [warning]",
    ]  # fmt: skip
    text = str(stop_message(results, "mend it"))
    assert "z_critical [critical]: 3; expected at most 0 (for example r1, r2)" in text
    assert "an_info" not in text
    assert "docs/runbook.md#data-stop-error" in text
