"""Compares contenders on past weeks: the same users, lists made the way they are published, all weeks pooled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.arrays import is_among
from include.recommender.candidates import ordered
from include.recommender.contenders import by_candidate_settings, by_state, methods_of
from include.recommender.lists import as_grid, top_lists
from include.recommender.metrics import DEPTH, coverage, novelty, per_user_metrics
from include.recommender.past_date import PastDate
from include.recommender.sampling import sampled_targets
from include.recommender.segments import segments_of
from include.recommender.source_report import SourceReport
from include.recommender.sources.popularity import popularity
from include.recommender.statistics import targets_between
from include.recommender.training_set import targets_of
from include.retraining.errors import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.contenders import Contender
    from include.recommender.lists import TopLists
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.recommender.training_set import Targets
    from include.retraining.warehouse.protocol import Warehouse

CHAMPION, CHALLENGER, FOR_EVERYBODY = "champion", "challenger", "list_for_everybody"


@dataclass(frozen=True)
class Week:
    """Contenders for the week that begins on `first`; none of them has learnt from it."""

    first: date
    contenders: Mapping[str, Contender]


@dataclass
class Results:
    """What was measured, week by week. Frames have one row per user with targets, indexed by user id."""

    per_user: dict[str, dict[date, pd.DataFrame]] = field(default_factory=dict)
    overall: dict[str, dict[date, dict[str, float]]] = field(default_factory=dict)
    segments: dict[date, pd.DataFrame] = field(default_factory=dict)
    sources: SourceReport = field(default_factory=SourceReport)


def evaluation_weeks(as_of_date: date, settings: RecommenderSettings) -> list[date]:
    """The first days of the evaluated weeks, latest first; the latest is the holdout."""
    days = settings.training.holdout_days
    return [as_of_date - timedelta(days=days * (back + 1)) for back in range(settings.evaluation.weeks)]


def evaluate_weeks(
    warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date, surface: str, weeks: Iterable[Week]
) -> Results:
    """Measure the contenders of each week on it; where no known user wanted anything, only the list for everybody.

    Raises TrainingDataError where that is so for all of them.
    """
    results = Results()
    groups = [(week.first, group) for week in weeks for group in by_state(week.contenders)]

    # One week after the other: each holds everybody's pairs.
    for first, group in groups:
        end = first + timedelta(days=settings.training.holdout_days)
        wanted = targets_between(warehouse, settings, first, end, as_of_date)
        past = PastDate(warehouse, next(iter(group.values())).settings, first, as_of_date, methods_of(group))
        known, strangers = (
            sampled_targets(targets, settings.evaluation.max_users, "evaluation")
            for targets in past.known_and_strangers(wanted)
        )
        snapshot = past.of_users(known["user_id"].unique().to_pylist())
        for alike in by_candidate_settings(group):
            _measure_alike(snapshot, surface, alike, known, results)
        if CHALLENGER in group and strangers.num_rows:
            _measure_everybody(snapshot, strangers, past.settings, results)
    challenged = any(CHALLENGER in group for _, group in groups)
    if not results.per_user or (challenged and CHALLENGER not in results.per_user):
        raise TrainingDataError(
            f"known users with positive events in the weeks before {as_of_date}", "none", "look at events of that time"
        )
    return results


def depth_of(settings: RecommenderSettings) -> int:
    """Places of a list that are measured: those that would be published, and no more than metrics look at."""
    return min(DEPTH, settings.publication.list_size)


def per_user_of(snapshot: Snapshot, targets: Targets, lists: TopLists) -> dict[str, NDArray[np.float64]]:
    """Metrics of each user with targets, shape (users,)."""
    return _metrics(snapshot, targets, as_grid(lists, targets.users, DEPTH))


def _measure_alike(
    snapshot: Snapshot, surface: str, alike: Mapping[str, Contender], wanted: pa.Table, results: Results
) -> None:
    """Contenders that rank the same candidates."""
    first, settings = snapshot.as_of_date, next(iter(alike.values())).settings
    targets = targets_of(snapshot, wanted, surface)
    if not len(targets.users):
        return
    if CHALLENGER in alike:
        results.sources.start(targets)
        results.segments[first] = segments_of(snapshot, targets.users, settings)
    lists = top_lists(
        snapshot,
        targets.users,
        {name: contender.scorer for name, contender in alike.items()},
        settings,
        surface,
        depth_of(settings),
        watch=lambda block: results.sources.add(block, targets) if CHALLENGER in alike else None,
    )
    for name, top in lists.items():
        grid = as_grid(top, targets.users, DEPTH)
        _keep(results, name, first, _metrics(snapshot, targets, grid), snapshot.user_ids[targets.users])
        results.overall.setdefault(name, {})[first] = {
            "coverage@20": coverage(grid, int(snapshot.recommendable.sum())),
            "novelty@20": novelty(grid, snapshot.items["users"], snapshot.shape[0]),
        }


def _measure_everybody(
    snapshot: Snapshot, strangers: pa.Table, settings: RecommenderSettings, results: Results
) -> None:
    """The list for everybody, for targets of users who had no history when the week began."""
    users, row, counts = np.unique(
        strangers["user_id"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True, return_counts=True
    )
    score = popularity(settings.lists.popularity_days[0])(snapshot)
    shown = snapshot.item_ids[ordered(score, snapshot.recommendable)[: depth_of(settings)]]
    found = np.zeros((len(users), DEPTH), bool)
    place = {item: at for at, item in enumerate(shown)}
    at = np.array([place.get(item, -1) for item in strangers["item_id"].to_pylist()])
    found[row[at >= 0], at[at >= 0]] = True
    _keep(results, FOR_EVERYBODY, snapshot.as_of_date, per_user_metrics(found, counts), users)


def _keep(
    results: Results, name: str, first: date, metrics: Mapping[str, NDArray[np.float64]], users: NDArray[np.object_]
) -> None:
    import pandas as pd

    results.per_user.setdefault(name, {})[first] = pd.DataFrame(metrics, index=users)


def _metrics(snapshot: Snapshot, targets: Targets, grid: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    keys = targets.users[:, None] * snapshot.shape[1] + grid
    return per_user_metrics(is_among(keys, targets.keys) & (grid >= 0), targets.wanted)
