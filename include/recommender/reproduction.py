"""Trains a champion again from what was kept of it, and compares the model and the lists it makes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.contenders import contender_from, ranker_contender
from include.recommender.features import LEARNED
from include.recommender.lists import top_lists
from include.recommender.office import registered
from include.recommender.ranker import train_ranker
from include.recommender.serving import middle_users, serving_snapshot
from include.recommender.settings import Training
from include.recommender.tables import TRAINING_SET, USER_STATS
from include.retraining.code_version import code_version
from include.retraining.content_hash import content_hash
from include.retraining.monitoring.tables import REPRODUCTIONS
from include.retraining.promotion.decisions import champion_version

if TYPE_CHECKING:
    import pyarrow as pa

    from include.recommender.contenders import Contender
    from include.recommender.lists import TopLists
    from include.recommender.ranker import Ranker
    from include.recommender.settings import RecommenderSettings
    from include.retraining.registry import RegisteredModel
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

COMPARED_USERS = 200
KEPT, AGAIN = "kept", "again"


def reproduce(workspace: Recommender, run: Run, surface: str) -> dict[str, Any] | None:
    """Append to `reproductions` how a surface's champion came out again; the row, or None without a champion."""
    import pyarrow as pa

    label = champion_version(workspace.warehouse, surface, run.as_of_date + timedelta(days=1))
    if label is None:
        return None
    model = registered(workspace, label)
    found = {
        **dict.fromkeys(REPRODUCTIONS.columns), "as_of_date": run.as_of_date, "surface": surface,
        "model_version": label, "kept_sha256": model.tags["model_sha256"], "again_sha256": "", "same_model": False,
        "users_compared": 0, "same_lists": 0, "run_id": run.run_id, "recorded_at": datetime.now(UTC),
        **_outcome(workspace, run.as_of_date, surface, model),
    }  # fmt: skip
    workspace.warehouse.append_once(REPRODUCTIONS, pa.Table.from_pylist([found], schema=REPRODUCTIONS.schema))
    return found


def _outcome(workspace: Recommender, as_of_date: date, surface: str, model: RegisteredModel) -> dict[str, Any]:
    where = {"as_of_date": date.fromisoformat(model.tags["as_of_date"]), "surface": surface}
    rows, code = workspace.warehouse.read(TRAINING_SET, where), _code(model)
    if obstacle := _obstacle(model, rows):
        return {"verdict": "not_possible", "why": "; ".join([obstacle, *code])}
    again = train_ranker(rows, Training(**json.loads(model.tags["training_settings"])))
    kept = ranker_contender(workspace.registry, model, workspace.settings)
    kept_sha256 = kept.ranker.sha256 if kept.ranker else ""
    same = again.sha256 == kept_sha256
    compared = _compared(workspace, as_of_date, surface, kept, again)
    differs = [] if same else ["the model's bytes differ"]
    if kept_sha256 != model.tags["model_sha256"]:
        differs.append("the kept file is not the one that was registered")
    if compared["same_lists"] < compared["users_compared"]:
        differs.append(f"{compared['users_compared'] - compared['same_lists']} lists differ")
    said = [*differs, *([] if compared["users_compared"] else ["no lists to compare"]), *code]
    return {
        "kept_sha256": kept_sha256, "again_sha256": again.sha256, "same_model": same, **compared,
        "verdict": "differs" if differs else "same", "why": "; ".join(said) or "the same bytes, the same lists",
    }  # fmt: skip


def _code(model: RegisteredModel) -> list[str]:
    """Said whatever the verdict is: equal models of different code are news too."""
    kept, now = model.tags["code_version"], code_version()
    return [] if kept == now else [f"code version differs: {kept} then, {now} now"]


def _obstacle(model: RegisteredModel, rows: pa.Table) -> str:
    """What makes training again impossible; empty where nothing does."""
    if rows.num_rows == 0:
        return "training set expired"
    if json.loads(model.tags["features"]) != list(LEARNED):
        return "other features are learnt now"
    if content_hash(TRAINING_SET, rows) != model.tags["training_set"]:
        return "the kept training set is not what it learnt from: built again, or a person was forgotten"
    return ""


def _compared(workspace: Recommender, as_of_date: date, surface: str, kept: Contender, again: Ranker) -> dict[str, Any]:
    """Lists of both for some users, on the newest statistics up to as_of_date."""
    dates = [date.fromisoformat(values["as_of_date"]) for values in workspace.warehouse.partitions(USER_STATS)]
    day = max((each for each in dates if each <= as_of_date), default=None)
    if day is None:
        return {"users_compared": 0, "same_lists": 0, "max_score_difference": None}
    scorers = {KEPT: kept.scorer, AGAIN: contender_from(AGAIN, again, kept.settings).scorer}
    part, users = middle_users(workspace.warehouse, day, COMPARED_USERS)
    snapshot = serving_snapshot(workspace, kept.settings, day, part)
    size = workspace.settings.publication.list_size
    lists = top_lists(snapshot, users[:COMPARED_USERS], scorers, kept.settings, surface, size)
    return same_lists(lists[KEPT], lists[AGAIN])


def same_lists(kept: TopLists, again: TopLists) -> dict[str, Any]:
    """How many users were compared, how many got the same items in the same order, how far scores lie apart at most.

    Both have the same users with as many places, as they rank the same candidates.
    """
    users, first = np.unique(kept.user, return_index=True)
    different = np.add.reduceat(kept.item != again.item, first) if len(users) else np.zeros(0)
    apart = np.abs(kept.score - again.score)
    return {
        "users_compared": len(users),
        "same_lists": int((different == 0).sum()),
        "max_score_difference": float(apart.max()) if len(apart) else None,
    }
