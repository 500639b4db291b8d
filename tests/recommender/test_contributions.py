"""What each feature added to a score."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from include.recommender.candidates import propose_block
from include.recommender.contenders import contender_from
from include.recommender.contributions import (
    Contribution,
    Contributions,
    contributions_of,
    contributions_to,
    sampled_contributions,
    training_sample,
)
from include.recommender.features import FEATURE_NAMES
from tests.recommender.small_rankers import FEW, ranker_on
from tests.recommender.small_world import DAY, days_ago, quick_ranker, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from pathlib import Path

    from include.recommender.ranker import Ranker
    from include.recommender.settings import RecommenderSettings

FAVOURITE = "user_gap"


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return quick_ranker(FAVOURITE)


def some_features(rows: int) -> np.ndarray:
    """Values far apart, every seventh missing."""
    features = np.random.default_rng(3).normal(0, 100, (rows, len(FEATURE_NAMES))).astype(np.float32)
    features.ravel()[::7] = np.nan
    return features


def of_three(*added: tuple[float, float, float]) -> Contributions:
    rows = np.array(added, np.float64).reshape(-1, 3)
    return Contributions(("a", "b", "c"), rows.astype(np.float32) * 10, rows, np.full(len(rows), 0.5))


def test_contributions_and_the_base_sum_up_to_the_score(ranker: Ranker) -> None:
    features = some_features(50)
    found = contributions_of(ranker, features)
    scores = ranker.score(features)
    assert np.ptp(scores) > 100
    assert found.scores == pytest.approx(scores, rel=1e-4, abs=1e-3)


def test_the_feature_that_a_ranker_looks_at_is_the_one_that_moves_its_scores(ranker: Ranker) -> None:
    features = some_features(50)
    found = contributions_of(ranker, features)
    at = FEATURE_NAMES.index(FAVOURITE)
    known = np.flatnonzero(~np.isnan(features[:, at]))
    high, low = known[features[known, at].argmax()], known[features[known, at].argmin()]
    assert found.added[high, at] > 0 > found.added[low, at]
    (top,) = found.top(int(high), 1)
    assert (top.feature, top.value) == (FAVOURITE, float(features[high, at]))
    assert next(iter(found.mean_absolute())) == FAVOURITE


def test_the_largest_come_first_whether_up_or_down_and_equal_ones_in_the_order_of_the_features() -> None:
    found = of_three((1.0, -3.0, 1.0))
    assert found.top(0, 2) == [Contribution("b", -30.0, -3.0), Contribution("a", 10.0, 1.0)]
    assert [of.feature for of in found.top(0, 9)] == ["b", "a", "c"]


def test_the_mean_size_forgets_the_direction() -> None:
    assert of_three((1.0, -3.0, 0.0), (-1.0, 1.0, 0.5)).mean_absolute() == {"b": 2.0, "a": 1.0, "c": 0.25}


def test_without_rows_nothing_was_added(ranker: Ranker) -> None:
    found = contributions_of(ranker, some_features(0))
    assert (found.added.shape, found.scores.shape) == ((0, len(FEATURE_NAMES)), (0,))
    assert set(found.mean_absolute().values()) == {0.0}


def test_chosen_candidates_are_explained_with_the_ranker_s_own_features(
    settings: RecommenderSettings, tmp_path: Path
) -> None:
    snapshot = snapshot_from(tmp_path, random_events(5, 200, 8, 20, 40), random_catalogue(20), settings)
    candidates = propose_block(snapshot, np.arange(3), settings, "for_you")
    ranker = ranker_on(snapshot, settings)
    scores = contender_from("x/1", ranker, settings).scorer(candidates)
    chosen = np.array([7, 0, 12])
    found = contributions_to(candidates, chosen, ranker)
    assert found.feature_names == FEW
    assert len(set(scores[chosen])) > 1
    assert found.scores == pytest.approx(scores[chosen], rel=1e-4, abs=1e-4)


def training_rows(positives: int, negatives: int, day: date = DAY) -> pa.Table:
    count = positives + negatives
    features = np.random.default_rng(count).normal(0, 1, (count, len(FEATURE_NAMES))).astype(np.float32)
    return pa.table(
        {
            "snapshot_date": pa.array([day] * count, pa.date32()),
            "item_id": [f"{day}-{number}" for number in range(count)],
            "label": [1] * positives + [0] * negatives,
            **{name: features[:, at] for at, name in enumerate(FEATURE_NAMES)},
        }
    )


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [(40, 60, (5, 5)), (3, 60, (3, 7)), (0, 60, (0, 10)), (2, 3, (2, 3)), (0, 0, (0, 0))],
    ids=["half and half", "few positives", "no positives", "fewer rows than wanted", "no rows"],
)
def test_a_sample_is_half_positives_where_there_are_so_many(
    positives: int, negatives: int, expected: tuple[int, int]
) -> None:
    sample = training_sample(training_rows(positives, negatives), seed=1, size=10)
    labels = sample["label"].to_pylist()
    assert (labels.count(1), labels.count(0)) == expected
    assert len(set(sample["item_id"].to_pylist())) == sum(expected)


def test_a_sample_is_of_the_latest_snapshot_and_the_same_for_the_same_seed() -> None:
    rows = pa.concat_tables([training_rows(30, 30, days_ago(7)), training_rows(30, 30)])
    samples = [training_sample(rows, seed, size=10)["item_id"].to_pylist() for seed in (1, 1, 2)]
    assert all(item.startswith(str(DAY)) for item in samples[0])
    assert samples[0] == samples[1] != samples[2]


def test_sampled_rows_are_explained_by_column_name(ranker: Ranker) -> None:
    rows = training_rows(3, 3)
    found = sampled_contributions(ranker, rows, seed=1)
    assert found.features[:, FEATURE_NAMES.index(FAVOURITE)] == pytest.approx(rows[FAVOURITE].to_numpy())
    assert found.scores == pytest.approx(ranker.score(found.features), rel=1e-4, abs=1e-3)
