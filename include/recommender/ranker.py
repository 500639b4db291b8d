"""The ranker of a surface: XGBoost LambdaMART on the training set, the same bytes for the same rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.features import LEARNED
from include.retraining.errors import TrainingDataError

if TYPE_CHECKING:
    import pyarrow as pa
    import xgboost
    from numpy.typing import NDArray

    from include.recommender.settings import Training

LABEL, GROUP = "label", ("snapshot_date", "user_id")


@dataclass(frozen=True)
class Ranker:
    """A trained booster in UBJ bytes, with the feature names it was trained on."""

    model: bytes
    feature_names: tuple[str, ...]
    rounds: int
    validation_ndcg: float

    @cached_property
    def booster(self) -> xgboost.Booster:
        """The booster, ready to predict."""
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(self.model))
        return booster

    @property
    def sha256(self) -> str:
        """Hash of the model bytes."""
        return hashlib.sha256(self.model).hexdigest()

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores of candidate pairs, shape (pairs,), from features, shape (pairs, features)."""
        return np.asarray(self.booster.inplace_predict(features), np.float64)

    def importances(self) -> dict[str, float]:
        """Share of the total gain per feature."""
        gain = self.booster.get_score(importance_type="total_gain")
        values = {name: float(np.mean(gain.get(name, 0.0))) for name in self.feature_names}
        total = sum(values.values()) or 1.0
        return {name: value / total for name, value in values.items()}


def train_ranker(rows: pa.Table, training: Training) -> Ranker:
    """Learn from TRAINING_SET rows: rounds by early stopping on the latest snapshot, then all snapshots together.

    LambdaMART: Burges 2010, MSR-TR-2010-82. Raises TrainingDataError for too few user lists, or one date only.
    """
    import xgboost

    ordered = rows.sort_by([(name, "ascending") for name in (*GROUP, "item_id")])
    features = np.column_stack([ordered[name].to_numpy() for name in LEARNED]).astype(np.float32)
    labels = ordered[LABEL].to_numpy()
    dates = ordered["snapshot_date"].cast("int32").to_numpy()
    users = np.unique(ordered["user_id"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1]
    groups = _group_numbers(dates, users)
    _refuse_too_little(dates, groups, training)
    latest = dates == dates.max()
    rounds, ndcg = _choose_rounds(features, labels, groups, latest, training)
    booster = xgboost.train(_parameters(training), _matrix(features, labels, groups, training), rounds)
    return Ranker(bytes(booster.save_raw("ubj")), LEARNED, rounds, ndcg)


def _choose_rounds(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    latest: NDArray[np.bool_],
    training: Training,
) -> tuple[int, float]:
    """Boosting rounds that rank the latest snapshot best after learning from the earlier ones, and its NDCG@10."""
    import xgboost

    earlier = ~latest
    learn = _matrix(features[earlier], labels[earlier], groups[earlier], training)
    watch = _matrix(features[latest], labels[latest], groups[latest], training, learn)
    booster = xgboost.train(
        _parameters(training),
        learn,
        training.max_rounds,
        evals=[(watch, "latest")],
        early_stopping_rounds=training.early_stopping_rounds,
        verbose_eval=False,
    )
    return booster.best_iteration + 1, float(booster.best_score)


def _matrix(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    training: Training,
    like: xgboost.DMatrix | None = None,
) -> xgboost.DMatrix:
    import xgboost

    return xgboost.QuantileDMatrix(
        features, label=labels, qid=groups, feature_names=list(LEARNED), max_bin=training.max_bin, ref=like,
        nthread=training.threads,
    )  # fmt: skip


def _parameters(training: Training) -> dict[str, object]:
    return {
        "objective": "rank:ndcg",
        "lambdarank_pair_method": "topk",
        "lambdarank_num_pair_per_sample": 50,
        "eval_metric": "ndcg@10",
        "tree_method": "hist",
        "eta": training.learning_rate,
        "max_depth": training.max_depth,
        "min_child_weight": training.min_child_weight,
        "subsample": training.subsample,
        "colsample_bytree": training.colsample,
        "max_bin": training.max_bin,
        "seed": training.seed,
        "nthread": training.threads,
    }


def _group_numbers(dates: NDArray[np.int64], users: NDArray[np.int64]) -> NDArray[np.int64]:
    new = np.r_[True, (dates[1:] != dates[:-1]) | (users[1:] != users[:-1])] if len(dates) else np.zeros(0, bool)
    return np.cumsum(new) - 1


def _refuse_too_little(dates: NDArray[np.int64], groups: NDArray[np.int64], training: Training) -> None:
    lists = int(groups[-1]) + 1 if len(groups) else 0
    if lists < training.min_groups or len(np.unique(dates)) < 2:
        raise TrainingDataError(
            f"at least {training.min_groups} user lists (training.min_groups) on two snapshots or more",
            f"{lists} lists on {len(np.unique(dates))} snapshots",
            "wait for more history; the champion or the best baseline is published meanwhile",
        )
