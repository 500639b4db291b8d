"""Rows of `arm_comparisons`: the ranker's arm against those held back from it, over the newest experiment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from include.recommender.metrics import PER_USER
from include.recommender.outcomes.due import by_publication, checked_publications
from include.recommender.outcomes.metric_rows import click_through, none_if_nan
from include.recommender.outcomes.occasions import occasions_of
from include.recommender.outcomes.showings import CLICK_THROUGH, showings_of
from include.recommender.sql import sql
from include.retraining.experiment import BASELINE, RANKER, experiments_of
from include.retraining.monitoring.arm_comparison import compare
from include.retraining.monitoring.credit import HELD, HELD_DAYS, WHILE_CURRENT, current_windows, held_windows, midnight
from include.retraining.monitoring.estimates import by_user, estimate
from include.retraining.publication.switch_log import read_switch_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    import pandas as pd

    from include.recommender.settings import RecommenderSettings
    from include.retraining.monitoring.credit import Reading, Window
    from include.retraining.monitoring.estimates import Estimate
    from include.retraining.settings import Experiment
    from include.retraining.warehouse.protocol import Warehouse

    # By metric, of the arm and of its reference.
    Figures = dict[str, tuple[Estimate, Estimate]]

WANTED_ITEMS = "wanted_items"


def arm_rows(warehouse: Warehouse, settings: RecommenderSettings, computed_for: date) -> Iterator[dict[str, Any]]:
    """Rows of ARM_COMPARISONS, of both readings; none where no publication of the window had two arms."""
    for reading, windows in _windows(warehouse, settings, computed_for).items():
        experiments = _newest_experiments(warehouse, windows)
        surfaces = {surface: published for surface, (_, published) in experiments.items()}
        names = set().union(*surfaces.values())
        own = [window for window in windows if window.publication_id in names]
        if not own:
            continue
        users = _in_arms(warehouse, settings, surfaces, own, computed_for)
        shown = _shown_in_arms(warehouse, settings, surfaces, own, computed_for) if reading == WHILE_CURRENT else {}
        for surface, published in sorted(surfaces.items()):
            ours, share = _numbered(users[surface]), experiments[surface][0].hold_back_share
            figures, members = _list_figures(ours), _members(warehouse, surface, published)
            if reading == WHILE_CURRENT:
                figures |= _wanted_figures(ours, members)
                figures |= _shown_figures(shown[surface])
            sizes = members.get(RANKER, 0), members.get(BASELINE, 0)
            for metric, (arm, reference) in figures.items():
                found = compare(arm, reference, 1 - share, settings.outcomes, sizes)
                yield {
                    "computed_for": computed_for, "surface": surface, "arm": RANKER, "reference_arm": BASELINE,
                    "reading": reading, "metric": metric, "days": settings.outcomes.window_days, "users": arm.users,
                    "reference_users": reference.users, "mean": none_if_nan(arm.mean),
                    "reference_mean": none_if_nan(reference.mean), "difference": none_if_nan(found.difference),
                    "low": none_if_nan(found.low), "high": none_if_nan(found.high), "verdict": found.verdict,
                    "sample_ratio_p": found.sample_ratio_p, "came_ratio_p": found.came_ratio_p,
                }  # fmt: skip


def _windows(warehouse: Warehouse, settings: RecommenderSettings, computed_for: date) -> dict[Reading, list[Window]]:
    """The times readers had each publication in the last days, and the whole 7 days of those held that lie in them."""
    timezone, first = settings.business.timezone, computed_for - timedelta(days=settings.outcomes.window_days)
    began = midnight(first, timezone)
    current = current_windows(read_switch_log(warehouse), computed_for, timezone)
    names = checked_publications(warehouse, first, computed_for - timedelta(days=HELD_DAYS))
    return {
        WHILE_CURRENT: [
            replace(window, started_at=max(window.started_at, began)) for window in current if window.ended_at > began
        ],
        HELD: held_windows(names, computed_for, timezone),
    }


def _newest_experiments(warehouse: Warehouse, windows: Sequence[Window]) -> dict[str, tuple[Experiment, set[str]]]:
    """By surface, the newest experiment and its publications: those in which somebody was held back from a ranker.

    One salt and share are one experiment. Pooled with others, users would have changed arms, and the arms' shares would
    differ from day to day (Simpson's paradox): Crook et al. 2009, doi:10.1145/1557019.1557139.
    """
    names = sorted({window.publication_id for window in windows})
    experiments = experiments_of(warehouse, names) if names else {}
    rows = warehouse.query(sql("outcome_publications"), {"publication_ids": names}).to_pylist() if names else []
    found: dict[str, tuple[Experiment, set[str]]] = {}
    for surface in sorted({row["surface"] for row in rows}):
        two_arms = {row["publication_id"] for row in rows if row["surface"] == surface}
        own = {name: experiment for name, experiment in experiments.items() if name in two_arms}
        if own:
            newest = list(own.values())[-1]
            found[surface] = newest, {name for name, experiment in own.items() if experiment == newest}
    return found


def _in_arms(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    surfaces: Mapping[str, set[str]],
    windows: Sequence[Window],
    computed_for: date,
) -> dict[str, pd.DataFrame]:
    """By surface, the occasions of users who were in an arm, publication by publication."""
    import pandas as pd

    # Numbers in place of text: there is a row for every occasion of two weeks.
    arms = pd.CategoricalDtype([RANKER, BASELINE])
    parts: dict[str, list[pd.DataFrame]] = {surface: [] for surface in surfaces}
    for publication_id, own in sorted(by_publication(windows).items()):
        users = occasions_of(warehouse, settings, publication_id, own, computed_for).users
        for surface, published in surfaces.items():
            if publication_id in published:
                on_it = users[(users["surface"] == surface) & users["arm"].notna()]
                parts[surface].append(on_it[["user_id", "arm", "wanted", *PER_USER]].astype({"arm": arms}))
    return {surface: pd.concat(found, ignore_index=True) for surface, found in parts.items()}


def _shown_in_arms(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    surfaces: Mapping[str, set[str]],
    windows: Sequence[Window],
    computed_for: date,
) -> dict[str, pd.DataFrame]:
    """By surface, what users who were in an arm were shown."""
    began = min(window.started_at for window in windows)
    first = began.astimezone(ZoneInfo(settings.business.timezone)).date()
    shown = showings_of(warehouse, settings, set().union(*surfaces.values()), first, computed_for)
    return {
        surface: shown[(shown["surface"] == surface) & shown["publication_id"].isin(published) & shown["arm"].notna()]
        for surface, published in surfaces.items()
    }


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a number for each user."""
    import pandas as pd

    return rows.assign(user=pd.factorize(rows["user_id"], sort=True)[0])


def _list_figures(users: pd.DataFrame) -> Figures:
    """The list metrics, arm and reference: means over occasions, with users as units."""

    def figure(arm: str, metric: str) -> Estimate:
        own = users[users["arm"] == arm]
        return estimate(*by_user(own["user"].to_numpy(), own[metric].to_numpy()))

    return {metric: (figure(RANKER, metric), figure(BASELINE, metric)) for metric in PER_USER}


def _wanted_figures(users: pd.DataFrame, members: Mapping[str, int]) -> Figures:
    """What each member of an arm wanted in all: 0 for who wanted nothing, so that no arm chooses who is counted."""

    def figure(arm: str) -> Estimate:
        wanted = users[users["arm"] == arm].groupby("user")["wanted"].sum().to_numpy(np.float64)
        return estimate(wanted, np.ones(len(wanted)), idle=max(members.get(arm, 0) - len(wanted), 0))

    return {WANTED_ITEMS: (figure(RANKER), figure(BASELINE))}


def _members(warehouse: Warehouse, surface: str, published: set[str]) -> dict[str, int]:
    """How many users each arm has."""
    asked = {"publication_ids": sorted(published), "surface": surface}
    return {row["arm"]: int(row["users"]) for row in warehouse.query(sql("outcome_arms"), asked).to_pylist()}


def _shown_figures(shown: pd.DataFrame) -> Figures:
    """Clicks per showing of each arm; nothing where nothing was shown."""
    if not len(shown):
        return {}
    return {
        CLICK_THROUGH: (click_through(shown[shown["arm"] == RANKER]), click_through(shown[shown["arm"] == BASELINE]))
    }
