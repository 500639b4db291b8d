"""Every ranking feature: named, documented, finite or missing; golden values for those that are easily got wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from include.recommender.candidates import propose
from include.recommender.features import FEATURE_GROUPS, FEATURE_NAMES, FEATURES, LEARNED, feature_matrix
from include.recommender.settings import SURFACES
from include.recommender.sources import SOURCE_NAMES
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

    def run(
        events: Rows, items: Rows | None = None, using: RecommenderSettings = settings, surface: str = "for_you"
    ) -> Candidates:
        items = items or catalogue(sorted({row["item_id"] for row in events}))
        snapshot = snapshot_from(tmp_path, events, items, using)
        (block,) = propose(snapshot, np.arange(snapshot.shape[0]), using, surface)
        return block

    return run


def column(block: Candidates, feature: str) -> np.ndarray:
    return np.asarray(block.features[:, FEATURE_NAMES.index(feature)])


def value(block: Candidates, feature: str, user: str, item: str) -> float | None:
    """One feature of one pair; None where it is missing."""
    at = (block.snapshot.user_ids[block.user] == user) & (block.snapshot.item_ids[block.item] == item)
    assert at.sum() == 1
    number = float(column(block, feature)[at][0])
    return None if math.isnan(number) else number


def near(number: float | None) -> Any:
    """The same in single precision."""
    return None if number is None else pytest.approx(number, rel=1e-6)


def test_every_feature_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert [feature for group in FEATURE_GROUPS.values() for feature in group] == list(FEATURES)
    assert len(set(FEATURE_NAMES)) == len(FEATURES) == len(FEATURE_NAMES)
    assert all(feature.doc.strip() for feature in FEATURES)
    docs = [feature.doc for feature in FEATURES if not feature.doc.startswith("the same")]
    assert len(set(docs)) == len(docs)


def test_a_new_ranker_learns_from_every_feature_that_is_not_retired() -> None:
    assert [feature.name for feature in FEATURES if feature.name not in LEARNED] == [
        feature.name for feature in FEATURES if feature.retired
    ]
    assert [name for name in FEATURE_NAMES if name in LEARNED] == list(LEARNED)


def test_the_training_set_has_a_column_for_every_feature() -> None:
    assert [name for name in TRAINING_SET.columns if name in FEATURE_NAMES] == list(FEATURE_NAMES)


@pytest.fixture
def rich(candidates: Propose, settings_with: Callable[..., RecommenderSettings]) -> Candidates:
    events = random_events(seed=2, count=900, users=25, items=40, days=150)
    events += [event(f"u{n:03d}", f"new {n % 3}", n + 1, event_type="like") for n in range(9)]
    items = [*random_catalogue(40), *catalogue(["new 0", "new 1"]), *catalogue(["new 2"], category="dog")]
    return candidates(events, items, settings_with(business=LIKES))


def test_every_feature_is_finite_or_missing_and_tells_pairs_apart(rich: Candidates) -> None:
    assert rich.features.dtype == np.float32
    assert rich.features.shape == (len(rich.user), len(FEATURES))
    assert not np.isinf(rich.features).any()
    known = {name: column(rich, name)[~np.isnan(column(rich, name))] for name in FEATURE_NAMES}
    assert [name for name, values in known.items() if len(np.unique(values)) < 2] == []


def test_what_can_be_counted_is_never_missing(rich: Candidates) -> None:
    for name in ("source_count", "best_rank", "pair_events", "pair_other_events", "pair_active_days", "user_events"):
        assert not np.isnan(column(rich, name)).any(), name


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_a_source_gives_its_score_and_its_rank(rich: Candidates, name: str) -> None:
    np.testing.assert_array_equal(column(rich, f"{name}_score"), rich.scores[name].astype(np.float32))
    np.testing.assert_array_equal(column(rich, f"{name}_rank"), rich.ranks[name].astype(np.float32))
    assert (rich.scores[name] > 0).any()


def test_what_the_sources_say_together_is_counted_and_drawn_from_their_ranks(rich: Candidates) -> None:
    for at, names in enumerate(rich.sources().to_pylist()):
        ranks = [float(rich.ranks[name][at]) for name in SOURCE_NAMES]
        known = [rank for rank in ranks if not math.isnan(rank)]
        assert column(rich, "source_count")[at] == len(names)
        assert column(rich, "best_rank")[at] == min(known)
        assert column(rich, "mean_reciprocal_rank")[at] == near(sum(1 / rank for rank in known) / len(ranks))


def test_a_source_that_is_switched_off_or_has_no_say_is_missing(
    candidates: Propose, settings_with: Callable[..., RecommenderSettings]
) -> None:
    events = random_events(seed=3, count=200, users=10, items=15, days=40)
    block = candidates(events, random_catalogue(15), settings_with(candidates={"rising": 0}), "discover")
    for name in ("rising", "own_history"):
        assert np.isnan(column(block, f"{name}_score")).all()
        assert np.isnan(column(block, f"{name}_rank")).all()
    assert not np.isnan(column(block, "popularity_28d_score")).any()


def test_where_nothing_is_repeated_nothing_is_known_of_the_pair(candidates: Propose) -> None:
    events = random_events(seed=3, count=200, users=10, items=15, days=40)
    block = candidates(events, random_catalogue(15), surface="discover")
    assert len(block.user) > 20
    for feature in FEATURE_GROUPS["pair"]:
        values = column(block, feature.name)
        assert (np.isnan(values) | (values == 0)).all(), feature.name


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


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("pair_events", 3),
        ("pair_events_7d", 1),
        ("pair_events_28d", 3),
        ("pair_events_90d", 3),
        ("pair_active_days", 2),
        ("pair_weight_short", 2 * round(1e6 * 0.5 ** (10 / 7)) + round(1e6 * 0.5 ** (2 / 7))),
        ("pair_weight_medium", 2 * round(1e6 * 0.5 ** (10 / 30)) + round(1e6 * 0.5 ** (2 / 30))),
        ("pair_visit_share", 2 / 3),
        ("pair_day_share", 2 / 4),
        ("pair_visits_since_last", 1),
        ("pair_days_since_last", 2),
        ("pair_days_since_first", 10),
        ("pair_gap", 8),
        ("pair_due", 2 / 8),
        ("pair_due_by_item", 2 / ((8 + 5 * 60) / (1 + 5))),
        ("pair_value", 3_000_000),
    ],
)
def test_a_pair_is_described_by_the_days_and_events_of_the_user_with_the_item(
    candidates: Propose, feature: str, expected: float
) -> None:
    # Of the user's four days the item saw two: the third last one, twice, and the last one.
    own = [event("u", "i", age) for age in (10, 10, 2)]
    block = candidates([*own, event("u", "other", 20), event("u", "other", 6), event("v", "i", 5)])
    assert value(block, feature, "u", "i") == near(expected)


@pytest.mark.parametrize(
    ("feature", "lately", "often"),
    [
        ("pair_recency_rank", 1, 2),
        ("pair_weight_short_rank", 2, 1),
        ("pair_weight_medium_rank", 2, 1),
        ("pair_visit_share_rank", 1, 2),
    ],
)
def test_a_users_own_items_are_ranked_by_what_was_done_with_them(
    candidates: Propose, feature: str, lately: int, often: int
) -> None:
    block = candidates([event("u", "lately", 1), *[event("u", "often", 5)] * 2, event("v", "never", 1)])
    found = [value(block, feature, "u", item) for item in ("lately", "often", "never")]
    assert found == [lately, often, None]


@pytest.mark.parametrize(
    ("feature", "expected", "of_the_old_item"),
    [
        ("item_users_14d", 3, 0),
        ("item_users_90d", 5, 0),
        ("item_users", 6, 1),
        ("item_trend_1d_7d", 1 / 3, None),
        ("item_trend_3d_7d", 1 / 3, None),
        ("item_trend_7d_28d", 3 / 4, None),
        ("item_trend_28d_90d", 4 / 5, None),
        ("item_trend_28d_all", 4 / 6, 0),
        ("item_first_users_7d", 2, 0),
        ("item_first_users_28d", 3, 0),
        ("item_first_share_28d", 3 / 4, None),
        ("item_age_days", 100, 120),
        ("item_days_since_last", 1, 120),
        ("item_repeat_share", 1 / 6, 0),
        ("item_comeback_7d", 1 / 4, 0),
        ("item_comeback_28d", 1 / 3, 0),
        ("item_gap", (39 + 5 * 60) / (1 + 5), 60),
        ("item_share_in_category", 4 / 5, 0),
    ],
)
def test_an_item_is_described_by_its_users_of_several_windows(
    candidates: Propose, feature: str, expected: float, of_the_old_item: float | None
) -> None:
    ages = {"u1": [1, 40], "u2": [5], "u3": [5], "u4": [20], "u5": [60], "u6": [100]}
    events = [event(user, "i", age) for user, own in ages.items() for age in own]
    events += [event("u1", "old", 120), event("u6", "of its category", 9), event("u6", "of another", 9)]
    items = [*catalogue(["i", "old", "of its category"]), *catalogue(["of another"], category="dog")]
    block = candidates(events, items)
    assert value(block, feature, "u1", "i") == near(expected)
    assert value(block, feature, "u1", "old") == near(of_the_old_item)


@pytest.mark.parametrize(
    ("feature", "expected", "of_one_day"),
    [
        ("user_events", 5, 1),
        ("user_events_7d", 3, 0),
        ("user_events_28d", 4, 1),
        ("user_items", 3, 1),
        ("user_active_days", 3, 1),
        ("user_items_per_day", 1, 1),
        ("user_days_since_last", 3, 10),
        ("user_days_since_first", 40, 10),
        ("user_gap", 37 / 2, None),
        ("user_due", 3 / (37 / 2), None),
        ("user_events_per_item", 5 / 3, 1),
        ("user_repeat_share", 1 / 3, 0),
        ("user_popularity", (math.log(2) + math.log(4) + math.log(2)) / 3, math.log(4)),
        ("user_novelty", 2 / 3, 0),
        ("popularity_gap", math.log(2) - (math.log(2) + math.log(4) + math.log(2)) / 3, math.log(2) - math.log(4)),
    ],
)
def test_a_user_is_described_by_days_and_items(
    candidates: Propose, feature: str, expected: float, of_one_day: float | None
) -> None:
    events = [event("u", "i", age) for age in (40, 20, 3)] + [event("u", "j", 3), event("u", "k", 3)]
    # Item j was there long before u and w came to it.
    block = candidates([*events, event("v", "j", 90), event("w", "j", 10)])
    assert value(block, feature, "u", "i") == near(expected)
    assert value(block, feature, "w", "i") == near(of_one_day)


@pytest.mark.parametrize(
    ("feature", "cat", "dog", "bird"),
    [
        ("category_share", 0.5**1 / (0.5**1 + 0.5**4), 0.5**4 / (0.5**1 + 0.5**4), 0),
        ("category_share_long", 0.5 ** (1 / 3) / (0.5 ** (1 / 3) + 0.5 ** (4 / 3)), 1 / 3, 0),
        ("category_days_since_last", 30, 120, None),
    ],
)
def test_a_category_counts_by_the_users_weight_in_it_and_the_last_touch(
    candidates: Propose, feature: str, cat: float, dog: float, bird: float | None
) -> None:
    items = [*catalogue(["cat 1", "cat 2"]), *catalogue(["dog"], category="dog"), *catalogue(["bird"], category="b")]
    events = [event("u", "cat 1", 30), event("u", "dog", 120), event("v", "cat 2", 1), event("v", "bird", 1)]
    block = candidates(events, items)
    found = [value(block, feature, "u", item) for item in ("cat 2", "dog", "bird")]
    expected = [cat, dog, bird]
    assert found == [None if number is None else pytest.approx(number, rel=1e-5) for number in expected]


def test_means_of_values_are_those_of_positive_events_for_items_and_of_all_for_users(
    candidates: Propose, settings_with: Callable[..., RecommenderSettings]
) -> None:
    events = [event("u", "i", 9, value=2.0, event_type="like"), event("u", "i", 5, value=5.0)]
    events += [event("v", "i", 5, value=6.0, event_type="like"), event("u", "other", 2, value=None)]
    block = candidates(events, using=settings_with(business=LIKES))
    assert value(block, "item_value", "u", "i") == 4_000_000
    assert value(block, "user_value", "u", "i") == near(7_000_000 / 3)
    assert value(block, "pair_value", "u", "i") == 7_000_000


@pytest.mark.parametrize("missing", [{"category": None}, {"value": None}])
def test_data_without_categories_or_values_still_give_features(candidates: Propose, missing: dict[str, Any]) -> None:
    events = [{**row, **missing} if "value" in missing else row for row in random_events(3, 200, 10, 15, 40)]
    items = [{**row, **missing} if "category" in missing else row for row in random_catalogue(15)]
    block = candidates(events, items)
    assert not np.isinf(block.features).any()
    if "value" in missing:
        assert np.isnan(column(block, "value_gap")).all()
        assert (column(block, "item_value") == 0).all()
    else:
        assert set(column(block, "category_share")) == {1.0}


@pytest.mark.parametrize("surface", SURFACES)
def test_no_candidates_give_an_empty_matrix(candidates: Propose, surface: str) -> None:
    block = candidates([event("u", "unknown", 2)], catalogue(["never touched"]), surface=surface)
    assert feature_matrix(block).shape == (0, len(FEATURES))
