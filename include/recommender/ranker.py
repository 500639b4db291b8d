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
    from datetime import date

    import pyarrow as pa
    import xgboost
    from numpy.typing import NDArray

    from include.recommender.settings import Training

# How much better (share of NDCG@10) other sizes must do on one week to replace the first choice.
CLEARLY = 0.02
COARSE = 3
LABEL, GROUP = "label", ("snapshot_date", "user_id")


@dataclass(frozen=True)
class Ranker:
    """A trained booster in UBJ bytes, the features it looks at, and how its size was chosen."""

    model: bytes
    feature_names: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    snapshots: int = 0
    rounds: int = 0
    validation_ndcg: float = float("nan")

    @cached_property
    def booster(self) -> xgboost.Booster:
        """The booster, ready to predict on one thread: blocks of candidates come on several."""
        import xgboost

        booster = xgboost.Booster({"nthread": 1})
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


def train_ranker(rows: pa.Table, training: Training, until: date | None = None) -> Ranker:
    """Learn from TRAINING_SET rows of snapshots up to `until` (default: all).

    The number of snapshots and of boosting rounds are those that rank the latest snapshot best after learning from the
    earlier ones; then all of the chosen snapshots are learnt from. Features that never vary are left out.
    LambdaMART: Burges 2010, MSR-TR-2010-82. Raises TrainingDataError for too few user lists, or one date only.
    """
    import xgboost

    data = _ordered(rows, until)
    _refuse_too_little(data, training)
    first = data.latest(max(training.snapshots))
    matrix = _matrix(first, training)
    size = _choose_size(data, matrix, training)
    chosen = matrix if size.snapshots == len(first.days) else _matrix(data.latest(size.snapshots), training)
    booster = xgboost.train(_parameters(training), chosen, size.rounds)
    left_out = tuple(name for name in LEARNED if name not in data.feature_names)
    return Ranker(bytes(booster.save_raw("ubj")), data.feature_names, left_out, size.snapshots, size.rounds, size.ndcg)


@dataclass(frozen=True)
class _Rows:
    """Training rows as arrays, sorted by (snapshot, user, item)."""

    feature_names: tuple[str, ...]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    dates: NDArray[np.int64]
    groups: NDArray[np.int64]

    @property
    def days(self) -> list[int]:
        """Snapshots, oldest first."""
        return [int(day) for day in np.unique(self.dates)]

    def latest(self, snapshots: int) -> _Rows:
        """Those of the latest snapshots."""
        return self.split(snapshots)[1]

    def split(self, snapshots: int) -> tuple[_Rows, _Rows]:
        """Those before the latest snapshots, and those of them; views, not copies."""
        start = np.searchsorted(self.dates, self.days[-snapshots:][0])
        return self._part(slice(None, start)), self._part(slice(start, None))

    def every_other_list(self) -> _Rows:
        """Those of half of the lists."""
        return self._part(self.groups % 2 == 0)

    def _part(self, part: slice | NDArray[np.bool_]) -> _Rows:
        return _Rows(self.feature_names, self.features[part], self.labels[part], self.dates[part], self.groups[part])


@dataclass(frozen=True)
class _Size:
    snapshots: int
    rounds: int
    ndcg: float


def _ordered(rows: pa.Table, until: date | None) -> _Rows:
    import pyarrow.compute as pc

    if until is not None:
        rows = rows.filter(pc.less_equal(rows["snapshot_date"], until))
    ordered = rows.sort_by([(name, "ascending") for name in (*GROUP, "item_id")])
    features = np.empty((ordered.num_rows, len(LEARNED)), np.float32)
    for at, name in enumerate(LEARNED):
        features[:, at] = ordered[name].to_numpy()
    varies = np.array([_varies(column) for column in features.T], bool)
    dates = ordered["snapshot_date"].cast("int32").to_numpy()
    users = np.unique(ordered["user_id"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1]
    names = tuple(name for name, kept in zip(LEARNED, varies, strict=True) if kept)
    return _Rows(
        names, features.compress(varies, axis=1), ordered[LABEL].to_numpy(), dates, _group_numbers(dates, users)
    )


def _varies(column: NDArray[np.float32]) -> bool:
    known = column[~np.isnan(column)]
    return bool(len(known)) and (len(known) < len(column) or bool(known.min() < known.max()))


def _choose_size(data: _Rows, bins: xgboost.DMatrix, training: Training) -> _Size:
    """The first sizes in the settings, unless others rank the latest snapshot clearly better.

    All look at features in the `bins` of one matrix: to find them again takes longer than to learn so little.
    """
    import xgboost

    latest = data.latest(1)
    watched = xgboost.DMatrix(
        latest.features, label=latest.labels, qid=latest.groups, feature_names=list(latest.feature_names),
        nthread=training.threads,
    )  # fmt: skip
    snapshots = dict.fromkeys(min(count, len(data.days)) for count in training.snapshots)
    first, *others = [size for count in snapshots for size in _watch(data.latest(count), watched, bins, training)]
    best: _Size = max(others, key=lambda size: size.ndcg, default=first)
    return best if best.ndcg > first.ndcg * (1 + CLEARLY) else first


def _watch(data: _Rows, watched: xgboost.DMatrix, bins: xgboost.DMatrix, training: Training) -> list[_Size]:
    """NDCG@10 of each number of rounds on the latest snapshot (`watched`), after learning from the earlier ones.

    In steps COARSE times as large, hence as many times fewer, and from every other list: that is enough to compare.
    """
    import xgboost

    learn = _matrix(data.split(1)[0].every_other_list(), training, bins)
    coarse = _parameters(training) | {"eta": min(1.0, training.learning_rate * COARSE)}
    booster, trained, ndcg = xgboost.Booster(coarse, [learn, watched]), 0, {}
    for rounds in sorted(training.rounds):
        for step in range(trained, trained := -(-rounds // COARSE)):
            booster.update(learn, step)
        ndcg[rounds] = float(str(booster.eval(watched)).rpartition(":")[-1])
    return [_Size(len(data.days), rounds, ndcg[rounds]) for rounds in training.rounds]


def _matrix(data: _Rows, training: Training, bins: xgboost.DMatrix | None = None) -> xgboost.DMatrix:
    import xgboost

    return xgboost.QuantileDMatrix(
        data.features, label=data.labels, qid=data.groups, feature_names=list(data.feature_names),
        max_bin=training.max_bin, nthread=training.threads, ref=bins,
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


def _refuse_too_little(data: _Rows, training: Training) -> None:
    lists, snapshots = len(np.unique(data.groups)), len(data.days)
    if lists < training.min_groups or snapshots < 2:
        raise TrainingDataError(
            f"at least {training.min_groups} user lists (training.min_groups) on two snapshots or more",
            f"{lists} lists on {snapshots} snapshots",
            "wait for more history; the champion or the best baseline is published meanwhile",
        )
