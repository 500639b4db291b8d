"""Checks of what the ranker of a surface learns from. Stage `training_set_<surface>`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.recommender.features import FEATURE_NAMES
from include.recommender.sql import sql
from include.recommender.training_set import snapshot_dates
from include.retraining.quality.aggregates import Aggregate, check_aggregates, none_of
from include.retraining.quality.verdict import record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from include.recommender.settings import RecommenderSettings
    from include.retraining.quality.verdict import Verdict
    from include.retraining.warehouse.protocol import Warehouse

MAX_POSITIVE_SHARE = 0.5
WHAT_TO_DO = (
    "today's lists come from the champion, so nothing is urgent. Events are missing or wrong: have those days "
    "delivered again and clear their ingest. Then, or after a change of [training] or [candidates]: clear "
    "build_training_set of this surface with Downstream"
)


def stage_of(surface: str) -> str:
    """The stage under which a surface's results are recorded."""
    return f"training_set_{surface}"


def check_training_set(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date, surface: str) -> Verdict:
    """Check the training set of a surface; record the results, return their verdict."""
    which = {"as_of_date": as_of_date, "surface": surface}
    snapshots = warehouse.query(sql("check_training_set"), which).to_pylist()
    (features,) = warehouse.query(_broken_features(), which).to_pylist()
    aggregates = [
        *_label_checks(snapshots),
        *_snapshot_checks(snapshots, as_of_date, settings),
        *_feature_checks(features, _total(snapshots, "pairs")),
    ]
    return record(warehouse, as_of_date, stage_of(surface), check_aggregates(aggregates))


def _label_checks(snapshots: Sequence[dict[str, Any]]) -> list[Aggregate]:
    pairs, positives = _total(snapshots, "pairs"), _total(snapshots, "positives")
    share = positives / pairs if pairs else None
    return [
        none_of("labels.not_0_or_1", "critical", _total(snapshots, "bad_labels"), "pairs", pairs),
        Aggregate("labels.none_positive", "critical", positives, "positive pairs", 1, None, pairs),
        Aggregate(
            "labels.mostly_positive",
            "warning",
            share,
            "of the pairs are positive",
            None,
            MAX_POSITIVE_SHARE,
            pairs,
            positives,
        ),
    ]


def _snapshot_checks(
    snapshots: Sequence[dict[str, Any]], as_of_date: date, settings: RecommenderSettings
) -> list[Aggregate]:
    training = settings.training
    pairs, groups = _total(snapshots, "pairs"), _total(snapshots, "users")
    barren = [str(row["snapshot_date"]) for row in snapshots if not row["positives"]]
    wanted, found = snapshot_dates(as_of_date, settings), {row["snapshot_date"] for row in snapshots}
    missing = [str(day) for day in wanted if day not in found]
    reach = training.label_days + training.holdout_days
    gap = (as_of_date - max(found)).days if found else None
    return [
        Aggregate(
            "groups.too_few", "critical", groups, "users, counted at each snapshot", training.min_groups, None, pairs
        ),
        Aggregate("labels.reach_into_holdout", "critical", gap, "days since the last snapshot", reach, None, pairs),
        none_of("snapshots.without_positives", "critical", len(barren), "snapshots", len(found), barren),
        none_of("snapshots.missing", "warning", len(missing), "snapshots", len(wanted), missing),
    ]


def _broken_features() -> str:
    """GoogleSQL for the number of broken values per feature. NaN says missing, and is no fault."""
    # COALESCE, because over no rows DuckDB counts NULL where BigQuery counts 0.
    counts = ",\n  ".join(f"COALESCE(COUNTIF({name} IS NULL OR IS_INF({name})), 0) AS {name}" for name in FEATURE_NAMES)
    return f"SELECT\n  {counts}\nFROM training_set\nWHERE as_of_date = @as_of_date AND surface = @surface"


def _feature_checks(features: dict[str, int], pairs: int) -> list[Aggregate]:
    broken = sorted(name for name, count in features.items() if count)
    values = pairs * len(features)
    return [none_of("features.null_or_infinite", "warning", sum(features.values()), "values", values, broken)]


def _total(snapshots: Sequence[dict[str, Any]], column: str) -> int:
    return sum(int(row[column]) for row in snapshots)
