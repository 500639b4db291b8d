"""Rules of landed rows: reasons, readmission, and that predicate and expectation agree."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from include.recommender.expectations import event_rules, item_rules
from include.retraining.quality.checks import Check, check_rows
from include.retraining.quality.row_rules import classify, measured

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.quality.row_rules import RowRule
    from include.retraining.warehouse.local import LocalWarehouse

ARRIVED = date(2026, 1, 10)
SCHEMA = pa.schema(
    [
        ("event_id", pa.string()), ("user_id", pa.string()), ("item_id", pa.string()), ("event_type", pa.string()),
        ("occurred_at", pa.timestamp("us", "UTC")), ("value", pa.float64()), ("value_text", pa.string()),
        ("event_date", pa.date32()), ("arrival_date", pa.date32()), ("row_id", pa.string()), ("readmitted", pa.bool_()),
    ]
)  # fmt: skip
GOOD = {
    "event_id": "e1", "user_id": "u1", "item_id": "i1", "event_type": "view", "value": 1.0, "value_text": "1",
    "occurred_at": datetime(2026, 1, 9, tzinfo=UTC), "event_date": date(2026, 1, 9), "arrival_date": ARRIVED,
    "row_id": "r1", "readmitted": False,
}  # fmt: skip
NAN, INFINITY = float("nan"), float("inf")


@pytest.fixture
def strict(quality_settings: RecommenderSettings) -> RecommenderSettings:
    ingest = quality_settings.ingest.model_copy(update={"allowed_event_types": ("view", "like")})
    return quality_settings.model_copy(update={"ingest": ingest})


def reasons(engine: LocalWarehouse, rules: tuple[RowRule, ...], *rows: dict[str, object]) -> list[str | None]:
    query, parameters = classify(rules)
    typed = pa.Table.from_pylist(list(rows), schema=SCHEMA)
    found: list[str | None] = engine.query(query, parameters, {"typed_events": typed})["broken_rule"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("change", "reason", "after_readmission"),
    [
        ({}, None, None),
        ({"user_id": None}, "user_id_missing", "user_id_missing"),
        ({"user_id": " "}, "user_id_missing", "user_id_missing"),
        ({"user_id": "*"}, "user_id_reserved", "user_id_reserved"),
        ({"user_id": "**"}, None, None),
        ({"item_id": ""}, "item_id_missing", "item_id_missing"),
        ({"user_id": "taro@example.com"}, "user_id_looks_personal", None),
        ({"item_id": "+81 90-1234-5678"}, "item_id_looks_personal", None),
        ({"occurred_at": None, "event_date": None}, "occurred_at_unreadable", "occurred_at_unreadable"),
        ({"event_date": ARRIVED}, "dated_after_arrival", None),
        ({"event_date": ARRIVED - timedelta(days=4)}, None, None),
        ({"event_date": ARRIVED - timedelta(days=5)}, "too_late", None),
        ({"event_type": None}, "event_type_missing", None),
        ({"event_type": "View"}, "event_type_unknown", None),
        ({"value": None}, "value_unreadable", None),
        ({"value": None, "value_text": None}, None, None),
        ({"value": 1e9}, None, None),
        ({"value": 1.1e9}, "value_too_large", None),
        ({"value": -1e13}, "value_too_large", None),
        ({"value": NAN}, "value_not_finite", "value_not_finite"),
        ({"value": -INFINITY}, "value_not_finite", "value_not_finite"),
    ],
)
def test_reason_of_an_event(
    quality_warehouse: LocalWarehouse,
    strict: RecommenderSettings,
    change: dict[str, object],
    reason: str | None,
    after_readmission: str | None,
) -> None:
    row = {**GOOD, **change}
    found = reasons(quality_warehouse, event_rules(strict), row, {**row, "readmitted": True})
    assert found == [reason, after_readmission]


def test_any_event_type_passes_when_none_is_named(
    quality_warehouse: LocalWarehouse, quality_settings: RecommenderSettings
) -> None:
    assert reasons(quality_warehouse, event_rules(quality_settings), {**GOOD, "event_type": "whatever"}) == [None]


GOOD_ITEM = {
    "item_id": "i1", "created_at": datetime(2026, 1, 1, tzinfo=UTC), "created_at_text": "2026-01-01",
    "is_active_readable": True,
}  # fmt: skip
ITEM_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()), ("created_at", pa.timestamp("us", tz="UTC")), ("created_at_text", pa.string()),
        ("is_active_readable", pa.bool_()),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"item_id": None}, "item_id_missing"),
        ({"item_id": "taro@example.com"}, "item_id_looks_personal"),
        ({"created_at": None, "created_at_text": None}, None),
        ({"created_at": None, "created_at_text": "yesterday"}, "created_at_unreadable"),
        ({"is_active_readable": False}, "is_active_unreadable"),
    ],
)
def test_reason_of_an_item(
    quality_warehouse: LocalWarehouse,
    quality_settings: RecommenderSettings,
    change: dict[str, object],
    reason: str | None,
) -> None:
    typed = pa.Table.from_pylist([{**GOOD_ITEM, **change}], schema=ITEM_SCHEMA)
    query, parameters = classify(item_rules(quality_settings))
    found = quality_warehouse.query(query, parameters, {"typed_events": typed})["broken_rule"].to_pylist()
    assert found == [reason]


IDS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "u1", "a@b.co", "+81 90-1234-5678", "090-1234-5678", "2026-01-31", "1234567890"]),
    st.text(alphabet="a@.+-() 059%\n\t\u3000é", max_size=18),
)
ROWS = st.fixed_dictionaries(
    {
        "user_id": IDS,
        "item_id": IDS,
        "event_type": st.sampled_from([None, "", "view", "like", "LIKE"]),
        "value": st.one_of(st.none(), st.floats(), st.sampled_from([NAN, INFINITY, 1e9, -1.1e9])),
        "value_text": st.just("1"),
        "event_date": st.one_of(st.none(), st.dates(ARRIVED - timedelta(days=9), ARRIVED + timedelta(days=2))),
        "arrival_date": st.just(ARRIVED),
        "readmitted": st.just(False),
    }
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=30))
def test_predicate_and_expectation_agree(
    quality_warehouse: LocalWarehouse, strict: RecommenderSettings, rows: list[dict[str, object]]
) -> None:
    """Rule 6: one declaration, the same rows by SQL and by Great Expectations."""
    rules = [rule for rule in event_rules(strict) if rule.expectation]
    numbered = [
        {**row, "row_id": f"r{n:02}", "occurred_at": _midnight(row["event_date"])} for n, row in enumerate(rows)
    ]
    inputs = {"typed_events": pa.Table.from_pylist(numbered, schema=SCHEMA)}
    looked_at = measured(rule.measure for rule in rules if rule.measure)
    frame = quality_warehouse.query(looked_at, {}, inputs).to_pandas()
    checks = [Check(rule.name, "critical", rule.expectation) for rule in rules if rule.expectation]
    predicates = ", ".join(f"{rule.predicate} AS {rule.name}" for rule in rules)
    parameters = {name: value for rule in rules for name, value in rule.parameters.items()}
    verdicts = quality_warehouse.query(
        f"SELECT row_id, {predicates} FROM typed_events ORDER BY row_id", parameters, inputs
    ).to_pylist()
    for rule, result in zip(rules, check_rows(frame, checks, "row_id"), strict=True):
        broken = [row["row_id"] for row in verdicts if row[rule.name] is False]
        assert len(broken) == sum(row[rule.name] is not True for row in verdicts), f"{rule.name} is never NULL"
        assert result.outcome == ("failed" if broken else "passed"), rule.name
        assert (result.rows_failed, list(result.sample_keys)) == (len(broken), broken[:5]), rule.name


def _midnight(day: object) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if isinstance(day, date) else None
