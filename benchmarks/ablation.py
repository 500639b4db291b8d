"""What each candidate source and feature group is worth: NDCG@10 without it, paired by user with all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.contenders import contender_from
from include.recommender.evaluation import CHALLENGER, Week, evaluate_weeks
from include.recommender.features import FEATURE_GROUPS
from include.recommender.ranker import train_ranker
from include.recommender.settings import ALLOWS_REPEATS, SURFACES
from include.recommender.sources import SOURCES
from include.recommender.training_set import build_training_sets
from include.retraining.promotion.paired_bootstrap import Interval, bootstrap_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse

METRIC = "ndcg@10"
EVERYTHING = "everything"


@dataclass(frozen=True)
class Loss:
    """The mean with something left out, and its difference to the mean with everything, 95 % interval by user."""

    surface: str
    left_out: str
    mean: float
    difference: Interval


def measure_ablation(warehouse: Warehouse, settings: RecommenderSettings, dates: Sequence[date]) -> Iterator[Loss]:
    """Train for each date without one source or one group of features, and rank the week that follows.

    Sources are left out where they propose and where they are features. The sizes of the ranker are the first ones of
    the settings: their choice would add noise.
    """
    training = settings.training.model_copy(
        update={"snapshots": settings.training.snapshots[:1], "rounds": settings.training.rounds[:1]}
    )
    own = {"training": training, "evaluation": settings.evaluation.model_copy(update={"weeks": 1})}
    settings = settings.model_copy(update=own)
    sets = {day: build_training_sets(warehouse, settings, day) for day in dates}
    full = {surface: _measure(warehouse, settings, sets, surface) for surface in SURFACES}
    for surface in SURFACES:
        yield _loss(surface, EVERYTHING, full[surface], full[surface])
        for group, features in FEATURE_GROUPS.items():
            without = _measure(warehouse, settings, sets, surface, [feature.name for feature in features])
            yield _loss(surface, f"features: {group}", without, full[surface])
    for source in SOURCES:
        candidates = settings.candidates.model_copy(update={source.name: 0})
        fewer = settings.model_copy(update={"candidates": candidates})
        rows = {day: build_training_sets(warehouse, fewer, day) for day in dates}
        for surface in SURFACES:
            if ALLOWS_REPEATS[surface] or not source.repeats_only:
                without = _measure(warehouse, fewer, rows, surface)
                yield _loss(surface, f"source: {source.name}", without, full[surface])


def _measure(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    sets: dict[date, dict[str, pa.Table]],
    surface: str,
    without: Collection[str] = (),
) -> pd.Series:
    """NDCG@10 by date and user."""
    import pandas as pd

    found: dict[date, pd.Series[float]] = {}
    for day, rows in sets.items():
        ranker = train_ranker(_hidden(rows[surface], without), settings.training)
        week = Week(day, {CHALLENGER: contender_from("ablation", ranker, settings)})
        end = day + timedelta(days=settings.training.holdout_days)
        results = evaluate_weeks(warehouse, settings, end, surface, [week])
        found[day] = results.per_user[CHALLENGER][day][METRIC]
    by_user: pd.Series[float] = pd.concat(found)
    return by_user


def _hidden(rows: pa.Table, names: Collection[str]) -> pa.Table:
    """The rows with the named features missing everywhere; a ranker leaves out what never varies."""
    import pyarrow as pa

    for name in names:
        missing = pa.array(np.full(rows.num_rows, np.nan, np.float32))
        rows = rows.set_column(rows.column_names.index(name), name, missing)
    return rows


def _loss(surface: str, left_out: str, without: pd.Series, full: pd.Series) -> Loss:
    difference = without - full
    users = difference.index.get_level_values(1).to_numpy()
    return Loss(surface, left_out, float(without.mean()), bootstrap_mean(difference.to_numpy(), 1000, 1, users))
