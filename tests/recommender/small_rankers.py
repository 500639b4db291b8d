"""Rankers that learnt from the candidates of a small snapshot, so that their scores differ there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.candidates import propose_block
from include.recommender.features import FEATURE_NAMES
from include.recommender.ranker import Ranker

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

FEW = ("popularity_gap", "pair_weight_medium", "item_age_days")


def ranker_on(
    snapshot: Snapshot, settings: RecommenderSettings, surface: str = "for_you", names: tuple[str, ...] = FEW
) -> Ranker:
    """Learns the sum of some features, each drawn to the same scale."""
    import xgboost

    features = propose_block(snapshot, np.arange(snapshot.shape[0]), settings, surface).features
    columns = features[:, [FEATURE_NAMES.index(name) for name in names]]
    known = np.nan_to_num(columns)
    target = (known / known.std(axis=0).clip(1e-9)).sum(axis=1)
    matrix = xgboost.DMatrix(columns, target, feature_names=list(names))
    booster = xgboost.train({"max_depth": 4, "nthread": 1, "seed": 1}, matrix, 8)
    return Ranker(bytes(booster.save_raw("ubj")), names, snapshots=2, rounds=8, validation_ndcg=0.5)
