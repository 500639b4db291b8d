"""Measurements as rows of `evaluation_results`, and the evidence that the policy reads from those rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.baselines import baselines_of
from include.recommender.evaluation import CHALLENGER, CHAMPION, FOR_EVERYBODY
from include.recommender.metrics import PER_USER
from include.recommender.statistics import wanted_events
from include.retraining.promotion.paired_bootstrap import Interval, bootstrap_mean
from include.retraining.promotion.policy import Evidence, SegmentEvidence
from include.retraining.tables import EVALUATION_RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    import pandas as pd
    import pyarrow as pa

    from include.recommender.evaluation import Results
    from include.recommender.settings import RecommenderSettings
    from include.retraining.settings import Promotion

EVERYBODY = "all"
NO_HISTORY = "no history"


def result_rows(
    results: Results, labels: Mapping[str, str], as_of_date: date, surface: str, settings: RecommenderSettings
) -> pa.Table:
    """Rows of EVALUATION_RESULTS. `labels` are the model versions by contender."""
    import pyarrow as pa

    promotion, wanted = settings.promotion, wanted_events(settings)
    frames = {name: _pooled(weeks) for name, weeks in results.per_user.items()}
    segments = _pooled(results.segments)
    rows = [
        *_metric_rows({name: frame for name, frame in frames.items() if name != FOR_EVERYBODY}, segments, promotion),
        *_difference_rows(frames, segments, promotion),
        *_everybody_rows(frames, promotion),
        *_overall_rows(results, frames),
        *_overall_difference_rows(results, frames),
        *_source_rows(results, _people(segments)),
    ]
    full = [
        {
            "as_of_date": as_of_date, "surface": surface, "contender": contender, "versus": versus, "segment": segment,
            "metric": metric, "model_version": labels.get(contender, ""), "mean": interval.mean, "low": interval.low,
            "high": interval.high, "users": interval.users, "wanted": wanted,
        }
        for contender, versus, segment, metric, interval in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(full, schema=EVALUATION_RESULTS.schema)


def evidence_from(rows: pa.Table, surface: str, promotion: Promotion) -> Evidence:
    """What the policy needs, from the rows of a surface."""
    found = {
        (row["contender"], row["versus"], row["segment"], row["metric"]): Interval(
            row["mean"], row["low"], row["high"], row["users"]
        )
        for row in rows.to_pylist()
    }
    means = {name: found[name, "", EVERYBODY, promotion.metric] for name in baselines_of(surface)}
    best = max(means, key=lambda name: means[name].mean)
    over_champion = found.get((CHALLENGER, CHAMPION, EVERYBODY, promotion.metric))
    incumbent = CHAMPION if over_champion else best

    return Evidence(
        best_baseline=best,
        baseline_mean=means[best].mean,
        over_baseline=found[CHALLENGER, best, EVERYBODY, promotion.metric],
        over_champion=over_champion,
        segments=tuple(
            SegmentEvidence(segment, interval, found[incumbent, "", segment, promotion.metric].mean)
            for (contender, versus, segment, metric), interval in found.items()
            if (contender, versus, metric) == (CHALLENGER, incumbent, promotion.metric)
            and segment != EVERYBODY
            and not segment.startswith("week ")
        ),
        weeks=sum(
            (contender, versus) == (CHALLENGER, best) and segment.startswith("week ")
            for contender, versus, segment, _ in found
        ),
        coverage=_of_shared_weeks(found, "coverage@20", incumbent),
        novelty=_of_shared_weeks(found, "novelty@20", incumbent),
    )


def _of_shared_weeks(
    found: Mapping[tuple[str, str, str, str], Interval], metric: str, incumbent: str
) -> dict[str, float]:
    """A metric without users, of incumbent and challenger: means over the incumbent's weeks, which both have."""
    own, more = found.get((incumbent, "", EVERYBODY, metric)), found.get((CHALLENGER, incumbent, EVERYBODY, metric))
    if own is None:
        return {}
    return {incumbent: own.mean} | ({CHALLENGER: own.mean + more.mean} if more else {})


