"""SQL files stay in the portable subset: what is new must first be shown to mean the same on both engines."""

from __future__ import annotations

import pytest

from include.recommender.sql import FOLDER
from include.retraining.warehouse.sql import load_sql
from tests.contract.portable import ALLOWED, used_in


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sql")), ids=lambda path: path.name)
def test_a_file_uses_allowed_functions_and_constructs_only(path) -> None:
    refused = sorted(set(used_in(load_sql(path))) - ALLOWED)
    assert not refused, (
        f"{path.name} uses {', '.join(refused)}: add golden values from BigQuery's documentation to "
        "test_golden_values.py, then the name to portable.py; or write it with what is allowed"
    )


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT FARM_FINGERPRINT(user_id) FROM events", "FARM_FINGERPRINT()"),
        ("SELECT ARRAY_AGG(item_id ORDER BY item_id LIMIT 3) FROM events", "ARRAY_AGG()"),
        ("SELECT TIMESTAMP_DIFF(a, b, DAY) FROM events", "TIMESTAMPDIFF()"),
        ("SELECT DATE_DIFF(a, b, WEEK) FROM events", "WEEK_START()"),
        ("SELECT EXTRACT(DAYOFWEEK FROM event_date) FROM events", "EXTRACT()"),
        ("SELECT APPROX_COUNT_DISTINCT(user_id) FROM events", "APPROX_DISTINCT()"),
        ("SELECT SAFE_CAST(value AS BOOL) FROM events", "TryCast to BOOL"),
        ("SELECT CAST(value AS INT64) FROM events", "Cast to INT64 without ROUND()"),
        ("SELECT user_id FROM events TABLESAMPLE SYSTEM (1 PERCENT)", "TableSample"),
        ("SELECT MAX(a) OVER (ORDER BY b RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM events", "WindowSpec"),
        ("SELECT STRUCT(1 AS a)", "STRUCT()"),
        ("DELETE FROM events WHERE TRUE", "Delete"),
    ],
)
def test_what_engines_mean_differently_or_lack_is_refused_by_name(sql: str, name: str) -> None:
    assert name in set(used_in(sql)) - ALLOWED
