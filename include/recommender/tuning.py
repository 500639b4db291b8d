"""What a run chooses from the short lists in its settings, by past weeks that end before any evaluated one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from include.recommender.arrays import is_among
from include.recommender.candidates import only_from
from include.recommender.evaluation import depth_of, per_user_of
from include.recommender.lists import similar_rows, top_lists
from include.recommender.parallel import parallel_map
from include.recommender.past_date import PastDate
from include.recommender.sampling import sampled_targets
from include.recommender.settings import SURFACES
from include.recommender.similarities import compute_similarities
from include.recommender.statistics import targets_between
from include.recommender.tables import CHOSEN_PARAMETERS
from include.recommender.training_set import targets_of
from include.retraining.errors import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.recommender.training_set import Targets
    from include.retraining.warehouse.protocol import Warehouse

    Trials = Mapping[Any, NDArray[np.float64]]


class Week(NamedTuple):
    """A past week: everybody's pairs when it began; the state of some users; their targets."""

    everybody: Snapshot
    snapshot: Snapshot
    targets: Mapping[str, Targets]


# EASE of so many items is enough to compare regularisations, and quick.
TRIAL_ITEMS = 2000
REGULARISATION, POPULARITY, FALLBACK, SIMILAR = (
    "ease.regularisation", "lists.popularity_days", "lists.fallback", "lists.similar_method",
)  # fmt: skip


def choose_parameters(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date) -> pa.Table:
    """Rows of CHOSEN_PARAMETERS: every value of every short list, what it scored on past weeks, and which one it is.

    A list of one value is not tried.
    """
    import pyarrow as pa

    lists = {parameter: _values(settings, parameter) for parameter in TRIALS}
    tried = [parameter for parameter, values in lists.items() if len(values) > 1]

    trials = [(parameter, value) for parameter in tried for value in lists[parameter]]

    def trials_of(back: int) -> dict[tuple[str, Any], NDArray[np.float64]]:
        week = _past_week(warehouse, settings, as_of_date, back)

        def measure(trial: tuple[str, Any]) -> NDArray[np.float64]:
            return TRIALS[trial[0]].per_user(week, settings, trial[1])

        return dict(zip(trials, parallel_map(measure, trials, settings.training.threads), strict=True))

    # One week after the other: each holds everybody's pairs.
    weeks = [trials_of(back) for back in range(settings.tuning.weeks if tried else 0)]
    rows: list[dict[str, Any]] = []
    for parameter, (metric, _) in TRIALS.items():
        measured = weeks if parameter in tried else []
        scores = {
            value: np.concatenate([np.zeros(0), *(week[parameter, value] for week in measured)])
            for value in lists[parameter]
        }
        chosen = choose(scores)
        rows += [
            {
                "as_of_date": as_of_date, "parameter": parameter, "value": json.dumps(value), "metric": metric,
                "mean": float(score.mean()) if len(score) else None, "users": len(score), "chosen": value == chosen,
            }
            for value, score in scores.items()
        ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=CHOSEN_PARAMETERS.schema)


def choose(scores: Trials) -> Any:
    """The value of highest mean score, but the first one unless that beats it by more than one standard error.

    The first also stands where there is no past week to choose by.

    Scores are per user, shape (users,), the same users for each value. One-standard-error rule: Breiman et al. 1984.
    """
    first = next(iter(scores))
    best = max(scores, key=lambda value: scores[value].mean() if len(scores[value]) else 0.0)
    difference = scores[best] - scores[first]
    if len(difference) < 2 or difference.mean() <= difference.std(ddof=1) / np.sqrt(len(difference)):
        return first
    return best


def tuned(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date) -> RecommenderSettings:
    """The settings with each short list replaced by what the run of as_of_date chose."""
    rows = warehouse.read(CHOSEN_PARAMETERS, {"as_of_date": as_of_date}).to_pylist()
    chosen = {row["parameter"]: json.loads(row["value"]) for row in rows if row["chosen"]}
    if missing := sorted(set(TRIALS) - set(chosen)):
        raise TrainingDataError(
            f"a choice of {', '.join(missing)} for {as_of_date}", "none", "clear choose_parameters of that date"
        )
    for parameter, value in chosen.items():
        section, key = parameter.split(".")
        own = getattr(settings, section).model_copy(update={key: (value,)})
        settings = settings.model_copy(update={section: own})
    return settings


