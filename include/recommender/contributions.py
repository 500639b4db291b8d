"""What each feature added to a score (SHAP values), for single rows of a list and for a sample of training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.ranker import Ranker

BASE = "(base)"
SAMPLED_ROWS = 2000


@dataclass(frozen=True)
class Contribution:
    """One feature of one row: its value (NaN: missing), and what it added to the score."""

    feature: str
    value: float
    contribution: float


@dataclass(frozen=True)
class Contributions:
    """SHAP values: `base` (rows,) plus all `added` (rows, features) of a row is its score; `features` as `added`."""

    feature_names: tuple[str, ...]
    features: NDArray[np.float32]
    added: NDArray[np.float64]
    base: NDArray[np.float64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """What the contributions sum up to, shape (rows,)."""
        return np.asarray(self.base + self.added.sum(axis=1))

    def top(self, row: int, count: int) -> list[Contribution]:
        """The features that moved a row's score most, up or down; equal ones in the order of the features."""
        order = np.argsort(-np.abs(self.added[row]), kind="stable")[:count]
        values, added = self.features[row], self.added[row]
        return [Contribution(self.feature_names[at], float(values[at]), float(added[at])) for at in order]

    def mean_absolute(self) -> dict[str, float]:
        """Mean size of each feature's contribution, largest first; 0 without rows."""
        means = np.abs(self.added).mean(axis=0) if len(self.added) else np.zeros(len(self.feature_names))
        return {self.feature_names[at]: float(means[at]) for at in np.argsort(-means, kind="stable")}


def contributions_of(ranker: Ranker, features: NDArray[np.float32]) -> Contributions:
    """Contributions to the scores of rows of features, shape (rows, features), in the order of the ranker's names.

    XGBoost's own tree SHAP: Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9.
    """
    import xgboost

    names = ranker.feature_names
    if not len(features):
        return Contributions(names, features, np.zeros((0, len(names))), np.zeros(0))
    matrix = xgboost.DMatrix(features, feature_names=list(names))
    found = np.asarray(ranker.booster.predict(matrix, pred_contribs=True), np.float64)
    return Contributions(names, features, found[:, :-1], found[:, -1])


def contributions_to(candidates: Candidates, chosen: NDArray[np.int64], ranker: Ranker) -> Contributions:
    """Contributions to the scores of some candidates, given by position."""
    features = candidates.features_named(tuple(ranker.feature_names))
    return contributions_of(ranker, np.ascontiguousarray(features[chosen]))


def sampled_contributions(ranker: Ranker, rows: pa.Table, seed: int) -> Contributions:
    """Contributions for a sample of TRAINING_SET rows of the latest snapshot among them."""
    sample = training_sample(rows, seed)
    features = np.empty((sample.num_rows, len(ranker.feature_names)), np.float32)
    for at, name in enumerate(ranker.feature_names):
        features[:, at] = sample[name].to_numpy()
    return contributions_of(ranker, features)


def training_sample(rows: pa.Table, seed: int, size: int = SAMPLED_ROWS) -> pa.Table:
    """At most `size` rows of the latest snapshot, drawn by seed: positives up to half of them, the rest negatives."""
    import pyarrow.compute as pc

    latest = rows.filter(pc.equal(rows["snapshot_date"], pc.max(rows["snapshot_date"])))
    positive = latest["label"].to_numpy() > 0
    generator = np.random.default_rng(seed)
    wanted = _drawn(generator, np.flatnonzero(positive), size // 2)
    others = _drawn(generator, np.flatnonzero(~positive), size - len(wanted))
    return latest.take(np.sort(np.concatenate([wanted, others])))


def _drawn(generator: np.random.Generator, among: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return generator.choice(among, min(count, len(among)), replace=False)
