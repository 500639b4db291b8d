"""What scoring costs beyond its kernel: features to written lists, against XGBoost's predict on the same matrices."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.lists import Scorer, TopLists
    from include.recommender.ranker import Ranker
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

SURFACE, LABEL, TREES = "for_you", "bench/1", 60
TRAINING_ROWS = 1_000_000
# Candidates of so many blocks of users are made, then scored both ways in turn.
BLOCKS_AT_ONCE = 16
FEATURES = (
    "own_history_score", "item_knn_score", "popularity_28d_score", "own_history_rank", "item_knn_rank",
    "popularity_28d_rank", "source_count", "best_rank", "mean_reciprocal_rank", "pair_events", "pair_events_7d",
    "pair_events_28d", "pair_weight_short", "pair_weight_medium", "pair_active_days", "pair_visit_share",
    "pair_visits_since_last", "pair_days_since_last", "pair_days_since_first", "pair_recency_rank", "item_users_14d",
    "item_users_90d", "item_trend_7d_28d", "item_weight", "item_age_days", "item_comeback_7d", "user_events",
    "user_days_since_last", "category_share", "category_days_since_last",
)  # fmt: skip


@dataclass(frozen=True)
class Bound:
    """Seconds of our path and of the kernel alone, over the same pairs of the same users."""

    ours: float
    kernel: float
    users: int
    pairs: int


def measure_bound(run: Run, workspace: Workspace[RecommenderSettings]) -> Bound:
    """Score every user of the snapshot both ways; needs the similarities and the training set of the day.

    Our path: features, predict, top-20, rows, and their write into `draft_user_recommendations`, by shards and blocks
    of users as `score_users` has them, `training.threads` blocks side by side. Proposing candidates does not count.
    """
    import pyarrow as pa

    from include.recommender.contenders import contender_from
    from include.recommender.drafts import _rows as draft_rows
    from include.recommender.lists import _joined as joined
    from include.recommender.serving import serving_snapshot
    from include.recommender.snapshot import users_of_shard
    from include.recommender.tables import DRAFT_USER_RECOMMENDATIONS
    from include.recommender.tuning import tuned

    warehouse = workspace.warehouse
    settings = tuned(warehouse, workspace.settings, run.as_of_date)
    snapshot, ranker = serving_snapshot(workspace, settings, run.as_of_date), _ranker(run, workspace)
    contender = contender_from(LABEL, ranker, settings)
    ours = kernel = 0.0
    pairs, shards = 0, settings.publication.shards
    for shard in range(shards):
        lists: list[TopLists] = []
        for number, blocks in enumerate(_given(snapshot, users_of_shard(snapshot.shape[0], shard, shards), settings)):
            matrices = _matrices(blocks, ranker, settings)
            pairs += sum(map(len, matrices))
            if number % 2:
                kernel += _kernel_seconds(ranker, matrices)
            began = time.perf_counter()
            lists += _best(blocks, contender.scorer, settings)
            ours += time.perf_counter() - began
            if not number % 2:
                kernel += _kernel_seconds(ranker, matrices)
        began = time.perf_counter()
        rows = pa.concat_tables([draft_rows(snapshot, joined(lists), SURFACE, contender, shard)])
        warehouse.replace(DRAFT_USER_RECOMMENDATIONS, {"as_of_date": run.as_of_date, "shard": shard}, rows)
        ours += time.perf_counter() - began
    return Bound(ours, kernel, snapshot.shape[0], pairs)


def _given(
    snapshot: Snapshot, users: NDArray[np.int64], settings: RecommenderSettings
) -> Iterator[tuple[Candidates, ...]]:
    from include.recommender.candidates import propose

    proposed = propose(snapshot, users, settings, SURFACE)
    while blocks := tuple(islice(proposed, BLOCKS_AT_ONCE)):
        yield blocks


def _best(blocks: Sequence[Candidates], scorer: Scorer, settings: RecommenderSettings) -> list[TopLists]:
    from include.recommender.lists import top_block
    from include.recommender.parallel import parallel_map

    size = settings.publication.list_size
    return list(parallel_map(lambda block: top_block(block, scorer(block), size), blocks, settings.training.threads))


def _matrices(blocks: Sequence[Candidates], ranker: Ranker, settings: RecommenderSettings) -> list[NDArray[np.float32]]:
    """What our path gives the booster, from copies of the candidates: they keep features once made."""
    import numpy as np

    from include.recommender.contenders import contender_from
    from include.recommender.ranker import Ranker

    seen: list[NDArray[np.float32]] = []

    class Recorder(Ranker):
        def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
            seen.append(np.ascontiguousarray(features))
            return np.zeros(len(features))

    recorded = contender_from(LABEL, Recorder(ranker.model, ranker.feature_names), settings).scorer
    for block in blocks:
        recorded(block.take(np.ones(len(block.user), bool)))
    return seen


def _kernel_seconds(ranker: Ranker, matrices: Sequence[NDArray[np.float32]]) -> float:
    """Of predict alone, with the two threads that the environment gives XGBoost."""
    booster = ranker.booster
    began = time.perf_counter()
    for matrix in matrices:
        booster.inplace_predict(matrix)
    return time.perf_counter() - began


def _ranker(run: Run, workspace: Workspace[RecommenderSettings]) -> Ranker:
    """A ranker of TREES trees on FEATURES, from the day's newest snapshot of the training set."""
    import numpy as np
    import xgboost

    from include.recommender.ranker import LABEL as TARGET
    from include.recommender.ranker import Ranker
    from include.recommender.tables import TRAINING_SET
    from include.recommender.training_set import snapshot_dates

    training = workspace.settings.training
    where = {
        "as_of_date": run.as_of_date,
        "surface": SURFACE,
        "snapshot_date": snapshot_dates(run.as_of_date, workspace.settings)[-1],
    }
    rows = workspace.warehouse.read(TRAINING_SET, where, ["user_id", TARGET, *FEATURES]).slice(0, TRAINING_ROWS)
    users = np.unique(rows["user_id"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1]
    matrix = np.stack([rows[name].to_numpy() for name in FEATURES], axis=1)
    data = xgboost.QuantileDMatrix(
        matrix, label=rows[TARGET].to_numpy(), qid=users, feature_names=list(FEATURES), max_bin=training.max_bin
    )
    parameters = {
        "objective": "rank:ndcg", "eta": training.learning_rate, "max_depth": training.max_depth,
        "min_child_weight": training.min_child_weight, "max_bin": training.max_bin, "seed": training.seed,
    }  # fmt: skip
    return Ranker(bytes(xgboost.train(parameters, data, TREES).save_raw("ubj")), FEATURES)
