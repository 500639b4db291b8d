"""What can fill a list, each with the settings of its own candidates."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from include.recommender.baselines import BASELINES, baselines_of
from include.recommender.candidates import propose
from include.recommender.contenders import (
    Contender,
    baseline,
    by_candidate_settings,
    candidate_settings,
    contender_from,
    contender_of,
    feature_names_of,
    learnt_until,
    model_name,
    ranker_contender,
    settings_of,
)
from include.recommender.features import FEATURE_NAMES
from include.recommender.lists import top_lists
from include.recommender.metrics import DEPTH
from include.recommender.ranker import Ranker
from include.recommender.settings import ALL_ITEMS, ALLOWS_REPEATS, SURFACES
from include.recommender.sources import SOURCE_NAMES
from include.recommender.sources.popularity import popularity
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


FIRST, SECOND, THIRD = FEATURE_NAMES[:3]


def ranker_of(names: tuple[str, ...]) -> Ranker:
    """A ranker of some features only."""
    import xgboost

    rng = np.random.default_rng(0)
    features = rng.uniform(0, 3, (300, len(names)))
    data = xgboost.DMatrix(features, features @ np.arange(1, len(names) + 1), feature_names=list(names))
    booster = xgboost.train({"max_depth": 3, "eta": 0.5, "nthread": 1}, data, 5)
    return Ranker(bytes(booster.save_raw("ubj")), names)


@pytest.fixture
def candidates(tmp_path: Path, settings: RecommenderSettings) -> Candidates:
    snapshot = snapshot_from(tmp_path, random_events(1, 150, 8, 12, 40), random_catalogue(12), settings)
    (block,) = propose(snapshot, np.arange(snapshot.shape[0]), settings, "for_you")
    return block


def test_contenders_with_the_same_candidate_settings_rank_the_same_candidates(
    settings: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    same = settings_with(publication={"list_size": 3}, candidates={"user_block": 2})
    other = settings_with(candidates={"rising": 0})
    using = {"a": settings, "b": other, "c": same}
    contenders = {name: Contender(name, lambda c: c.item.astype(float), own) for name, own in using.items()}
    assert [list(alike) for alike in by_candidate_settings(contenders)] == [["a", "c"], ["b"]]


@pytest.mark.parametrize("days", [1, 3, 7, 28])
@pytest.mark.parametrize("surface", SURFACES)
def test_rule_9_a_baseline_lists_the_best_of_all_items_whatever_candidate_sources_may_propose(
    tmp_path: Path, settings_with: Callable[..., RecommenderSettings], surface: str, days: int
) -> None:
    """Its score of every item that may be shown, by hand: nobody's caps decide what a ranker must beat."""
    few = settings_with(
        candidates=dict.fromkeys(SOURCE_NAMES, 0), lists={"popularity_days": [days]}, publication={"list_size": 7}
    )
    events = random_events(3, 4000, 12, 150, 60)
    snapshot = snapshot_from(tmp_path, events, random_catalogue(150), few)
    common, users = popularity(days)(snapshot), np.arange(snapshot.shape[0])
    own = sparse.csr_matrix((snapshot.pairs["weight_micros"], snapshot.pair_item, snapshot.pair_start), snapshot.shape)
    scores = {"recent_popularity": np.tile(common, (len(users), 1))}
    scores["own_history"] = own.toarray() + common / (1 + common.max())
    for name in baselines_of(surface):
        rule = baseline(name, few)
        lists = top_lists(snapshot, users, {name: rule.scorer}, rule.settings, surface, DEPTH)[name]
        hidden = ~snapshot.recommendable | (False if ALLOWS_REPEATS[surface] else own.toarray() > 0)
        best = np.sort(np.where(hidden, -1, scores[name]), axis=1)[:, ::-1][:, :DEPTH]
        assert lists.score.reshape(len(users), DEPTH).tolist() == best.tolist()


@pytest.mark.parametrize("days", [1, 28])
@pytest.mark.parametrize("name", list(BASELINES))
def test_a_baseline_is_named_by_its_label_and_counts_the_days_that_the_run_chose(
    name: str, days: int, candidates: Candidates, settings_with: Callable[..., RecommenderSettings]
) -> None:
    chosen = settings_with(lists={"popularity_days": [days]})
    contender = contender_of(f"baseline/{name}", FakeRegistry(), chosen)  # type: ignore[arg-type]
    assert (contender.label, contender.settings.lists, contender.ranker) == (f"baseline/{name}", chosen.lists, None)
    assert contender.scorer(candidates).tolist() == BASELINES[name](candidates, days).tolist()
    assert contender.scorer(candidates).tolist() != BASELINES[name](candidates, 29 - days).tolist()


def test_a_ranker_is_named_by_model_and_version_and_scores_with_its_own_features(
    candidates: Candidates, settings: RecommenderSettings
) -> None:
    registry, ranker = FakeRegistry(), quick_ranker(THIRD)
    registry.add(quick_ranker(FIRST), settings)
    second = registry.add(ranker, settings)
    contender = contender_of(second.label, registry, settings)  # type: ignore[arg-type]
    assert contender.label == f"{model_name('for_you')}/2"
    assert contender.ranker == Ranker(ranker.model, FEATURE_NAMES)
    assert contender.scorer(candidates).tolist() == ranker.score(candidates.features).tolist()


