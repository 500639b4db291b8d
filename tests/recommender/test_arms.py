"""Each user's lists are made by the policy of their arm, in all shards, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from include.recommender.arms import arm_lists, contenders_by_policy
from include.recommender.contenders import OWN_ITEMS, by_candidate_settings, by_state
from include.recommender.drafts import lists_of
from include.recommender.tables import USER_RECOMMENDATIONS
from include.retraining.content_hash import content_hash
from include.retraining.experiment import held_back
from tests.recommender.small_world import FakeRegistry, quick_ranker, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.contenders import Contender
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

SALT, SHARE = "salt", 0.3
EVENTS = random_events(seed=43, count=500, users=30, items=25, days=60)
RULE = {"for_you": "baseline/own_history", "discover": "baseline/recent_popularity"}


@pytest.fixture
def held(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(
        experiment={"salt": SALT, "hold_back_share": SHARE}, publication={"list_size": 6, "shards": 1},
        explanations={"sampled_users": 50},
    )  # fmt: skip


@pytest.fixture
def snapshot(tmp_path: Path, held: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path, EVENTS, random_catalogue(25), held)


def rankers_of(registry: FakeRegistry, held: RecommenderSettings) -> dict[str, dict[str, str]]:
    """A ranker serves for_you, a baseline serves discover."""
    model = registry.add(quick_ranker("popularity_7d_score"), held)
    return {
        "for_you": {"model": model.label, "training_set": "x", "baseline": RULE["for_you"]},
        "discover": {"model": RULE["discover"], "training_set": "", "baseline": RULE["discover"]},
    }


@pytest.fixture
def policies(registry: FakeRegistry, held: RecommenderSettings) -> dict[tuple[str, str], Contender]:
    return contenders_by_policy(rankers_of(registry, held), registry, held)  # type: ignore[arg-type]


def rows(snapshot: Snapshot, policies: Any, held: RecommenderSettings, shards: int = 1) -> tuple[pa.Table, pa.Table]:
    settings = held.model_copy(update={"publication": held.publication.model_copy(update={"shards": shards})})
    parts = [arm_lists(snapshot, policies, settings, shard) for shard in range(shards)]
    return pa.concat_tables([part[0] for part in parts]), pa.concat_tables([part[1] for part in parts])


def aside_of(snapshot: Snapshot) -> set[str]:
    return set(snapshot.user_ids[held_back(snapshot.user_ids.tolist(), SALT, SHARE)])


@pytest.mark.integration
def test_users_held_back_get_the_baseline_and_all_others_the_ranker(
    snapshot: Snapshot, policies: Any, held: RecommenderSettings
) -> None:
    frame = rows(snapshot, policies, held)[0].to_pandas()
    frame = frame[(frame["surface"] == "for_you") & (frame["user_id"] != "*")]
    aside = aside_of(snapshot)
    assert 0 < len(aside) < snapshot.shape[0]
    assert set(frame[frame["arm"] == "baseline"]["user_id"]) == aside
    assert set(frame[frame["arm"] == "ranker"]["user_id"]) == set(snapshot.user_ids) - aside
    made_by = set(zip(frame["arm"], frame["model_version"], strict=True))
    assert made_by == {("baseline", RULE["for_you"]), ("ranker", "recommender_for_you/1")}


def test_lists_of_an_arm_are_those_its_policy_makes_for_everybody(
    snapshot: Snapshot, policies: Any, held: RecommenderSettings
) -> None:
    frame = rows(snapshot, policies, held)[0].to_pandas()
    for arm in ("baseline", "ranker"):
        own = frame[(frame["surface"] == "for_you") & (frame["arm"] == arm)]
        policy, everyone = {"for_you": policies[arm, "for_you"]}, np.arange(snapshot.shape[0])
        alone = lists_of(snapshot, policy, 6, everyone, 0, everybody=False).to_pandas()
        alone = alone[alone["user_id"].isin(own["user_id"])]
        key = ["user_id", "rank", "item_id", "score", "fallback_reason"]
        assert own[key].sort_values(["user_id", "rank"]).to_numpy().tolist() == alone[key].to_numpy().tolist()


def test_where_a_baseline_serves_nobody_is_in_the_rankers_arm_and_the_list_for_everybody_has_none(
    snapshot: Snapshot, policies: Any, held: RecommenderSettings
) -> None:
    frame = rows(snapshot, policies, held)[0].to_pandas()
    personal = frame[(frame["surface"] == "discover") & (frame["user_id"] != "*")]
    assert set(personal["user_id"]) == set(snapshot.user_ids)
    assert set(personal["arm"]) == {"baseline"}
    everybody = frame[frame["user_id"] == "*"]
    assert everybody["arm"].isna().all()
    assert everybody.groupby("surface")["rank"].apply(list).tolist() == [[1, 2, 3, 4, 5, 6]] * 2


@pytest.mark.parametrize("shards", [2, 3, 40])
def test_rule_3_shards_change_nothing_and_the_content_has_one_hash(
    snapshot: Snapshot, policies: Any, held: RecommenderSettings, shards: int
) -> None:
    one, many = (rows(snapshot, policies, held, number)[0] for number in (1, shards))

    def digest(lists: pa.Table) -> str:
        published = lists.drop_columns(["shard"]).add_column(0, "publication_id", pa.array(["p"] * lists.num_rows))
        return content_hash(USER_RECOMMENDATIONS, published)

    assert digest(one) == digest(many)
    other_arms = one.set_column(one.column_names.index("arm"), "arm", pa.array(["ranker"] * one.num_rows))
    assert digest(other_arms) != digest(one)


def test_rule_8_reasons_are_kept_for_lists_of_the_ranker_only(
    snapshot: Snapshot, policies: Any, held: RecommenderSettings
) -> None:
    lists, reasons = rows(snapshot, policies, held)
    frame = lists.to_pandas()
    by_ranker = frame[(frame["arm"] == "ranker") & (frame["surface"] == "for_you")]
    explained = reasons.to_pandas()
    assert set(explained["surface"]) == {"for_you"}
    assert set(explained["user_id"]) == set(by_ranker["user_id"])


def test_without_a_share_everybody_gets_what_serves(
    snapshot: Snapshot, registry: FakeRegistry, held: RecommenderSettings
) -> None:
    none = held.model_copy(update={"experiment": held.experiment.model_copy(update={"hold_back_share": 0.0})})
    policies = contenders_by_policy(rankers_of(registry, none), registry, none)  # type: ignore[arg-type]
    frame = rows(snapshot, policies, none)[0].to_pandas()
    for_you = frame[(frame["surface"] == "for_you") & (frame["user_id"] != "*")]
    assert set(for_you["arm"]) == {"ranker"}
    assert set(for_you["user_id"]) == set(snapshot.user_ids)


def test_contenders_that_differ_in_their_candidates_only_share_the_state_of_a_shard(
    registry: FakeRegistry, held: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    rules = {"training_set": "x", "baseline": RULE["for_you"]}
    other_state = settings_with(similarities={"neighbours": 9})
    for own, groups in ((settings_with(candidates={"own_history": 3}), 1), (other_state, 2)):
        rankers = {"for_you": {"model": registry.add(quick_ranker("popularity_7d_score"), own).label, **rules}}
        policies = contenders_by_policy(rankers, registry, held)  # type: ignore[arg-type]
        assert len(by_state(policies)) == groups
        assert len(by_candidate_settings(policies)) == 2


def test_the_baseline_proposes_for_itself_whatever_the_champion_was_trained_with(
    registry: FakeRegistry, held: RecommenderSettings, settings_with: Callable[..., RecommenderSettings]
) -> None:
    """As it was evaluated: and a champion ranks candidates of its own."""
    old = settings_with(candidates={"own_history": 3})
    model = registry.add(quick_ranker("popularity_7d_score"), old)
    rankers = {"for_you": {"model": model.label, "training_set": "x", "baseline": RULE["for_you"]}}
    groups = by_candidate_settings(contenders_by_policy(rankers, registry, held))  # type: ignore[arg-type]
    caps = {name: next(iter(group.values())).settings.candidates.own_history for group in groups for name in group}
    assert caps == {("ranker", "for_you"): 3, ("baseline", "for_you"): OWN_ITEMS}
    assert np.array([len(group) for group in groups]).tolist() == [1, 1]
