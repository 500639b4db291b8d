"""Checks that pass, fail and crash."""

from __future__ import annotations

import pandas as pd
import pytest

from include.retraining.quality.checks import Check, check_rows
from include.retraining.quality.expectation import Expectation, between, in_set, not_matching, not_null, unique
from include.retraining.quality.privacy import EMAIL, keyed_hash


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_HASH_KEY", "test")


def frame(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"row_id": [f"r{n}" for n in range(len(next(iter(columns.values()))))], **columns})


def test_results_come_in_the_order_of_checks_even_when_one_crashes() -> None:
    checks = [
        Check("a", "critical", not_null("x")),
        Check("b", "warning", not_null("no_such_column")),
        Check("c", "info", between("x", 0, 2)),
    ]
    results = check_rows(frame(x=[1.0, None, 3.0]), checks, "row_id")
    assert [(result.name, result.severity, result.outcome) for result in results] == [
        ("a", "critical", "failed"), ("b", "warning", "crashed"), ("c", "info", "failed"),
    ]  # fmt: skip
    assert [result.sample_keys for result in results] == [("r1",), (), ("r2",)]
    assert "no_such_column" in results[1].observed


def test_a_type_that_cannot_be_compared_crashes_without_showing_values() -> None:
    text = frame(x=["taro@example.com", "b"])
    (result,) = check_rows(text, [Check("a", "warning", between("x", 0, 2))], "row_id")
    assert result.outcome == "crashed"
    assert "taro" not in result.observed


@pytest.mark.parametrize(
    "expectation",
    [not_null("x"), unique("x"), in_set("x", ["a"]), not_matching("x", EMAIL, "mail"), between("n", 0, 1)],
)
def test_an_empty_frame_passes(expectation: Expectation) -> None:
    empty = pd.DataFrame({"row_id": pd.Series(dtype="str"), "x": pd.Series(dtype="str"), "n": pd.Series(dtype="float")})
    (result,) = check_rows(empty, [Check("a", "critical", expectation)], "row_id")
    assert (result.outcome, result.rows_checked) == ("passed", 0)


def test_all_null_fails_only_where_values_are_asked_for() -> None:
    nulls = frame(x=pd.Series([None, None], dtype="str").tolist())
    checks = [Check("there", "critical", not_null("x")), Check("mail", "critical", not_matching("x", EMAIL, "mail"))]
    assert [result.outcome for result in check_rows(nulls, checks, "row_id")] == ["failed", "passed"]


def test_mostly_lets_a_few_rows_differ() -> None:
    rows = frame(x=[*range(99), None])
    (result,) = check_rows(rows, [Check("a", "critical", not_null("x", 0.95))], "row_id")
    assert (result.outcome, result.rows_failed) == ("passed", 1)


def test_samples_are_few_and_hashed_where_personal() -> None:
    rows = pd.DataFrame({"id": ["taro@example.com", *(f"r{n}" for n in range(50))], "x": [None] * 51})
    (result,) = check_rows(rows, [Check("a", "critical", not_null("x"))], "id")
    assert result.sample_keys == (keyed_hash("taro@example.com", "test"), "r0", "r1", "r2", "r3")
    assert result.observed == "51 of 51 rows differ"


def test_no_checks_give_no_results() -> None:
    assert check_rows(frame(x=[1]), [], "row_id") == []