def test_a_ranker_of_fewer_features_in_another_order_gets_those_columns(
    candidates: Candidates, settings: RecommenderSettings
) -> None:
    names = (THIRD, FIRST, SECOND)
    columns = [FEATURE_NAMES.index(name) for name in names]
    registry, ranker = FakeRegistry(), ranker_of(names)
    model = registry.add(ranker, settings)
    expected = ranker.score(candidates.features[:, columns]).tolist()
    assert len(set(expected)) > 5
    assert ranker_contender(registry, model, settings).scorer(candidates).tolist() == expected  # type: ignore[arg-type]
    in_memory = contender_from("predecessor/2026-04-01", ranker, settings)
    assert (in_memory.label, in_memory.settings, in_memory.ranker) == ("predecessor/2026-04-01", settings, ranker)
    assert in_memory.scorer(candidates).tolist() == expected


def test_a_registered_ranker_says_until_when_it_learnt() -> None:
    model = RegisteredModel("recommender_for_you", "7", {"learnt_until": "2026-04-24"})
    assert learnt_until(model) == date(2026, 4, 24)


def test_a_feature_that_this_code_no_longer_makes_is_refused_by_name() -> None:
    tags = {"feature_names": json.dumps(["user_events", "moon_phase", "tide"])}
    with pytest.raises(SettingsError, match=r"recommender_for_you/7 needs moon_phase, tide"):
        feature_names_of(RegisteredModel("recommender_for_you", "7", tags))


def test_a_ranker_keeps_the_candidate_settings_it_was_trained_with(
    settings: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    then = settings_with(
        candidates={"own_history": 5}, similarities={"neighbours": 7}, features={"half_life_short_days": 3},
        ease={"regularisation": [30.0]},
    )  # fmt: skip
    registry = FakeRegistry()
    model = registry.add(quick_ranker(FIRST), then)
    today = settings_with(publication={"list_size": 9}, candidates={"own_history": 50, "user_block": 10})
    own = settings_of(model, today)
    assert own.candidates == then.candidates.model_copy(update={"user_block": 10})
    assert own.similarities == then.similarities
    assert (own.features, own.ease) == (then.features, then.ease)
    assert (own.publication.list_size, own.candidates.own_history) == (9, 5)
    assert candidate_settings(own) == candidate_settings(then) != candidate_settings(today)
    assert ranker_contender(registry, model, today).settings == own  # type: ignore[arg-type]


def test_a_source_that_came_after_a_ranker_proposes_nothing_for_it(settings: RecommenderSettings) -> None:
    registry = FakeRegistry()
    model = registry.add(quick_ranker(FIRST), settings)
    own = json.loads(model.tags["candidate_settings"])
    del own["candidates"]["rising"]
    older = replace(model, tags={**model.tags, "candidate_settings": json.dumps(own)})
    assert settings_of(older, settings).candidates == settings.candidates.model_copy(update={"rising": 0})


def test_a_ranker_from_before_for_you_had_a_share_keeps_all_its_candidates(settings: RecommenderSettings) -> None:
    model = FakeRegistry().add(quick_ranker(FIRST), settings)
    own = json.loads(model.tags["candidate_settings"])
    del own["candidates"]["for_you_share"]
    older = replace(model, tags={**model.tags, "candidate_settings": json.dumps(own)})
    assert (settings.candidates.for_you_share, settings_of(older, settings).candidates.for_you_share) == (0.5, 1.0)


def test_for_a_ranker_from_before_items_per_user_all_items_count(settings: RecommenderSettings) -> None:
    model = FakeRegistry().add(quick_ranker(FIRST), settings)
    own = json.loads(model.tags["candidate_settings"])
    del own["similarities"]["items_per_user"]
    older = replace(model, tags={**model.tags, "candidate_settings": json.dumps(own)})
    assert settings.similarities.items_per_user < ALL_ITEMS
    assert settings_of(older, settings).similarities.items_per_user == ALL_ITEMS


def test_candidate_settings_name_all_that_decides_candidates_and_features_and_nothing_else(
    settings: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    same = candidate_settings(settings)
    other = settings_with(training={"seed": 1}, publication={"shards": 7}, lists={"popularity_days": [1]})
    assert candidate_settings(other) == same
    memory = settings_with(candidates={"user_block": 10}, similarities={"item_block": 10}, ease={"item_block": 10})
    assert candidate_settings(memory) == same
    # A champion of a shorter history would show as new what its users touched long ago.
    assert candidate_settings(settings_with(features={"history_days": 700})) == same
    changes = [
        {"features": {"half_life_short_days": 5}}, {"similarities": {"min_users": 3}},
        {"ease": {"regularisation": [3.0]}}, {"candidates": {"rising": 0}},
    ]  # fmt: skip
    assert len({same, *(candidate_settings(settings_with(**change)) for change in changes)}) == 5
