"""Rows of `outcome_metrics`: each publication that is due, as its users' occasions and showings say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.metrics import PER_USER
from include.recommender.outcomes.groups import hits_by_source, segments_of_readers
from include.recommender.outcomes.occasions import occasions_of
from include.recommender.outcomes.offline import offline_estimates
from include.recommender.outcomes.showings import CLICK_THROUGH, showings_of
from include.recommender.statistics import wanted_events
from include.retraining.monitoring.credit import HELD, HELD_DAYS, WHILE_CURRENT
from include.retraining.monitoring.estimates import estimate
from include.retraining.publication.switch_log import as_of_date_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.retraining.monitoring.credit import Reading, Stage, Window
    from include.retraining.monitoring.estimates import Estimate
    from include.retraining.warehouse.protocol import Warehouse

    Row = dict[str, Any]

ALL = "all"


@dataclass(frozen=True)
class Due:
    """A publication whose figure is due: its stage, on how many days its windows lie, and the windows."""

    stage: Stage
    days: int
    windows: Sequence[Window]


@dataclass(frozen=True)
class Group:
    """Occasions that a figure is about, as a row names them, and which of them (shape of all) they are."""

    surface: str
    arm: str
    model_version: str
    members: NDArray[np.bool_]


def metric_rows(
    warehouse: Warehouse, settings: RecommenderSettings, computed_for: date, reading: Reading, due: Mapping[str, Due]
) -> Iterator[Row]:
    """Rows of OUTCOME_METRICS of one reading, for the publications that are due, by id."""
    if not due:
        return
    metric = settings.promotion.metric
    foretold = cache(partial(offline_estimates, warehouse, wanted_events(settings)))
    for publication_id, each in due.items():
        common = _common(computed_for, publication_id, reading, each)
        occasions = occasions_of(warehouse, settings, publication_id, each.windows, computed_for)
        users, segments = occasions.users, segments_of_readers(warehouse, settings, occasions)
        brought = {
            name: occasions.metrics_of(kept)[metric] for name, kept in hits_by_source(warehouse, occasions).items()
        }
        for group in _groups(users):
            # The evaluation's weeks have 7 days, too: figures of other spans would not compare.
            whole = reading == HELD and each.days == HELD_DAYS == settings.training.holdout_days
            made_by = set(users["model_version"][group.members]) if group.arm or group.model_version else set()
            known = foretold(group.surface, *made_by, common["as_of_date"]) if whole and len(made_by) == 1 else {}
            for row in _figures(users, segments, brought, group, metric):
                offline = known.get((row["group_name"], row["metric"])) if row["dimension"] != "list_source" else None
                yield {**common, **row, **_foretold(offline)}
    if reading == WHILE_CURRENT:
        yield from _showing_rows(warehouse, settings, computed_for, due)


def _common(computed_for: date, publication_id: str, reading: Reading, due: Due) -> Row:
    return {
        "computed_for": computed_for, "publication_id": publication_id, "as_of_date": as_of_date_of(publication_id),
        "reading": reading, "stage": due.stage, "days": due.days,
    }  # fmt: skip


def _groups(users: pd.DataFrame) -> Iterator[Group]:
    """All users of a surface, those of each arm, and those of each model version, of one publication's users.

    Who had no list of their own is among all only: these differ from those of an arm in more than their list.
    """
    for surface in sorted(set(users["surface"])):
        on_it = (users["surface"] == surface).to_numpy()
        yield Group(surface, "", "", on_it)
        for name in ("arm", "model_version"):
            for value in sorted(set(users[name][on_it].dropna())):
                own = {"arm": "", "model_version": "", name: value}
                yield Group(surface, own["arm"], own["model_version"], on_it & (users[name] == value).to_numpy())


def _figures(
    users: pd.DataFrame, segments: pd.DataFrame, brought: Mapping[str, NDArray[np.float64]], group: Group, metric: str
) -> Iterator[Row]:
    """Every metric of a group, and one of its segments and sources, which are not told by model version.

    `brought` is what that metric would be of each user if only one source's places counted, by source.
    """
    for name in PER_USER:
        yield _row(group, ALL, ALL, name, _mean(users[name].to_numpy()[group.members]))
    if group.model_version:
        return
    for kind in segments.columns:
        values = segments[kind]
        for name in sorted(set(values[group.members].dropna())):
            inside = group.members & (values == name).to_numpy()
            yield _row(group, "segment", name, metric, _mean(users[metric].to_numpy()[inside]))
    for name, figures in brought.items():
        if figures[group.members].any():
            yield _row(group, "list_source", name, metric, _mean(figures[group.members]))


def _showing_rows(
    warehouse: Warehouse, settings: RecommenderSettings, computed_for: date, due: Mapping[str, Due]
) -> Iterator[Row]:
    """Click-through of those who were shown something, in all and by position."""
    first = min(as_of_date_of(name) for name in due)
    shown = showings_of(warehouse, settings, due, first, computed_for)
    for publication_id, each in due.items():
        common = {**_common(computed_for, publication_id, WHILE_CURRENT, each), **_foretold(None)}
        own = shown[shown["publication_id"] == publication_id]
        for group in _groups(own):
            rows = own[group.members]
            yield common | _row(group, ALL, ALL, CLICK_THROUGH, click_through(rows))
            for position, part in rows.groupby("position") if not group.model_version else ():
                yield common | _row(group, "position", str(position), CLICK_THROUGH, click_through(part))


def click_through(shown: pd.DataFrame) -> Estimate:
    """Clicks per showing of the users in rows of showings_of."""
    per_user = shown.groupby("user_id", observed=True)[["clicked", "shown"]].sum()
    return estimate(per_user["clicked"].to_numpy(np.float64), per_user["shown"].to_numpy(np.float64))


def _mean(values: NDArray[np.float64]) -> Estimate:
    return estimate(values, np.ones(len(values)))


def _row(group: Group, dimension: str, name: str, metric: str, figure: Estimate) -> Row:
    low, high = figure.interval
    return {
        "surface": group.surface, "arm": group.arm, "model_version": group.model_version, "dimension": dimension,
        "group_name": name, "metric": metric, "users": figure.users, "mean": figure.mean, "low": none_if_nan(low),
        "high": none_if_nan(high),
    }  # fmt: skip


def _foretold(offline: Any) -> Row:
    return {f"offline_{name}": getattr(offline, name, None) for name in ("mean", "low", "high")}


def none_if_nan(value: float) -> float | None:
    """Tables keep what is not known as null."""
    return None if math.isnan(value) else value
