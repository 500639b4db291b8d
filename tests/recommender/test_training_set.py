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
from include.recommender.evaluation import evaluation_weeks
from include.recommender.features import FEATURE_NAMES
from include.recommender.past_date import PastDate
from include.recommender.settings import SURFACES, RecommenderSettings, Training
from include.recommender.sources import SOURCE_NAMES
from include.recommender.tables import TRAINING_SET
from include.recommender.training_set import build_training_sets, hits, snapshot_dates, targets_of
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

    from include.recommender.snapshot import Snapshot

    Build = Callable[..., pa.Table]

EVENTS = random_events(seed=21, count=700, users=25, items=30, days=70)
ITEMS = random_catalogue(30)
SMALL = {"snapshots": (2,), "snapshot_step_days": 7, "label_days": 5, "holdout_days": 6, "negatives_per_user": 3}
FEW_SOURCES = dict.fromkeys(SOURCE_NAMES, 0) | {"own_history": 5, "item_knn": 5, "popularity_28d": 8}
settings_of_all_kinds = st.builds(
    lambda snapshots, step, label, holdout, weeks: RecommenderSettings(
        features={"history_days": 3650}, evaluation={"weeks": weeks},
        training={
            "snapshots": snapshots, "snapshot_step_days": step, "label_days": label, "holdout_days": holdout
        },
    ),
    st.lists(st.integers(2, 26), min_size=1, max_size=4), st.integers(1, 28), st.integers(1, 28), st.integers(1, 28),
    st.integers(1, 12),
)  # fmt: skip


@given(settings_of_all_kinds, st.dates(date(2015, 1, 1), date(2035, 1, 1)))
def test_rule_2_labels_of_the_last_snapshot_end_where_the_holdout_begins(
    settings: RecommenderSettings, day: date
) -> None:
    training, dates = settings.training, snapshot_dates(day, settings)
    assert dates == sorted(set(dates))
    assert dates[-1] + timedelta(days=training.label_days) == day - timedelta(days=training.holdout_days)
    assert {later - earlier for earlier, later in itertools.pairwise(dates)} <= {
        timedelta(days=training.snapshot_step_days)
    }


@given(settings_of_all_kinds, st.dates(date(2015, 1, 1), date(2035, 1, 1)))
def test_the_predecessor_of_every_evaluated_week_finds_as_many_snapshots_as_the_challenger_may_want(
    settings: RecommenderSettings, day: date
) -> None:
    dates = snapshot_dates(day, settings)
    for week in evaluation_weeks(day, settings):
        before = [first for first in dates if first + timedelta(days=settings.training.label_days) <= week]
        assert len(before) >= max(settings.training.snapshots)
    earliest = max(settings.training.snapshots)
    assert len(before) == earliest  # and no more than that is built


@pytest.fixture
def small(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(
        training=SMALL, business={"positive_event_types": ["like"]}, candidates=FEW_SOURCES, evaluation={"weeks": 1},
        publication={"list_size": 5},
    )  # fmt: skip


@pytest.fixture
def build(tmp_path: Path, small: RecommenderSettings) -> Build:
    def run(events: Rows = EVENTS, using: RecommenderSettings = small, surface: str = "for_you") -> pa.Table:
        return build_training_sets(warehouse_of(tmp_path, events, ITEMS), using, DAY)[surface]

    return run


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rows(build: Build, surface: str) -> pd.DataFrame:
    return build(surface=surface).to_pandas()


def liked_between(first: date, end: date) -> set[tuple[str, str]]:
    return {
        (row["user_id"], row["item_id"])
        for row in EVENTS
        if first <= row["event_date"] < end and row["event_type"] == "like" and row["arrival_date"] <= DAY
    }


def touched_before(day: date) -> set[tuple[str, str]]:
    """Pairs with any event, a view too."""
    return {
        (row["user_id"], row["item_id"]) for row in EVENTS if row["event_date"] < day and row["arrival_date"] <= day
    }


def pairs_of(frame: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(frame["user_id"], frame["item_id"], strict=True))


def test_rows_fit_the_table_and_their_key_is_unique(build: Build, surface: str) -> None:
    rows = build(surface=surface)
    assert rows.schema.equals(TRAINING_SET.schema)
    frame = rows.to_pandas()
    assert not frame.duplicated(list(TRAINING_SET.key)).any()
    assert set(frame["as_of_date"]) == {DAY}
    assert set(frame["surface"]) == {surface}
    assert set(frame["snapshot_date"]) == {days_ago(11), days_ago(18)}


def test_a_candidate_is_labelled_with_what_the_user_liked_in_the_days_that_followed(rows: pd.DataFrame) -> None:
    for snapshot, own in rows.groupby("snapshot_date"):
        liked = liked_between(snapshot, snapshot + timedelta(days=5))
        found = [pair in liked for pair in pairs_of(own)]
        assert own["label"].tolist() == [int(hit) for hit in found]
        assert 0 < sum(found) < len(own)


def test_without_repeats_nothing_that_a_user_touched_before_is_learnt_from(build: Build) -> None:
    new, all_of = build(surface="discover").to_pandas(), build().to_pandas()
    for day, own in new.groupby("snapshot_date"):
        touched = touched_before(day)
        assert not touched & set(pairs_of(own))
        # With repeats they are there, wanted ones among them: these labels were left out, not absent.
        positives = all_of[(all_of["snapshot_date"] == day) & (all_of["label"] == 1)]
        assert touched & set(pairs_of(positives))


def test_all_positives_and_a_few_negatives_of_the_same_users_are_kept(
    rows: pd.DataFrame, tmp_path: Path, small: RecommenderSettings, surface: str
) -> None:
    for day, own in rows.groupby("snapshot_date"):
        snapshot = PastDate(warehouse_of(tmp_path, EVENTS, ITEMS), small, day, DAY).of_everybody()
        liked = liked_between(day, day + timedelta(days=5))
        if surface == "discover":
            liked -= touched_before(day)
        everyone = np.arange(snapshot.shape[0])
        (candidates,) = propose(snapshot, everyone, small, surface)
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
    rows: pd.DataFrame, tmp_path: Path, small: RecommenderSettings, surface: str
) -> None:
    day = days_ago(18)
    snapshot = PastDate(warehouse_of(tmp_path, EVENTS, ITEMS), small, day, DAY).of_everybody()
    (candidates,) = propose(snapshot, np.arange(snapshot.shape[0]), small, surface)
    ids = zip(snapshot.user_ids[candidates.user], snapshot.item_ids[candidates.item], strict=True)
    at = {pair: position for position, pair in enumerate(ids)}
    own = rows[rows["snapshot_date"] == day]
    expected = candidates.features[[at[pair] for pair in pairs_of(own)]]
    # Blocks differ (there: users with a target; here: everyone), features must not.
    np.testing.assert_array_equal(own[list(FEATURE_NAMES)].to_numpy(np.float32), expected)


