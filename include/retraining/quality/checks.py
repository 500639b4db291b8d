"""Checks with severities, and how they run: one Great Expectations validation per frame."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.retraining.quality.privacy import looks_personal, safe_to_show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from great_expectations.core import ExpectationValidationResult

    from include.retraining.quality.expectation import Expectation

Severity = Literal["critical", "warning", "info"]
Outcome = Literal["passed", "failed", "crashed"]

# Two hundred lines about its own documentation, whenever it is imported.
logging.getLogger("great_expectations._docs_decorators").setLevel(logging.WARNING)

SAMPLES = 5
MESSAGE_LENGTH = 200


@dataclass(frozen=True)
class Check:
    """An expectation with a severity. `name` says what is wrong when it fails, and is unique within a stage."""

    name: str
    severity: Severity
    expectation: Expectation


@dataclass(frozen=True)
class CheckResult:
    """What came of a check. `sample_keys` name a few rows that failed it, safe to show."""

    name: str
    severity: Severity
    outcome: Outcome
    expected: str
    observed: str
    rows_checked: int
    rows_failed: int
    sample_keys: tuple[str, ...] = ()


def check_rows(frame: pd.DataFrame, checks: Sequence[Check], key_column: str | None = None) -> list[CheckResult]:
    """The result of each check, in the given order; `key_column` names the rows in samples."""
    validations = _validate(frame, checks) if checks else {}
    return [_result(check, validations[check.name], frame, key_column) for check in checks]


def _validate(frame: pd.DataFrame, checks: Sequence[Check]) -> dict[str, ExpectationValidationResult]:
    """Validations by check name: Great Expectations returns them in an order of its own."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name="checks")
    for check in checks:
        expectation = getattr(gx.expectations, check.expectation.kind)
        suite.add_expectation(
            expectation(**check.expectation.arguments, severity=check.severity, meta={"check": check.name})
        )
    # Positions of samples, and no unexpected_index_column_names: those take 19 s per million failed rows.
    summary = batch.validate(suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": SAMPLES})
    return {_name(validation): validation for validation in summary.results}


def _name(validation: ExpectationValidationResult) -> str:
    """The check that a validation is of."""
    config = validation.expectation_config
    return str(config.meta["check"]) if config and config.meta else ""


def _result(
    check: Check, validation: ExpectationValidationResult, frame: pd.DataFrame, key_column: str | None
) -> CheckResult:
    expected, rows = check.expectation.text, len(frame)
    if crash := _crash(validation.exception_info):
        return CheckResult(check.name, check.severity, "crashed", expected, crash, rows, 0)
    failed = int(validation.result.get("unexpected_count") or 0)
    observed = f"{failed} of {rows} rows differ" if failed else f"all of {rows} rows"
    positions = validation.result.get("partial_unexpected_index_list") or []
    keys = sorted({safe_to_show(str(key)) for key in frame[key_column].iloc[positions]}) if key_column else []
    outcome: Outcome = "passed" if validation.success else "failed"
    return CheckResult(check.name, check.severity, outcome, expected, observed, rows, failed, tuple(keys))


def _crash(exception_info: Mapping[str, object]) -> str:
    """Why an expectation could not be evaluated; empty when it could. Two shapes: flat, or one entry per metric."""
    per_metric: list[Mapping[str, object]] = [entry for entry in exception_info.values() if isinstance(entry, dict)]
    for entry in per_metric or [exception_info]:
        if entry.get("raised_exception"):
            return _without_personal(f"could not be evaluated: {entry.get('exception_message')}")[:MESSAGE_LENGTH]
    return ""


def _without_personal(text: str) -> str:
    words = text.split()
    return " ".join("(hidden)" if looks_personal(word.strip("'\"`.,:;()[]{}")) else word for word in words)
