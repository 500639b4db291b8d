"""Compares contenders on the holdout: the same users, the same week, lists made the way they are published."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.baselines import BASELINES
from include.recommender.contenders import candidate_settings
from include.recommender.lists import as_grid, top_lists
from include.recommender.metrics import PER_USER, coverage, novelty, per_user_metrics
from include.recommender.snapshot import compute_snapshot
from include.recommender.statistics import targets_between
from include.recommender.training_set import targets_of
from include.retraining.errors import TrainingDataError
from include.retraining.promotion.paired_bootstrap import Interval, bootstrap_mean
from include.retraining.promotion.policy import Evidence
from include.retraining.tables import EVALUATION_RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.contenders import Contender
    from include.recommender.lists import TopLists
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.recommender.training_set import Targets
    from include.retraining.settings import Promotion
    from include.retraining.warehouse.protocol import Warehouse

DEPTH = 20
CHAMPION, CHALLENGER = "champion", "challenger"


def evaluate_contenders(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    as_of_date: date,
    surface: str,
    contenders: Mapping[str, Contender],
) -> pa.Table:
    """Rows of EVALUATION_RESULTS: each contender's metrics, and the challenger's paired differences.

    Raises TrainingDataError when no known user did anything positive in the holdout.
    """
    per_user: dict[str, pd.DataFrame] = {}
    overall: dict[str, Mapping[str, float]] = {}
    for alike in _by_candidate_settings(contenders):
        own_settings = next(iter(alike.values())).settings
        snapshot, targets = _holdout(warehouse, own_settings, as_of_date)
        scorers = {name: contender.scorer for name, contender in alike.items()}
        for name, lists in top_lists(snapshot, targets.users, scorers, own_settings, DEPTH).items():
            per_user[name], overall[name] = _measure(snapshot, targets, lists)
    labels = {name: contender.label for name, contender in contenders.items()}
    rows = list(_rows(per_user, overall, labels, settings.promotion))
    return _table(rows, as_of_date, surface)


def evidence_from(results: pa.Table, promotion: Promotion) -> Evidence:
    """What the policy needs, from the rows that evaluate_contenders made."""
    rows = {(row["contender"], row["versus"], row["metric"]): row for row in results.to_pylist()}
    means = {name: rows[name, "", promotion.metric]["mean"] for name in BASELINES}
    best = max(means, key=lambda name: means[name])
    over_champion = rows.get((CHALLENGER, CHAMPION, promotion.metric))
    return Evidence(
        best_baseline=best,
        over_baseline=_interval(rows[CHALLENGER, best, promotion.metric]),
        over_champion=_interval(over_champion) if over_champion else None,
        coverage={row["contender"]: row["mean"] for row in rows.values() if row["metric"] == "coverage@20"},
    )


def _holdout(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date) -> tuple[Snapshot, Targets]:
    first = as_of_date - timedelta(days=settings.training.holdout_days)
    snapshot = compute_snapshot(warehouse, settings, first, as_of_date)
    targets = targets_of(snapshot, targets_between(warehouse, settings, first, as_of_date, as_of_date))
    if not len(targets.users):
        raise TrainingDataError(
            f"known users with positive events from {first} to {as_of_date}", "none", "look at events of that week"
        )
    return snapshot, targets


def _by_candidate_settings(contenders: Mapping[str, Contender]) -> list[dict[str, Contender]]:
    """Contenders in groups that rank the same candidates."""
    groups: dict[str, dict[str, Contender]] = {}
    for name, contender in contenders.items():
        groups.setdefault(candidate_settings(contender.settings), {})[name] = contender
    return list(groups.values())


def _measure(snapshot: Snapshot, targets: Targets, lists: TopLists) -> tuple[pd.DataFrame, Mapping[str, float]]:
    """Metrics per user id, and over all users."""
    import pandas as pd

    grid = as_grid(lists, targets.users, DEPTH)
    keys = targets.users[:, None] * snapshot.shape[1] + grid
    found = np.isin(keys, targets.keys) & (grid >= 0)
    overall = {
        "coverage@20": coverage(grid, int(snapshot.recommendable.sum())),
        "novelty@20": novelty(grid, snapshot.items["users"], snapshot.shape[0]),
    }
    return pd.DataFrame(per_user_metrics(found, targets.wanted), index=snapshot.user_ids[targets.users]), overall


def _rows(
    per_user: Mapping[str, pd.DataFrame],
    overall: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, str],
    promotion: Promotion,
) -> Iterator[dict[str, object]]:
    def bootstrap(values: NDArray[np.float64]) -> Interval:
        return bootstrap_mean(values, promotion.bootstrap_samples, promotion.seed)

    for name, metrics in per_user.items():
        for metric in PER_USER:
            yield _row(name, "", metric, labels[name], bootstrap(metrics[metric].to_numpy()))
        for metric, value in overall[name].items():
            yield _row(name, "", metric, labels[name], Interval(value, value, value, len(metrics)))
    for versus in per_user:
        if versus != CHALLENGER and CHALLENGER in per_user:
            # Aligned by user id: a champion with a shorter history may know fewer users.
            difference = (per_user[CHALLENGER] - per_user[versus]).dropna()
            for metric in PER_USER:
                yield _row(CHALLENGER, versus, metric, labels[CHALLENGER], bootstrap(difference[metric].to_numpy()))


def _row(contender: str, versus: str, metric: str, label: str, interval: Interval) -> dict[str, object]:
    return {
        "contender": contender, "versus": versus, "metric": metric, "model_version": label,
        "mean": interval.mean, "low": interval.low, "high": interval.high, "users": interval.users,
    }  # fmt: skip


def _interval(row: Mapping[str, object]) -> Interval:
    return Interval(row["mean"], row["low"], row["high"], row["users"])  # type: ignore[arg-type]


def _table(rows: list[dict[str, object]], as_of_date: date, surface: str) -> pa.Table:
    import pyarrow as pa

    full = [{"as_of_date": as_of_date, "surface": surface, **row} for row in rows]
    return pa.Table.from_pylist(full, schema=EVALUATION_RESULTS.schema)
