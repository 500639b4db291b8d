"""What rankers learn from: the right labels, a repeatable sample, and nothing of the holdout."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recommender.candidates import propose
from include.recommender.features import FEATURE_NAMES
from include.recommender.settings import Training
from include.recommender.snapshot import compute_snapshot
from include.recommender.tables import TRAINING_SET
from include.recommender.training_set import build_training_set, hits, snapshot_dates, targets_of
from include.retraining.content_hash import content_hash
from tests.recommender.small_world import (
    DAY,
    Rows,
    catalogue,
    days_ago,
    event,
    random_catalogue,
    random_events,
    snapshot_from,
    warehouse_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from include.recommender.settings import RecommenderSettings

    Build = Callable[..., pa.Table]

EVENTS = random_events(seed=21, count=700, users=25, items=30, days=70)
ITEMS = random_catalogue(30)
SMALL = {"snapshots": 2, "snapshot_step_days": 7, "label_days": 5, "holdout_days": 6, "negatives_per_user": 3}
trainings = st.builds(
    Training,
    snapshots=st.integers(2, 26),
    snapshot_step_days=st.integers(1, 28),
    label_days=st.integers(1, 28),
    holdout_days=st.integers(1, 28),
)


@given(trainings, st.dates(date(2015, 1, 1), date(2035, 1, 1)))
def test_rule_2_labels_of_the_last_snapshot_end_where_the_holdout_begins(training: Training, day: date) -> None:
    dates = snapshot_dates(day, training)
    holdout = day - timedelta(days=training.holdout_days)
    assert len(set(dates)) == training.snapshots
    assert dates == sorted(dates)
    assert dates[-1] + timedelta(days=training.label_days) == holdout
    assert {later - earlier for earlier, later in itertools.pairwise(dates)} == {
        timedelta(days=training.snapshot_step_days)
    }


@pytest.fixture
def small(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(training=SMALL, business={"positive_event_types": ["like"]}, candidates={"popularity": 20})


@pytest.fixture
def build(tmp_path: Path, small: RecommenderSettings) -> Build:
    def run(events: Rows = EVENTS, using: RecommenderSettings = small) -> pa.Table:
        return build_training_set(warehouse_of(tmp_path, events, ITEMS), using, DAY, "for_you")

    return run


@pytest.fixture
def rows(build: Build) -> pd.DataFrame:
    return build().to_pandas()


def liked_between(first: date, end: date) -> set[tuple[str, str]]:
    return {
        (row["user_id"], row["item_id"])
        for row in EVENTS
        if first <= row["event_date"] < end and row["event_type"] == "like" and row["arrival_date"] <= DAY
    }


def test_rows_fit_the_table_and_their_key_is_unique(build: Build) -> None:
    rows = build()
    assert rows.schema.equals(TRAINING_SET.schema)
    frame = rows.to_pandas()
    assert not frame.duplicated(list(TRAINING_SET.key)).any()
    assert set(frame["as_of_date"]) == {DAY}
    assert set(frame["snapshot_date"]) == {days_ago(11), days_ago(18)}


def test_a_candidate_is_labelled_with_what_the_user_liked_in_the_days_that_followed(rows: pd.DataFrame) -> None:
    for snapshot, own in rows.groupby("snapshot_date"):
        liked = liked_between(snapshot, snapshot + timedelta(days=5))
        found = own[["user_id", "item_id"]].apply(tuple, axis=1).isin(liked)
        assert own["label"].tolist() == found.astype(int).tolist()
        assert 0 < found.sum() < len(own)


def test_all_positives_and_a_few_negatives_of_the_same_users_are_kept(
    rows: pd.DataFrame, tmp_path: Path, small: RecommenderSettings
) -> None:
    for day, own in rows.groupby("snapshot_date"):
        snapshot = compute_snapshot(warehouse_of(tmp_path, EVENTS, ITEMS), small, day, DAY)
        liked = liked_between(day, day + timedelta(days=5))
        everyone = np.arange(snapshot.shape[0])
        (candidates,) = propose(snapshot, everyone, small)
        proposed: dict[str, list[bool]] = defaultdict(list)
        for user, item in zip(snapshot.user_ids[candidates.user], snapshot.item_ids[candidates.item], strict=True):
            proposed[user].append((user, item) in liked)
        expected = {
            user: (sum(labels), min(len(labels) - sum(labels), SMALL["negatives_per_user"]))
            for user, labels in proposed.items()
            if any(labels)
        }
        counted = {user: (sum(of["label"] == 1), sum(of["label"] == 0)) for user, of in own.groupby("user_id")}
        assert counted == expected
        assert len(expected) < len(proposed)  # users without positives were dropped


def test_rows_carry_the_features_of_their_snapshot(
    rows: pd.DataFrame, tmp_path: Path, small: RecommenderSettings
) -> None:
    day = days_ago(18)
    snapshot = compute_snapshot(warehouse_of(tmp_path, EVENTS, ITEMS), small, day, DAY)
    (candidates,) = propose(snapshot, np.arange(snapshot.shape[0]), small)
    ids = zip(snapshot.user_ids[candidates.user], snapshot.item_ids[candidates.item], strict=True)
    at = {pair: position for position, pair in enumerate(ids)}
    own = rows[rows["snapshot_date"] == day]
    expected = candidates.features[[at[pair] for pair in own[["user_id", "item_id"]].apply(tuple, axis=1)]]
    # Blocks differ (there: users with a target; here: everyone), features must not.
    np.testing.assert_array_equal(own[list(FEATURE_NAMES)].to_numpy(np.float32), expected)


def test_rule_3_the_sample_repeats_whatever_the_order_of_events(build: Build) -> None:
    shuffled = random.Random(1).sample(EVENTS, len(EVENTS))
    assert content_hash(TRAINING_SET, build()) == content_hash(TRAINING_SET, build(shuffled))


def test_another_seed_draws_other_negatives_but_the_same_positives(build: Build, small: RecommenderSettings) -> None:
    reseeded = small.model_copy(update={"training": Training(**SMALL, seed=1)})
    one, other = build().to_pandas(), build(using=reseeded).to_pandas()
    key = list(TRAINING_SET.key)
    assert one[one["label"] == 1][key].values.tolist() == other[other["label"] == 1][key].values.tolist()
    assert one[key].values.tolist() != other[key].values.tolist()


def test_rule_2_the_holdout_changes_nothing(build: Build) -> None:
    holdout = [event(f"u{n:03d}", "i001", age, event_type="like") for n in range(25) for age in (1, 6)]
    before = [row for row in EVENTS if row["event_date"] < days_ago(6)]
    assert content_hash(TRAINING_SET, build(before)) == content_hash(TRAINING_SET, build(before + holdout))
    on_the_day_before = [event(f"u{n:03d}", "i001", 7, event_type="like") for n in range(25)]
    assert content_hash(TRAINING_SET, build(before)) != content_hash(TRAINING_SET, build(before + on_the_day_before))


def test_no_history_gives_no_rows(build: Build) -> None:
    rows = build([event("u", "i001", 1, event_type="like")])
    assert (rows.num_rows, rows.schema) == (0, TRAINING_SET.schema)


def test_targets_count_items_no_list_can_hit_and_leave_out_unknown_users(
    tmp_path: Path, settings: RecommenderSettings
) -> None:
    snapshot = snapshot_from(tmp_path, [event("u", "a", 9), event("v", "b", 9)], catalogue("ab"), settings)
    wanted = pa.table({"user_id": ["u", "u", "stranger", "v"], "item_id": ["b", "new", "a", "new"]})
    targets = targets_of(snapshot, wanted)
    assert snapshot.user_ids[targets.users].tolist() == ["u", "v"]
    assert targets.wanted.tolist() == [2, 1]
    assert targets.keys.tolist() == [1]  # user 0, item b


def test_hits_are_the_candidates_that_were_wanted(tmp_path: Path, settings: RecommenderSettings) -> None:
    events = [event("u", "a", 9), event("v", "b", 9), event("v", "c", 9)]
    snapshot = snapshot_from(tmp_path, events, catalogue("abc"), settings)
    (candidates,) = propose(snapshot, np.array([0, 1]), settings)
    ids = pa.table({"user_id": ["v", "u", "u"], "item_id": ["c", "b", "unknown"]})
    found = hits(candidates, targets_of(snapshot, ids))
    pairs = zip(snapshot.user_ids[candidates.user], snapshot.item_ids[candidates.item], found, strict=True)
    assert {(user, item) for user, item, hit in pairs if hit} == {("u", "b"), ("v", "c")}
    assert not hits(candidates, targets_of(snapshot, ids.slice(0, 0))).any()


def test_blocks_of_users_do_not_change_the_draw(rows: pd.DataFrame, tmp_path: Path, small: RecommenderSettings) -> None:
    """Rule 3: a memory setting must not change the model."""
    blocks = small.model_copy(update={"candidates": small.candidates.model_copy(update={"user_block": 3})})
    again = build_training_set(warehouse_of(tmp_path, EVENTS, ITEMS), blocks, DAY, "for_you").to_pandas()
    keys = ["snapshot_date", "user_id", "item_id"]
    assert again[keys].sort_values(keys).values.tolist() == rows[keys].sort_values(keys).values.tolist()
