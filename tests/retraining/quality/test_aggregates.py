"""Numbers held against bounds."""

from __future__ import annotations

import pytest

from include.retraining.quality.aggregates import Aggregate, check_aggregates, none_of


@pytest.mark.parametrize(
    ("value", "low", "high", "outcome"),
    [
        (0.3, 0.3, None, "passed"), (0.2999, 0.3, None, "failed"), (2, None, 2, "passed"), (2.01, None, 2, "failed"),
        (5, None, None, "passed"), (0, 1, 3, "failed"), (float("inf"), 0, 9, "failed"), (float("nan"), 0, 9, "crashed"),
    ],
)  # fmt: skip
def test_bounds_are_inclusive(value: float, low: float | None, high: float | None, outcome: str) -> None:
    (result,) = check_aggregates([Aggregate("a.b", "critical", value, "rows", low, high)])
    assert result.outcome == outcome


def test_nothing_to_compare_with_passes_as_info() -> None:
    results = check_aggregates([Aggregate("a", "critical", None, "rows", 1), Aggregate("b", "critical", 0, "rows", 1)])
    assert [(result.name, result.severity, result.outcome) for result in results] == [
        ("a", "info", "passed"), ("b", "critical", "failed"),
    ]  # fmt: skip
    assert results[0].observed == "nothing to compare with"


def test_result_tells_number_bounds_rows_and_keys() -> None:
    (result,) = check_aggregates([none_of("bad_rows", "warning", 3, "rows", 100, ["r1"])])
    assert (result.observed, result.expected, result.rows_checked, result.rows_failed) == (
        "3 rows", "at most 0", 100, 3,
    )  # fmt: skip
    assert result.sample_keys == ("r1",)


def test_equal_bounds_of_two_severities_stay_two_results() -> None:
    results = check_aggregates(
        [Aggregate("warns", "warning", 2, "rows", None, 1), Aggregate("stops", "critical", 2, "rows", None, 1)]
    )
    assert [result.outcome for result in results] == ["failed", "failed"]


def test_no_aggregates_give_no_results() -> None:
    assert check_aggregates([]) == []
