"""What can fill a list, each with the settings of its own candidates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from include.recommender.baselines import BASELINES
from include.recommender.candidates import propose
from include.recommender.contenders import (
    baseline,
    candidate_settings,
    contender_of,
    feature_names_of,
    model_name,
    ranker_contender,
    settings_of,
)
from include.recommender.features import FEATURE_NAMES
from include.recommender.ranker import Ranker
from include.retraining.errors import SettingsError
from include.retraining.registry import RegisteredModel
from tests.recommender.small_world import (
    FakeRegistry,
    quick_ranker,
    random_catalogue,
    random_events,
    snapshot_from,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings


@pytest.fixture
def candidates(tmp_path: Path, settings: RecommenderSettings) -> Candidates:
    snapshot = snapshot_from(tmp_path, random_events(1, 150, 8, 12, 40), random_catalogue(12), settings)
    (block,) = propose(snapshot, np.arange(snapshot.shape[0]), settings)
    return block


@pytest.mark.parametrize("name", list(BASELINES))
def test_a_baseline_is_named_by_its_label(name: str, candidates: Candidates, settings: RecommenderSettings) -> None:
    contender = contender_of(f"baseline/{name}", FakeRegistry(), settings)  # type: ignore[arg-type]
    assert contender == baseline(name, settings)
    assert contender.label == f"baseline/{name}"
    assert contender.scorer(candidates).tolist() == BASELINES[name](candidates).tolist()


def test_a_ranker_is_named_by_model_and_version_and_scores_with_its_own_features(
    candidates: Candidates, settings: RecommenderSettings
) -> None:
    registry, ranker = FakeRegistry(), quick_ranker("item_users_28d")
    registry.add(quick_ranker("user_gap"), settings)
    second = registry.add(ranker, settings)
    contender = contender_of(second.label, registry, settings)  # type: ignore[arg-type]
    assert contender.label == f"{model_name('for_you')}/2"
    assert contender.scorer(candidates).tolist() == ranker.score(candidates.features).tolist()


def test_a_ranker_of_fewer_features_in_another_order_gets_those_columns(
    candidates: Candidates, settings: RecommenderSettings
) -> None:
    import xgboost

    names = ("user_events", "item_users_28d", "pair_events")
    columns = [FEATURE_NAMES.index(name) for name in names]
    rng = np.random.default_rng(0)
    data = xgboost.DMatrix(rng.normal(5, 5, (300, 3)), rng.normal(size=300), feature_names=list(names))
    booster = xgboost.train({"max_depth": 2, "nthread": 1}, data, 3)
    registry, ranker = FakeRegistry(), Ranker(bytes(booster.save_raw("ubj")), names, 3, 0.0)
    model = registry.add(ranker, settings, feature_names=json.dumps(names))
    contender = ranker_contender(registry, model, settings)  # type: ignore[arg-type]
    assert contender.scorer(candidates).tolist() == ranker.score(candidates.features[:, columns]).tolist()


def test_a_feature_that_this_code_no_longer_makes_is_refused_by_name() -> None:
    tags = {"feature_names": json.dumps(["user_events", "moon_phase", "tide"])}
    with pytest.raises(SettingsError, match=r"recommender_for_you/7 needs moon_phase, tide"):
        feature_names_of(RegisteredModel("recommender_for_you", "7", tags))


def test_a_ranker_keeps_the_candidate_settings_it_was_trained_with(
    settings: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    then = settings_with(candidates={"own_history": 5}, similarities={"neighbours": 7}, features={"half_life_days": 11})
    registry = FakeRegistry()
    model = registry.add(quick_ranker("user_gap"), then)
    today = settings_with(publication={"list_size": 9}, candidates={"own_history": 50})
    own = settings_of(model, today)
    assert (own.candidates, own.similarities, own.features) == (then.candidates, then.similarities, then.features)
    assert own.publication.list_size == 9
    assert candidate_settings(own) == candidate_settings(then) != candidate_settings(today)
    assert ranker_contender(registry, model, today).settings == own  # type: ignore[arg-type]


def test_candidate_settings_name_all_that_decides_candidates_and_features_and_nothing_else(
    settings: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    same = candidate_settings(settings)
    assert candidate_settings(settings_with(training={"seed": 1}, publication={"shards": 7})) == same
    memory = settings_with(candidates={"user_block": 10}, similarities={"item_block": 10})
    assert candidate_settings(memory) == same
    for change in ({"features": {"history_days": 700}}, {"similarities": {"min_users": 3}}):
        assert candidate_settings(settings_with(**change)) != same
