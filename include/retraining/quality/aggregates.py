"""Checks of aggregates: numbers that SQL computed, held against bounds as one row of a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from include.retraining.quality.checks import Check, CheckResult, check_rows
from include.retraining.quality.expectation import Expectation, between, bounds, not_null

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.retraining.quality.checks import Severity

NOTHING = "nothing to compare with"


@dataclass(frozen=True)
class Aggregate:
    """A number, its unit in words, and its bounds, both included.

    A value of None has nothing to compare with, and passes as info.
    """

    name: str
    severity: Severity
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    rows_checked: int = 0
    rows_failed: int = 0
    sample_keys: tuple[str, ...] = ()


def none_of(
    name: str, severity: Severity, count: int, unit: str, rows_checked: int = 0, sample_keys: Sequence[str] = ()
) -> Aggregate:
    """The check that nothing is of a bad kind, by count; `unit` says what is counted."""
    return Aggregate(name, severity, count, unit, None, 0, rows_checked, count, tuple(sample_keys))


def check_aggregates(aggregates: Sequence[Aggregate]) -> list[CheckResult]:
    """The result of each aggregate, in the given order."""
    import pandas as pd

    known = {aggregate.name: aggregate for aggregate in aggregates if aggregate.value is not None}
    frame = pd.DataFrame({name: [float(aggregate.value or 0)] for name, aggregate in known.items()})
    checks = [Check(name, aggregate.severity, _expectation(aggregate)) for name, aggregate in known.items()]
    validated = {result.name: result for result in check_rows(frame, checks)}
    return [_result(aggregate, validated.get(aggregate.name)) for aggregate in aggregates]


def _expectation(aggregate: Aggregate) -> Expectation:
    bounded = aggregate.low is not None or aggregate.high is not None
    within = between(aggregate.name, aggregate.low, aggregate.high)
    return replace(within if bounded else not_null(aggregate.name), text=bounds(aggregate.low, aggregate.high))


def _result(aggregate: Aggregate, validated: CheckResult | None) -> CheckResult:
    if validated is None or aggregate.value is None:
        expected, rows = bounds(aggregate.low, aggregate.high), aggregate.rows_checked
        return CheckResult(aggregate.name, "info", "passed", expected, NOTHING, rows, 0)
    # Great Expectations takes NaN for null and lets it pass.
    crashed = validated.outcome == "crashed" or math.isnan(aggregate.value)
    return replace(
        validated,
        outcome="crashed" if crashed else validated.outcome,
        observed=validated.observed if validated.outcome == "crashed" else _observed(aggregate.value, aggregate.unit),
        rows_checked=aggregate.rows_checked,
        rows_failed=aggregate.rows_failed,
        sample_keys=aggregate.sample_keys,
    )


def _observed(value: float, unit: str) -> str:
    """A share (`of the ...`) in percent, anything else as a number with its unit."""
    return f"{value:.4g} ({value:.1%}) {unit}" if unit.startswith("of the ") else f"{value:.6g} {unit}"