Row = tuple[str, str, str, str, Interval]


def _pooled(weeks: Mapping[date, pd.DataFrame]) -> pd.DataFrame:
    """One frame with a row per week and user, indexed by both."""
    import pandas as pd

    return pd.concat(weeks, names=["week", "user_id"]).sort_index()


def _metric_rows(frames: Mapping[str, pd.DataFrame], segments: pd.DataFrame, promotion: Promotion) -> Iterator[Row]:
    for name, frame in frames.items():
        for metric in PER_USER:
            yield name, "", EVERYBODY, metric, _interval(frame, metric, promotion)
        for segment, part in _parts(frame, segments):
            yield name, "", segment, promotion.metric, _interval(part, promotion.metric, promotion)


def _difference_rows(frames: Mapping[str, pd.DataFrame], segments: pd.DataFrame, promotion: Promotion) -> Iterator[Row]:
    """Challenger minus each other, over the weeks and users that both were measured on."""
    for versus, frame in frames.items():
        if versus in (CHALLENGER, FOR_EVERYBODY):
            continue
        difference = (frames[CHALLENGER] - frame).dropna()
        for metric in PER_USER:
            yield CHALLENGER, versus, EVERYBODY, metric, _interval(difference, metric, promotion)
        for segment, part in _parts(difference, segments):
            yield CHALLENGER, versus, segment, promotion.metric, _interval(part, promotion.metric, promotion)


def _everybody_rows(frames: Mapping[str, pd.DataFrame], promotion: Promotion) -> Iterator[Row]:
    if FOR_EVERYBODY in frames:
        for metric in PER_USER:
            yield FOR_EVERYBODY, "", NO_HISTORY, metric, _interval(frames[FOR_EVERYBODY], metric, promotion)


def _overall_rows(results: Results, frames: Mapping[str, pd.DataFrame]) -> Iterator[Row]:
    for name, weeks in results.overall.items():
        for metric in next(iter(weeks.values())):
            yield name, "", EVERYBODY, metric, _exact([of[metric] for of in weeks.values()], _people(frames[name]))


def _overall_difference_rows(results: Results, frames: Mapping[str, pd.DataFrame]) -> Iterator[Row]:
    """Challenger minus each other, over the weeks that both were measured on."""
    challenger = results.overall[CHALLENGER]
    for versus, weeks in results.overall.items():
        shared = sorted(challenger.keys() & weeks.keys())
        if versus == CHALLENGER or not shared:
            continue
        people = _people((frames[CHALLENGER] - frames[versus]).dropna())
        for metric in challenger[shared[0]]:
            differences = [challenger[week][metric] - weeks[week][metric] for week in shared]
            yield CHALLENGER, versus, EVERYBODY, metric, _exact(differences, people)


def _source_rows(results: Results, users: int) -> Iterator[Row]:
    for name, metric, value in results.sources.rows():
        yield name, "", EVERYBODY, metric, _exact([value], users)


def _parts(frame: pd.DataFrame, segments: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """(segment, its rows) of every kind of segment, and of every week."""
    for week, part in frame.groupby(level="week"):
        yield f"week {week}", part
    for kind in segments.columns:
        of = segments[kind].reindex(frame.index)
        for name, part in frame.groupby(of):
            yield f"{kind}: {name}" if kind == "category" else str(name), part


def _interval(frame: pd.DataFrame, metric: str, promotion: Promotion) -> Interval:
    users = frame.index.get_level_values("user_id").to_numpy()
    return bootstrap_mean(frame[metric].to_numpy(), promotion.bootstrap_samples, promotion.seed, users)


def _people(frame: pd.DataFrame) -> int:
    return int(frame.index.get_level_values("user_id").nunique())


def _exact(values: list[Any], users: int) -> Interval:
    mean = float(np.mean(values))
    return Interval(mean, mean, mean, users)
