"""What went into a ranker, as the registry keeps it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from include.recommender.features import FEATURE_NAMES, LEARNED
from include.recommender.model_package import lineage_of_ranker, package_of
from include.retraining.registry import lineage_key
from include.retraining.run import Run
from tests.recommender.small_world import DAY, days_ago, quick_ranker

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.recommender.settings import RecommenderSettings

RUN = Run(DAY, "run-1", "scheduled")


def key(run: Run, settings: RecommenderSettings, training_set: str = "hash") -> str:
    return lineage_key(lineage_of_ranker(run, "for_you", settings, training_set))


def test_rule_3_a_retry_has_the_lineage_of_the_first_try(settings: RecommenderSettings) -> None:
    assert key(RUN, settings) == key(Run(DAY, "run-1-retry", "manual"), settings)


def test_whatever_changes_a_model_changes_its_lineage(
    settings: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    first = key(RUN, settings)
    assert key(Run(days_ago(1), "run-1", "scheduled"), settings) != first
    assert key(RUN, settings, "another training set") != first
    assert key(RUN, settings_with(training={"max_depth": 3})) != first
    assert key(RUN, settings_with(features={"half_life_long_days": 30})) != first
    assert key(RUN, settings_with(ease={"regularisation": [3.0]})) != first
    assert lineage_key(lineage_of_ranker(RUN, "discover", settings, "hash")) != first
    assert key(RUN, settings_with(publication={"shards": 5})) == first


def test_forced_training_makes_a_new_version_per_run(settings: RecommenderSettings) -> None:
    forced = [key(Run(DAY, run_id, "manual", train="force"), settings) for run_id in ("a", "b", "a")]
    assert forced[0] == forced[2] != forced[1]
    assert forced[0] != key(RUN, settings)


def test_rule_2_the_lineage_says_where_the_labels_ended_the_holdout_begins_there(
    settings_with: Callable[..., RecommenderSettings],
) -> None:
    short = settings_with(training={"holdout_days": 5})
    assert lineage_of_ranker(RUN, "for_you", short, "hash")["learnt_until"] == str(days_ago(5))


def test_a_package_tells_how_the_ranker_was_made(settings: RecommenderSettings) -> None:
    favourite, *others = FEATURE_NAMES
    ranker = replace(quick_ranker(favourite), left_out=(others[-1],))
    package = package_of(ranker, lineage_of_ranker(RUN, "for_you", settings, "hash"), settings, "given")
    assert package.name == "recommender_for_you"
    assert package.sha256 == ranker.sha256
    assert package.feature_names == ranker.feature_names
    assert max(package.importances, key=package.importances.__getitem__) == favourite
    assert package.parameters["max_depth"] == settings.training.max_depth
    assert package.parameters["settings_hash"] == "given"
    assert package.metrics == {"latest_snapshot_ndcg_at_10": 0.5, "rounds": 5}
    assert json.loads(package.lineage["features"]) == list(LEARNED)
    assert json.loads(package.tags["feature_names"]) == list(ranker.feature_names)
    assert json.loads(package.tags["features_left_out"]) == [others[-1]]


def test_a_package_tells_what_the_run_chose(settings_with: Callable[..., RecommenderSettings]) -> None:
    chosen = settings_with(ease={"regularisation": [3.0]}, lists={"popularity_days": [7]}, training={"snapshots": [4]})
    ranker = quick_ranker(FEATURE_NAMES[0])  # of two snapshots, in five rounds
    package = package_of(ranker, lineage_of_ranker(RUN, "for_you", chosen, "hash"), chosen, "given")
    assert {name: value for name, value in package.parameters.items() if name.startswith("chosen_")} == {
        "chosen_snapshots": 2, "chosen_rounds": 5, "chosen_ease_regularisation": 3.0, "chosen_popularity_days": 7,
    }  # fmt: skip
    assert (package.tags["chosen_snapshots"], package.tags["chosen_rounds"]) == ("2", "5")
