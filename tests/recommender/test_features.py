"""Every ranking feature: named, documented, finite or missing; golden values for those that are easily got wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from include.recommender.candidates import propose
from include.recommender.features import FEATURE_NAMES, FEATURES, feature_matrix
from include.recommender.tables import TRAINING_SET
from tests.recommender.small_world import Rows, catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings

    Propose = Callable[..., Candidates]

LIKES = {"positive_event_types": ["like"]}


@pytest.fixture
def candidates(tmp_path: Path, settings: RecommenderSettings) -> Propose:
    """The candidates of every user of a history."""

    def run(events: Rows, items: Rows | None = None, using: RecommenderSettings = settings) -> Candidates:
        items = items or catalogue(sorted({row["item_id"] for row in events}))
        snapshot = snapshot_from(tmp_path, events, items, using)
        (block,) = propose(snapshot, np.arange(snapshot.shape[0]), using)
        return block

    return run


def value(block: Candidates, feature: str, user: str, item: str) -> float | None:
    """One feature of one pair; None where it is missing."""
    at = (block.snapshot.user_ids[block.user] == user) & (block.snapshot.item_ids[block.item] == item)
    assert at.sum() == 1
    number = float(block.features[at, FEATURE_NAMES.index(feature)][0])
    return None if math.isnan(number) else number


def test_every_feature_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURES) == len(FEATURE_NAMES)
    assert all(feature.doc.strip() for feature in FEATURES)
    assert len({feature.doc for feature in FEATURES if not feature.doc.startswith("the same")}) >= len(FEATURES) - 8


def test_the_training_set_has_a_column_for_every_feature() -> None:
    assert [name for name in TRAINING_SET.columns if name in FEATURE_NAMES] == list(FEATURE_NAMES)


@pytest.fixture
def rich(candidates: Propose, settings_with: Callable[..., RecommenderSettings]) -> Candidates:
    events = random_events(seed=2, count=900, users=25, items=40, days=150)
    return candidates(events, random_catalogue(40), settings_with(business=LIKES))


@pytest.mark.parametrize("name", FEATURE_NAMES)
def test_every_feature_is_finite_or_missing_and_tells_pairs_apart(rich: Candidates, name: str) -> None:
    values = rich.features[:, FEATURE_NAMES.index(name)]
    assert values.dtype == np.float32
    assert not np.isinf(values).any()
    assert len(np.unique(values[~np.isnan(values)])) > 1


def test_values_of_features_that_are_always_there(rich: Candidates) -> None:
    for name in ("source_count", "pair_events", "pair_other_events", "item_users_28d", "item_weight", "user_events"):
        assert not np.isnan(rich.features[:, FEATURE_NAMES.index(name)]).any(), name


@pytest.mark.parametrize(
    ("ages", "gap", "due"),
    [
        ((10, 6, 2), 4, 0.5),
        ((10, 10, 2), 8, 0.25),  # two events of one day are one visit
        ((3,), None, None),
        ((3, 3), None, None),
        ((), None, None),
    ],
)
def test_pair_gap_is_the_mean_days_between_visits_and_pair_due_how_far_into_it_the_user_is(
    candidates: Propose, ages: tuple[int, ...], gap: float | None, due: float | None
) -> None:
    block = candidates([*(event("u", "i", age) for age in ages), event("u", "other", 1), event("v", "i", 1)])
    assert value(block, "pair_gap", "u", "i") == gap
    assert value(block, "pair_due", "u", "i") == due


def test_what_a_user_never_did_with_an_item_is_zero_events_and_missing_days(candidates: Propose) -> None:
    block = candidates([event("u", "mine", 3), event("v", "other", 2)])
    for name in ("pair_events", "pair_events_7d", "pair_events_28d", "pair_events_90d", "pair_active_days"):
        assert (value(block, name, "u", "mine"), value(block, name, "u", "other")) == (1, 0)
    for name in ("pair_days_since_last", "pair_days_since_first"):
        assert (value(block, name, "u", "mine"), value(block, name, "u", "other")) == (3, None)


def test_other_events_are_those_that_are_not_positive(
    candidates: Propose, settings_with: Callable[..., RecommenderSettings]
) -> None:
    events = [event("u", "i", 3), event("u", "i", 2), event("u", "i", 1, event_type="like")]
    block = candidates(events, using=settings_with(business=LIKES))
    assert value(block, "pair_events", "u", "i") == 1
    assert value(block, "pair_other_events", "u", "i") == 2


def test_category_share_is_the_part_of_a_users_weight_in_the_items_category(candidates: Propose) -> None:
    items = (
        catalogue(["cat 1", "cat 2", "cat 3"]) + catalogue(["dog"], category="dog") + catalogue(["bird"], category="b")
    )
    # Of one age, so that weights are as counts: three of four in cats.
    events = [event("u", item, 5) for item in ("cat 1", "cat 1", "cat 2", "dog")]
    events += [event("v", item, 5) for item in ("cat 3", "bird")]
    block = candidates(events, items)
    shares = {item: value(block, "category_share", "u", item) for item in ("cat 1", "cat 3", "dog", "bird")}
    assert shares == {"cat 1": 0.75, "cat 3": 0.75, "dog": 0.25, "bird": 0}


def test_category_share_of_a_user_without_weight_is_missing(
    candidates: Propose, settings_with: Callable[..., RecommenderSettings]
) -> None:
    events = [event("viewer", "i", 2), event("u", "i", 2, event_type="like")]
    block = candidates(events, using=settings_with(business=LIKES))
    assert (value(block, "category_share", "viewer", "i"), value(block, "category_share", "u", "i")) == (None, 1)


@pytest.mark.parametrize(
    ("item_values", "gap"), [((8.0, 8.0), math.log(4)), ((1.0,), math.log(0.5)), ((0.0,), None), ((-3.0,), None)]
)
def test_value_gap_is_the_log_ratio_of_mean_values(
    candidates: Propose, item_values: tuple[float, ...], gap: float | None
) -> None:
    events = [event("u", "mine", 3, value=1.0), event("u", "mine", 2, value=3.0)]
    events += [event("v", "i", 2, value=number) for number in item_values]
    assert value(candidates(events), "value_gap", "u", "i") == (None if gap is None else pytest.approx(gap))


def test_value_gap_is_missing_where_the_users_mean_is_not_positive(candidates: Propose) -> None:
    events = [event("u", "mine", 3, value=-1.0), event("v", "i", 2, value=5.0)]
    assert value(candidates(events), "value_gap", "u", "i") is None


def test_trends_are_the_users_of_a_window_over_those_of_the_wider_one(candidates: Propose) -> None:
    ages = {"u1": 1, "u2": 5, "u3": 5, "u4": 20, "u5": 60}
    block = candidates([event(user, "i", age) for user, age in ages.items()] + [event("u1", "old", 120)])
    trends = ("item_trend_1d_7d", "item_trend_7d_28d", "item_trend_28d_90d")
    assert [value(block, name, "u1", "i") for name in trends] == pytest.approx([1 / 3, 3 / 4, 4 / 5])
    assert [value(block, name, "u1", "old") for name in trends] == [None, None, None]


def test_ages_of_items_and_users_count_from_the_date_of_the_run(candidates: Propose) -> None:
    block = candidates([event("u", "i", 9), event("u", "i", 5), event("u", "other", 2)])
    names = ("item_age_days", "item_days_since_last", "user_days_since_last", "pair_days_since_first", "user_gap")
    assert [value(block, name, "u", "i") for name in names] == [9, 5, 2, 9, 3.5]


def test_shares_and_means_of_items_and_users(candidates: Propose) -> None:
    events = [event("u", "i", 9, value=2.0), event("u", "i", 5, value=4.0), event("v", "i", 5, value=6.0)]
    block = candidates([*events, event("u", "other", 2)])
    assert value(block, "item_repeat_share", "u", "i") == 0.5
    assert value(block, "item_value", "u", "i") == 4_000_000
    assert value(block, "user_events_per_item", "u", "i") == 1.5


def test_source_count_counts_who_proposed_the_pair(candidates: Propose) -> None:
    block = candidates([event("u", "i", 2), event("v", "other", 2)])
    assert (value(block, "source_count", "u", "i"), value(block, "source_count", "u", "other")) == (3, 2)
    assert value(block, "own_history_rank", "u", "i") == 1
    assert value(block, "own_history_rank", "u", "other") is None


@pytest.mark.parametrize("missing", [{"category": None}, {"value": None}])
def test_data_without_categories_or_values_still_give_features(candidates: Propose, missing: dict[str, Any]) -> None:
    events = [{**row, **missing} if "value" in missing else row for row in random_events(3, 200, 10, 15, 40)]
    items = [{**row, **missing} if "category" in missing else row for row in random_catalogue(15)]
    block = candidates(events, items)
    assert not np.isinf(block.features).any()
    if "value" in missing:
        assert np.isnan(block.features[:, FEATURE_NAMES.index("value_gap")]).all()
        assert (block.features[:, FEATURE_NAMES.index("item_value")] == 0).all()
    else:
        assert set(block.features[:, FEATURE_NAMES.index("category_share")]) == {1.0}


def test_no_candidates_give_an_empty_matrix(candidates: Propose) -> None:
    block = candidates([event("u", "unknown", 2)], catalogue(["never touched"]))
    assert feature_matrix(block).shape == (0, len(FEATURES))
