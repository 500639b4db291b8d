"""Predicates of row rules, run on DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.retraining.quality.row_rules import (
    Measure,
    RowRule,
    as_landed,
    at_least,
    at_most,
    classify,
    free_of,
    one_of,
    present,
)
from include.retraining.warehouse.local import LocalWarehouse

if TYPE_CHECKING:
    from pathlib import Path

TEXT, NUMBER = Measure("text", "text"), Measure("number", "number")
SCHEMA = pa.schema([("text", pa.string()), ("number", pa.float64()), ("readmitted", pa.bool_())])


@pytest.fixture
def engine(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill")


def broken_rules(engine: LocalWarehouse, rules: list[RowRule], *rows: tuple[object, ...]) -> list[str | None]:
    columns = [dict(zip(SCHEMA.names, (*row, False)[:3], strict=True)) for row in rows]
    query, parameters = classify(rules)
    typed = pa.Table.from_pylist(columns, schema=SCHEMA)
    found: list[str | None] = engine.query(query, parameters, {"typed_events": typed})["broken_rule"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (present("r", TEXT), ["a", ""], [None]),
        (one_of("r", TEXT, ["view", "it's"]), ["view", "it's", None], ["View", ""]),
        (free_of("r", TEXT, "[0-9]+", "digits"), ["a", "", None], ["a1"]),
        (as_landed("r", "text = 'a'"), ["a"], ["b", None]),
    ],
)
def test_text_rules(engine: LocalWarehouse, rule: RowRule, good: list[object], bad: list[object]) -> None:
    found = broken_rules(engine, [rule], *((value, 0) for value in [*good, *bad]))
    assert found == [None] * len(good) + ["r"] * len(bad)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (at_least("r", NUMBER, 1), [1, 2, float("inf"), None], [0.99, -1]),
        (at_most("r", NUMBER, 1), [1, 0, None], [1.01, float("inf"), float("nan")]),
    ],
)
def test_number_rules(engine: LocalWarehouse, rule: RowRule, good: list[object], bad: list[object]) -> None:
    found = broken_rules(engine, [rule], *(("a", value) for value in [*good, *bad]))
    assert found == [None] * len(good) + ["r"] * len(bad)


def test_first_broken_rule_is_the_reason(engine: LocalWarehouse) -> None:
    rules = [present("text_missing", TEXT), at_least("number_low", NUMBER, 1)]
    assert broken_rules(engine, rules, (None, 0), ("a", 0), ("a", 1)) == ["text_missing", "number_low", None]


def test_readmission_spares_only_readmittable_rules(engine: LocalWarehouse) -> None:
    rules = [present("text_missing", TEXT), at_least("number_low", NUMBER, 1, readmittable=True)]
    assert broken_rules(engine, rules, (None, 1, True), ("a", 0, True), ("a", 0, False)) == [
        "text_missing", None, "number_low",
    ]  # fmt: skip


def test_values_are_parameters_never_text() -> None:
    query, parameters = classify([one_of("r", TEXT, ["x'; DROP TABLE events"]), free_of("s", TEXT, "evil", "evil")])
    assert "DROP" not in query
    assert "evil" not in query
    assert parameters == {"r_values": ["x'; DROP TABLE events"], "s_regex": "evil"}
