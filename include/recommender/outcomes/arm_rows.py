"""Rows of `arm_comparisons`: the ranker's arm against those held back from it, over the last publications."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.metrics import PER_USER
from include.recommender.outcomes.due import checked_publications
from include.recommender.outcomes.metric_rows import click_through, none_if_nan
from include.recommender.outcomes.occasions import occasions_in
from include.recommender.outcomes.showings import CLICK_THROUGH, showings_of
from include.recommender.sql import sql
from include.retraining.experiment import BASELINE, RANKER
from include.retraining.monitoring.arm_comparison import compare
from include.retraining.monitoring.credit import HELD, HELD_DAYS, WHILE_CURRENT, current_windows, held_windows, midnight
from include.retraining.monitoring.estimates import by_user, estimate
from include.retraining.publication.switch_log import read_switch_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import pandas as pd

    from include.recommender.settings import RecommenderSettings
    from include.retraining.monitoring.credit import Reading, Window
    from include.retraining.monitoring.estimates import Estimate
    from include.retraining.warehouse.protocol import Warehouse

    Figures = dict[str, Estimate]

WANTED_ITEMS = "wanted_items"
ARMS = (RANKER, BASELINE)


def arm_rows(warehouse: Warehouse, settings: RecommenderSettings, computed_for: date) -> Iterator[dict[str, Any]]:
    """Rows of ARM_COMPARISONS, of both readings; none where no publication of the window had two arms."""
    for reading, windows in _windows(warehouse, settings, computed_for).items():
        for surface, own in sorted(_with_two_arms(warehouse, windows).items()):
            for metric, (arm, reference) in _figures(warehouse, settings, reading, surface, own, computed_for).items():
                found = compare(arm, reference, 1 - settings.experiment.hold_back_share, settings.outcomes)
                yield {
                    "computed_for": computed_for, "surface": surface, "arm": RANKER, "reference_arm": BASELINE,
                    "reading": reading, "metric": metric, "days": settings.outcomes.window_days, "users": arm.users,
                    "reference_users": reference.users, "mean": none_if_nan(arm.mean),
                    "reference_mean": none_if_nan(reference.mean), "difference": none_if_nan(found.difference),
                    "low": none_if_nan(found.low), "high": none_if_nan(found.high), "verdict": found.verdict,
                    "sample_ratio_p": found.sample_ratio_p,
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


def _with_two_arms(warehouse: Warehouse, windows: Sequence[Window]) -> dict[str, list[Window]]:
    """By surface, the windows of publications in which somebody was held back from a ranker there."""
    names = sorted({window.publication_id for window in windows})
    found: dict[str, list[Window]] = {}
    rows = warehouse.query(sql("outcome_publications"), {"publication_ids": names}).to_pylist() if names else []
    for row in rows:
        own = [window for window in windows if window.publication_id == row["publication_id"]]
        found.setdefault(row["surface"], []).extend(own)
    return found


def _figures(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    reading: Reading,
    surface: str,
    windows: Sequence[Window],
    computed_for: date,
) -> dict[str, tuple[Estimate, Estimate]]:
    """By metric, the figure of the arm and of its reference."""
    users = occasions_in(warehouse, settings, windows, computed_for).users
    users = _in_one_arm(users[users["surface"] == surface])
    figures = {arm: _per_occasion(users[users["arm"] == arm]) for arm in ARMS}
    if reading == WHILE_CURRENT:
        names = sorted({window.publication_id for window in windows})
        first = min(window.started_at for window in windows).date()
        counted = warehouse.query(sql("outcome_arms"), {"publication_ids": names, "surface": surface}).to_pylist()
        sizes = {row["arm"]: int(row["users"]) for row in counted}
        shown = showings_of(warehouse, settings, names, first, computed_for)
        shown = _in_one_arm(shown[shown["surface"] == surface])
        for arm in ARMS:
            figures[arm][WANTED_ITEMS] = _per_member(users[users["arm"] == arm], sizes.get(arm, 0))
            if len(shown):
                figures[arm][CLICK_THROUGH] = click_through(shown[shown["arm"] == arm])
    return {metric: (figures[RANKER][metric], figures[BASELINE][metric]) for metric in figures[RANKER]}


def _in_one_arm(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of users who were in one arm all the time: others, after a change of salt or share, belong to neither."""
    rows = rows[rows["arm"].notna()]
    return rows[rows.groupby("user_id")["arm"].transform("nunique") == 1]


def _per_occasion(users: pd.DataFrame) -> Figures:
    """The list metrics of one arm: means over occasions, with users as units."""
    whose = users.groupby("user_id").ngroup().to_numpy()
    return {metric: estimate(*by_user(whose, users[metric].to_numpy())) for metric in PER_USER}


def _per_member(users: pd.DataFrame, members: int) -> Estimate:
    """What each member of an arm wanted in all: 0 for who wanted nothing, so that no arm chooses who is counted."""
    wanted = users.groupby("user_id")["wanted"].sum().to_numpy(np.float64)
    return estimate(wanted, np.ones(len(wanted)), idle=max(members - len(wanted), 0))
