"""Checks of the training set, one fault at a time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from include.recommender.checks.training_set import check_training_set
from include.recommender.features import FEATURE_NAMES
from include.recommender.tables import TRAINING_SET
from include.recommender.training_set import snapshot_dates
from include.retraining.quality.verdict import read_results

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse

DAY = date(2026, 3, 1)
Rows = list[dict[str, Any]]


@pytest.fixture
def rows(quality_settings: RecommenderSettings) -> Rows:
    """Twenty users with one positive and three negatives at each snapshot; every feature missing (NaN) or 1."""
    features = {name: float("nan") if at % 2 else 1.0 for at, name in enumerate(FEATURE_NAMES)}
    return [
        {
            "as_of_date": DAY, "surface": "for_you", "snapshot_date": day, "user_id": f"u{user}", "item_id": f"i{at}",
            "label": int(at == 0), **features,
        }
        for day in snapshot_dates(DAY, quality_settings) for user in range(20) for at in range(4)
    ]  # fmt: skip


def check(warehouse: LocalWarehouse, settings: RecommenderSettings, rows: Rows) -> tuple[str, set[str]]:
    table = pa.Table.from_pylist(rows, schema=TRAINING_SET.schema)
    warehouse.replace(TRAINING_SET, {"as_of_date": DAY, "surface": "for_you"}, table)
    verdict = check_training_set(warehouse, settings, DAY, "for_you")
    results = read_results(warehouse, DAY, "training_set_for_you")
    assert not [result for result in results if result.outcome == "crashed"]
    return verdict, {result.name for result in results if result.outcome == "failed"}


def test_a_sound_training_set_passes(
    warehouse: LocalWarehouse, quality_settings: RecommenderSettings, rows: Rows
) -> None:
    assert check(warehouse, quality_settings, rows) == ("pass", set())


def bad_label(rows: Rows) -> Rows:
    return [{**rows[0], "label": 2}, *rows[1:]]


def too_few(rows: Rows) -> Rows:
    return [row for row in rows if row["user_id"] in {"u0", "u1"}]


def mostly_positive(rows: Rows) -> Rows:
    return [{**row, "label": int(row["item_id"] != "i3")} for row in rows]


def into_the_holdout(rows: Rows) -> Rows:
    last = max(row["snapshot_date"] for row in rows)
    return [
        *rows,
        *({**row, "snapshot_date": last + timedelta(days=1)} for row in rows if row["snapshot_date"] == last),
    ]


def barren_snapshot(rows: Rows) -> Rows:
    first = min(row["snapshot_date"] for row in rows)
    return [{**row, "label": 0} if row["snapshot_date"] == first else row for row in rows]


def missing_snapshot(rows: Rows) -> Rows:
    first = min(row["snapshot_date"] for row in rows)
    return [row for row in rows if row["snapshot_date"] != first]


def infinite_feature(rows: Rows) -> Rows:
    return [{**rows[0], FEATURE_NAMES[0]: float("inf")}, *rows[1:]]


def null_feature(rows: Rows) -> Rows:
    return [{**rows[0], FEATURE_NAMES[1]: None}, *rows[1:]]


@pytest.mark.parametrize(
    ("fault", "verdict", "name"),
    [
        (bad_label, "stop", "labels.not_0_or_1"),
        (too_few, "stop", "groups.too_few"),
        (mostly_positive, "warn", "labels.mostly_positive"),
        (into_the_holdout, "stop", "labels.reach_into_holdout"),
        (barren_snapshot, "stop", "snapshots.without_positives"),
        (missing_snapshot, "warn", "snapshots.missing"),
        (infinite_feature, "warn", "features.null_or_infinite"),
        (null_feature, "warn", "features.null_or_infinite"),
    ],
)
def test_each_fault_fails_its_check_alone(
    warehouse: LocalWarehouse,
    quality_settings: RecommenderSettings,
    rows: Rows,
    fault: Callable[[Rows], Rows],
    verdict: str,
    name: str,
) -> None:
    assert check(warehouse, quality_settings, fault(rows)) == (verdict, {name})


def test_an_empty_training_set_stops(warehouse: LocalWarehouse, quality_settings: RecommenderSettings) -> None:
    verdict, failed = check(warehouse, quality_settings, [])
    assert (verdict, failed) == ("stop", {"groups.too_few", "labels.none_positive", "snapshots.missing"})