def _past_week(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date, back: int) -> Week:
    """State and targets by surface of a week; the latest one ends where the earliest evaluated week begins."""
    end = as_of_date - timedelta(days=settings.training.holdout_days * settings.evaluation.weeks)
    first = end - timedelta(days=settings.training.label_days * (back + 1))
    window_end = first + timedelta(days=settings.training.label_days)
    past = PastDate(warehouse, settings, first, as_of_date)
    known, _ = past.known_and_strangers(targets_between(warehouse, settings, first, window_end, as_of_date))
    wanted = sampled_targets(known, settings.tuning.max_users, "tuning")
    snapshot = past.of_users(wanted["user_id"].unique().to_pylist())
    return Week(past.touched, snapshot, {surface: targets_of(snapshot, wanted, surface) for surface in SURFACES})


def _regularisation(week: Week, settings: RecommenderSettings, value: float) -> NDArray[np.float64]:
    """NDCG@10 on new items of EASE alone."""
    own = settings.ease.model_copy(update={"regularisation": (value,), "max_items": TRIAL_ITEMS})
    tried = settings.model_copy(update={"ease": own})
    found = compute_similarities(week.everybody, tried, ["ease_60d"])
    return _ndcg(replace(week.snapshot, similarities=found), week.targets, tried, "discover", "ease_60d")


def _popularity(week: Week, settings: RecommenderSettings, value: int) -> NDArray[np.float64]:
    """NDCG@10 of one list for everybody, by users of so many days."""
    return _ndcg(week.snapshot, week.targets, settings, "for_you", f"popularity_{value}d")


def _fallback(week: Week, settings: RecommenderSettings, value: str) -> NDArray[np.float64]:
    """NDCG@10 of a baseline."""
    return _ndcg(
        week.snapshot, week.targets, settings, "for_you", {"own_history": "own_history"}.get(value, "popularity_28d")
    )


def _similar(week: Week, settings: RecommenderSettings, value: str) -> NDArray[np.float64]:
    """Per user: of the new items of the week, the share among the items most like those of the user's last day."""
    return next_covisits(week.snapshot, week.targets["discover"], value, settings.lists.similar_size)


class Trial(NamedTuple):
    """How a value of a short list is measured on a week: the metric's name, and its values, shape (users,)."""

    metric: str
    per_user: Callable[[Week, RecommenderSettings, Any], NDArray[np.float64]]


TRIALS: Mapping[str, Trial] = {
    REGULARISATION: Trial("ndcg@10", _regularisation),
    POPULARITY: Trial("ndcg@10", _popularity),
    FALLBACK: Trial("ndcg@10", _fallback),
    SIMILAR: Trial("next_covisits", _similar),
}


def next_covisits(snapshot: Snapshot, targets: Targets, method: str, size: int) -> NDArray[np.float64]:
    """Quality of `similar_items`, shape (users,): how well an item's neighbours foretell what its users touch next.

    Of each user with targets, the mean over the items of the last day of the share of targets among the `size` items
    most like it.
    """
    wide = snapshot.shape[1]
    last = (snapshot.pairs["last_visit"] == 1) & (snapshot.pairs["events"] > 0)
    user, seen = snapshot.pair_user[last], snapshot.pair_item[last]
    item, _, similar, _ = similar_rows(snapshot, method, size, np.unique(seen))
    start, end = np.searchsorted(item, seen), np.searchsorted(item, seen, side="right")
    lengths = end - start
    at = np.repeat(start - np.r_[0, np.cumsum(lengths)[:-1]], lengths) + np.arange(lengths.sum())
    hit = is_among(np.repeat(user, lengths) * wide + similar[at], targets.keys)
    hits = np.bincount(np.repeat(user, lengths), hit, minlength=snapshot.shape[0])[targets.users]
    items = np.bincount(user, minlength=snapshot.shape[0])[targets.users]
    return np.asarray(hits / np.maximum(items, 1) / targets.wanted)


def _ndcg(
    snapshot: Snapshot, targets: Mapping[str, Targets], settings: RecommenderSettings, surface: str, source: str
) -> NDArray[np.float64]:
    """NDCG@10 per user with targets of lists from one source alone; popularity fills up."""
    users = targets[surface].users
    depth = depth_of(settings)
    alone = only_from(settings, {source: depth})
    lists = top_lists(snapshot, users, {source: lambda c: c.scores[source]}, alone, surface, depth)[source]
    return per_user_of(snapshot, targets[surface], lists)["ndcg@10"]


def _values(settings: RecommenderSettings, parameter: str) -> tuple[Any, ...]:
    section, key = parameter.split(".")
    return tuple(getattr(getattr(settings, section), key))
