"""What moved the score of one published row: kept reasons, or computed again while the tables of its date are there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.candidates import propose_block
from include.recommender.contenders import BASELINE_PREFIX, contender_of
from include.recommender.contributions import BASE, Contribution, contributions_to
from include.recommender.explained_lists import FEATURES_PER_ROW
from include.recommender.tables import CHOSEN_PARAMETERS, LIST_EXPLANATIONS, USER_STATS
from include.recommender.tuning import tuned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.explained_row import PublishedRow
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

KEPT, AGAIN = "kept when the list was made", "computed again"


@dataclass(frozen=True)
class Reasons:
    """Where they come from, in words; the largest contributions to `score`, the base last; none: only the words."""

    origin: str
    contributions: tuple[Contribution, ...] = ()
    score: float = math.nan


def reasons_of(workspace: Workspace[RecommenderSettings], published: PublishedRow) -> Reasons:
    """The reasons for one row's score."""
    row = published.row
    if row["model_version"].startswith(BASELINE_PREFIX):
        return Reasons("a rule made the list: its score is a count, not a sum of contributions")
    if kept := _kept(workspace.warehouse, row):
        return Reasons(KEPT, tuple(kept), row["score"])
    if not _tables_are_there(workspace.warehouse, row):
        return Reasons(f"gone: the tables of {row['as_of_date']} are. Run that date again with publish = stage_only")
    return _again(workspace, row)


def _kept(warehouse: Warehouse, row: dict[str, Any]) -> list[Contribution]:
    """Those of the very row: the table follows the latest try of a date, a publication may be of an earlier one."""
    names = ("as_of_date", "surface", "user_id", "rank", "item_id")
    found = {
        kept["feature"]: Contribution(
            kept["feature"], math.nan if kept["value"] is None else kept["value"], kept["contribution"]
        )
        for kept in warehouse.read(LIST_EXPLANATIONS, {name: row[name] for name in names}).to_pylist()
        if _same(kept["score"], row["score"])
    }
    return sorted(found.values(), key=lambda of: (of.feature == BASE, -abs(of.contribution), of.feature))


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)


def _tables_are_there(warehouse: Warehouse, row: dict[str, Any]) -> bool:
    date = str(row["as_of_date"])
    return all({"as_of_date": date} in warehouse.partitions(table) for table in (USER_STATS, CHOSEN_PARAMETERS))


def _again(workspace: Workspace[RecommenderSettings], row: dict[str, Any]) -> Reasons:
    """By the same functions that made the list, on what the tables of its date hold of the user now."""
    from include.recommender.serving import serving_snapshot

    warehouse, day = workspace.warehouse, row["as_of_date"]
    contender = contender_of(row["model_version"], workspace.registry, tuned(warehouse, workspace.settings, day))
    users = warehouse.read(USER_STATS, {"as_of_date": day}, ["user_id"])["user_id"].to_numpy()
    user = np.flatnonzero(users == row["user_id"])
    candidates = None
    if len(user):
        snapshot = serving_snapshot(workspace, contender.settings, day, (int(user[0]), len(users)))
        candidates = propose_block(snapshot, user, contender.settings, row["surface"])
    at = _place(candidates, row["item_id"]) if candidates else np.zeros(0, np.int64)
    if candidates is None or contender.ranker is None or not len(at):
        return Reasons(f"the item is no candidate of the user any more: {_CHANGED}")
    found = contributions_to(candidates, at, contender.ranker)
    base = Contribution(BASE, math.nan, float(found.base[0]))
    score = float(found.scores[0])
    origin = AGAIN if _same(score, row["score"]) else f"{AGAIN}, for a score of {score:.4f}: {_CHANGED}"
    return Reasons(origin, (*found.top(0, FEATURES_PER_ROW), base), score)


_CHANGED = "since then items were blocked, the tables of that date built again, or the code changed"


def _place(candidates: Candidates, item_id: str) -> NDArray[np.int64]:
    return np.flatnonzero(candidates.snapshot.item_ids[candidates.item] == item_id)
