"""A trained ranker as the registry keeps it: what went in, how good it was on past weeks, what it looks at."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from include.recommender.contenders import candidate_settings, model_name
from include.recommender.features import LEARNED
from include.retraining.code_version import code_version
from include.retraining.registry import ModelPackage

if TYPE_CHECKING:
    from include.recommender.ranker import Ranker
    from include.recommender.settings import RecommenderSettings
    from include.retraining.run import Run


def lineage_of_ranker(run: Run, surface: str, settings: RecommenderSettings, training_set_hash: str) -> dict[str, str]:
    """What went into a ranker: equal lineage, equal model. `train=force` makes it differ by run."""
    lineage = {
        "as_of_date": run.as_of_date.isoformat(),
        "surface": surface,
        "training_set": training_set_hash,
        "training_settings": settings.training.model_dump_json(),
        "candidate_settings": candidate_settings(settings),
        "features": json.dumps(LEARNED),
        "learnt_until": (run.as_of_date - timedelta(days=settings.training.holdout_days)).isoformat(),
        "code_version": code_version(),
    }
    return lineage | ({"forced_by_run": run.run_id} if run.train == "force" else {})


def package_of(
    ranker: Ranker, lineage: dict[str, str], settings: RecommenderSettings, settings_hash: str
) -> ModelPackage:
    """The ranker with its parameters, metrics and lineage.

    `settings` are those with what the run chose; `settings_hash` is that of the settings it was given.
    """
    chosen = {
        "chosen_snapshots": ranker.snapshots,
        "chosen_rounds": ranker.rounds,
        "chosen_ease_regularisation": settings.ease.regularisation[0],
        "chosen_popularity_days": settings.lists.popularity_days[0],
    }
    return ModelPackage(
        name=model_name(lineage["surface"]),
        booster=ranker.booster,
        feature_names=ranker.feature_names,
        importances=ranker.importances(),
        parameters={**settings.training.model_dump(), **chosen, "settings_hash": settings_hash},
        metrics={"latest_snapshot_ndcg_at_10": ranker.validation_ndcg, "rounds": ranker.rounds},
        lineage=lineage,
        tags={
            "feature_names": json.dumps(ranker.feature_names),
            "features_left_out": json.dumps(ranker.left_out),
            "chosen_snapshots": str(ranker.snapshots),
            "chosen_rounds": str(ranker.rounds),
        },
        sha256=ranker.sha256,
    )