def test_rule_3_the_sample_repeats_whatever_the_order_of_events_and_the_number_of_threads(
    build: Build, small: RecommenderSettings
) -> None:
    shuffled = random.Random(1).sample(EVENTS, len(EVENTS))
    first = content_hash(TRAINING_SET, build())
    assert content_hash(TRAINING_SET, build(shuffled)) == first
    alone = small.model_copy(update={"training": Training(**SMALL, threads=1)})
    assert content_hash(TRAINING_SET, build(using=alone)) == first


def test_another_seed_draws_other_negatives_but_the_same_positives(build: Build, small: RecommenderSettings) -> None:
    reseeded = small.model_copy(update={"training": Training(**SMALL, seed=1)})
    one, other = build().to_pandas(), build(using=reseeded).to_pandas()
    key = list(TRAINING_SET.key)
    assert one[one["label"] == 1][key].values.tolist() == other[other["label"] == 1][key].values.tolist()
    assert one[key].values.tolist() != other[key].values.tolist()


def test_rule_2_the_holdout_changes_nothing(build: Build, surface: str) -> None:
    holdout = [event(f"u{n:03d}", "i001", age, event_type="like") for n in range(25) for age in (1, 6)]
    before = [row for row in EVENTS if row["event_date"] < days_ago(6)]
    alone = content_hash(TRAINING_SET, build(before, surface=surface))
    assert content_hash(TRAINING_SET, build(before + holdout, surface=surface)) == alone
    on_the_day_before = [event(f"u{n:03d}", "i001", 7, event_type="like") for n in range(25)]
    assert content_hash(TRAINING_SET, build(before + on_the_day_before, surface=surface)) != alone


def test_no_history_gives_no_rows(build: Build, surface: str) -> None:
    rows = build([event("u", "i001", 1, event_type="like")], surface=surface)
    assert (rows.num_rows, rows.schema) == (0, TRAINING_SET.schema)


@pytest.fixture
def two_users(tmp_path: Path, settings: RecommenderSettings) -> Snapshot:
    """U touched a; v touched b, and viewed c."""
    events = [event("u", "a", 9), event("v", "b", 9), event("v", "c", 9)]
    return snapshot_from(tmp_path, events, catalogue("abc"), settings)


def test_targets_count_items_no_list_can_hit_and_leave_out_unknown_users(two_users: Snapshot) -> None:
    wanted = pa.table({"user_id": ["u", "u", "u", "stranger", "v"], "item_id": ["a", "b", "new", "a", "new"]})
    targets = targets_of(two_users, wanted, "for_you")
    assert two_users.user_ids[targets.users].tolist() == ["u", "v"]
    assert targets.wanted.tolist() == [3, 1]
    assert targets.keys.tolist() == [0, 1]  # user 0: items a and b


def test_targets_without_repeats_are_what_the_user_had_not_touched(two_users: Snapshot) -> None:
    wanted = pa.table({"user_id": ["u", "u", "u", "v", "v"], "item_id": ["a", "b", "new", "b", "c"]})
    targets = targets_of(two_users, wanted, "discover")
    assert two_users.user_ids[targets.users].tolist() == ["u"]  # v wanted nothing new
    assert targets.wanted.tolist() == [2]
    assert targets.keys.tolist() == [1]


def test_hits_are_the_candidates_that_were_wanted(two_users: Snapshot, settings: RecommenderSettings) -> None:
    (candidates,) = propose(two_users, np.array([0, 1]), settings, "for_you")
    ids = pa.table({"user_id": ["v", "u", "u"], "item_id": ["c", "b", "unknown"]})
    found = hits(candidates, targets_of(two_users, ids, "for_you"))
    pairs = zip(two_users.user_ids[candidates.user], two_users.item_ids[candidates.item], found, strict=True)
    assert {(user, item) for user, item, hit in pairs if hit} == {("u", "b"), ("v", "c")}
    assert not hits(candidates, targets_of(two_users, ids.slice(0, 0), "for_you")).any()


def test_rule_3_blocks_of_users_change_nothing(build: Build, small: RecommenderSettings, surface: str) -> None:
    """A memory setting must not change the model."""
    blocks = small.model_copy(update={"candidates": small.candidates.model_copy(update={"user_block": 3})})
    again = build(using=blocks, surface=surface)
    assert content_hash(TRAINING_SET, again) == content_hash(TRAINING_SET, build(surface=surface))
