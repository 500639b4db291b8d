"""What a ranker learns from: candidates at earlier snapshots, labelled with what users then wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.arrays import is_among, positions, rank_within
from include.recommender.candidates import Proposer, blocks_of
from include.recommender.features import FEATURE_NAMES
from include.recommender.parallel import parallel_map
from include.recommender.past_date import PastDate
from include.recommender.sampling import sampled_targets
from include.recommender.settings import ALLOWS_REPEATS, SURFACES
from include.recommender.statistics import targets_between
from include.recommender.tables import TRAINING_SET

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings, Training
    from include.recommender.snapshot import Snapshot
    from include.retraining.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class Targets:
    """What known users wanted in a window: keys user * items + item, sorted, and the users with any target."""

    keys: NDArray[np.int64]
    users: NDArray[np.int64]
    wanted: NDArray[np.int64]


def snapshot_dates(as_of_date: date, settings: RecommenderSettings) -> list[date]:
    """Snapshots of the training set, oldest first: those of the challenger, and of its predecessors in evaluation.

    The labels of the last one end where the holdout begins (rule 2).
    """
    training = settings.training
    last = as_of_date - timedelta(days=training.holdout_days + training.label_days)
    earliest = max(training.snapshots) * training.snapshot_step_days
    earliest += (settings.evaluation.weeks - 1) * training.holdout_days
    return sorted(last - timedelta(days=back) for back in range(0, earliest, training.snapshot_step_days))


def build_training_sets(warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date) -> dict[str, pa.Table]:
    """Rows of TRAINING_SET by surface: positives among the candidates and sampled negatives of the same users."""
    import pyarrow as pa

    parts = {surface: [TRAINING_SET.schema.empty_table()] for surface in SURFACES}
    # One date after the other: each holds everybody's pairs.
    for day in snapshot_dates(as_of_date, settings):
        for surface, rows in _snapshot_rows(warehouse, settings, day, as_of_date).items():
            parts[surface] += rows
    return {surface: pa.concat_tables(rows) for surface, rows in parts.items()}


def _snapshot_rows(
    warehouse: Warehouse, settings: RecommenderSettings, day: date, as_of_date: date
) -> dict[str, list[pa.Table]]:
    window_end = day + timedelta(days=settings.training.label_days)
    past = PastDate(warehouse, settings, day, as_of_date)
    known, _ = past.known_and_strangers(targets_between(warehouse, settings, day, window_end, as_of_date))
    wanted = sampled_targets(known, settings.training.max_users, "training")
    snapshot = past.of_users(wanted["user_id"].unique().to_pylist())
    targets = {surface: targets_of(snapshot, wanted, surface) for surface in SURFACES}
    users = np.unique(np.concatenate([of.users for of in targets.values()]))
    proposer = Proposer(snapshot, settings, SURFACES)

    def rows_of(block: NDArray[np.int64]) -> dict[str, pa.Table]:
        found = {}
        for surface, candidates in proposer.of_block(block).items():
            chosen, labels = _sample(candidates, targets[surface], settings.training)
            found[surface] = _rows(candidates.take(chosen), labels[chosen], as_of_date, surface)
        return found

    rows: dict[str, list[pa.Table]] = {surface: [] for surface in SURFACES}
    for found in parallel_map(rows_of, blocks_of(users, settings), settings.training.threads):
        for surface, table in found.items():
            rows[surface].append(table)
    return rows


def targets_of(snapshot: Snapshot, wanted: pa.Table, surface: str) -> Targets:
    """Targets of the users a snapshot knows; without what they touched before where the surface shows new items only.

    Items outside the snapshot's catalogue stay: no list can hit them, so they count.
    """
    import pyarrow as pa

    user = positions(wanted["user_id"], pa.chunked_array([pa.array(snapshot.user_ids, pa.string())]))
    item = positions(wanted["item_id"], pa.chunked_array([pa.array(snapshot.item_ids, pa.string())]))
    keys = np.where(item >= 0, user * snapshot.shape[1] + item, -1)
    counts_here = user >= 0
    if not ALLOWS_REPEATS[surface]:
        counts_here &= ~is_among(keys, snapshot.pair_user * snapshot.shape[1] + snapshot.pair_item)
    users, counts = np.unique(user[counts_here], return_counts=True)
    return Targets(np.sort(keys[counts_here & (item >= 0)]), users, counts)


def hits(candidates: Candidates, targets: Targets) -> NDArray[np.bool_]:
    """Which candidates are targets."""
    return is_among(candidates.user * candidates.snapshot.shape[1] + candidates.item, targets.keys)


def _sample(
    candidates: Candidates, targets: Targets, training: Training
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions of all positives and `negatives_per_user` random others, of users with a positive; and all labels."""
    labels = hits(candidates, targets)
    pair = candidates.user * candidates.snapshot.shape[1] + candidates.item
    lottery = _lottery(pair, training.seed * 100_003 + candidates.snapshot.day)
    draw = rank_within(candidates.user, np.where(labels, -1.0, lottery))
    has_positive = np.isin(candidates.user, candidates.user[labels])
    return np.flatnonzero(has_positive & (labels | (draw <= training.negatives_per_user))), labels


def _lottery(keys: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) per key that depends on key and seed only, so that blocks of users never change the draw.

    The finaliser of splitmix64: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195.
    """
    mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) / np.float64(2**64)


def _rows(candidates: Candidates, labels: NDArray[np.bool_], as_of_date: date, surface: str) -> pa.Table:
    import pyarrow as pa

    count = len(candidates.user)
    snapshot = candidates.snapshot
    features = candidates.features
    columns = {
        "as_of_date": pa.repeat(pa.scalar(as_of_date, pa.date32()), count),
        "surface": pa.repeat(surface, count),
        "snapshot_date": pa.repeat(pa.scalar(snapshot.as_of_date, pa.date32()), count),
        "user_id": snapshot.user_names.take(pa.array(candidates.user)),
        "item_id": snapshot.item_names.take(pa.array(candidates.item)),
        "label": pa.array(labels.astype(np.int64)),
    } | {name: pa.array(features[:, at]) for at, name in enumerate(FEATURE_NAMES)}
    return pa.table(columns).cast(TRAINING_SET.schema)
