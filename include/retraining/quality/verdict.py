"""From check results to a verdict: recorded, decided, and told in plain words."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from include.retraining.errors import DataStopError
from include.retraining.quality.checks import CheckResult
from include.retraining.tables import DATA_QUALITY_RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

Verdict = Literal["pass", "warn", "stop"]


def record(warehouse: Warehouse, as_of_date: date, stage: str, results: Sequence[CheckResult]) -> Verdict:
    """Write the results of a stage, in place of those of an earlier try; the verdict of this stage alone."""
    import pyarrow as pa

    rows = [
        {"as_of_date": as_of_date, "stage": stage, "check_name": result.name}
        | {field.name: getattr(result, field.name) for field in fields(result) if field.name != "name"}
        for result in results
    ]
    table = pa.Table.from_pylist(rows, schema=DATA_QUALITY_RESULTS.schema)
    warehouse.replace(DATA_QUALITY_RESULTS, {"as_of_date": as_of_date, "stage": stage}, table)
    return verdict_of(results)


def read_results(warehouse: Warehouse, as_of_date: date, stage: str) -> list[CheckResult]:
    """The recorded results of a stage; DataStopError when there are none, since no check is not a passed check."""
    names = ["check_name", *(field.name for field in fields(CheckResult) if field.name != "name")]
    rows = warehouse.read(DATA_QUALITY_RESULTS, {"as_of_date": as_of_date, "stage": stage}, names).to_pylist()
    if not rows:
        raise DataStopError(
            f"results of the checks of {stage} for {as_of_date}", "none", f"clear the task that checks {stage}"
        )
    return [result_of(row) for row in rows]


def result_of(row: Mapping[str, Any]) -> CheckResult:
    """The check result that a row of `data_quality_results` keeps."""
    values = {field.name: row[field.name] for field in fields(CheckResult) if field.name != "name"}
    return CheckResult(row["check_name"], **values | {"sample_keys": tuple(row["sample_keys"])})


def refuse_stop(
    warehouse: Warehouse, as_of_date: date, stages: Iterable[str], next_step: str, accept: bool = False
) -> Verdict:
    """The verdict over the recorded results of some stages.

    Raises DataStopError for `stop`, with the next step that helps at these stages, unless a person accepted it; and
    when a stage left no results.
    """
    results = [result for stage in stages for result in read_results(warehouse, as_of_date, stage)]
    verdict = verdict_of(results)
    if verdict == "stop" and not accept:
        raise stop_message(results, next_step)
    return verdict


def verdict_of(results: Sequence[CheckResult]) -> Verdict:
    """`stop` for a failed critical check or any crashed one, `warn` for a failed warning, else `pass`."""
    if any(_stops(result) for result in results):
        return "stop"
    return "warn" if any(_warns(result) for result in results) else "pass"


def describe(results: Iterable[CheckResult]) -> list[str]:
    """One short line for each check that failed or crashed, what stops first; info is left out."""
    told = [result for result in results if _stops(result) or _warns(result)]
    return [_line(result) for result in sorted(told, key=lambda result: (not _stops(result), result.name))]


def stop_message(results: Sequence[CheckResult], next_step: str) -> DataStopError:
    """The error of a data verdict `stop`: what was checked, what came, and a few safe keys to look at."""
    return DataStopError(
        "no failed critical check and no crashed one",
        "\n- ".join(["", *describe(results)]),
        next_step,
    )


def _stops(result: CheckResult) -> bool:
    return result.outcome == "crashed" or (result.outcome == "failed" and result.severity == "critical")


def _warns(result: CheckResult) -> bool:
    return result.outcome == "failed" and result.severity == "warning"


def _line(result: CheckResult) -> str:
    kind = "crashed" if result.outcome == "crashed" else result.severity
    keys = f" (for example {', '.join(result.sample_keys)})" if result.sample_keys else ""
    return f"{result.name} [{kind}]: {result.observed}; expected {result.expected}{keys}"
