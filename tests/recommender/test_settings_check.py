"""What is checked before anything costs money, beyond the settings file itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from include.recommender.settings import RecommenderSettings
from include.recommender.settings_check import check_workspace
from include.retraining.errors import SettingsError
from include.retraining.tables import PROMOTION_DECISIONS
from tests.recommender.small_world import DAY, applied_decision, days_ago, quick_ranker

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.workspace import Workspace
    from tests.recommender.small_world import FakeRegistry

    Recommender = Workspace[RecommenderSettings]


@pytest.fixture
def landed(workspace: Recommender) -> Recommender:
    (workspace.landing.folder / "events").mkdir(parents=True)
    return workspace


def test_a_fresh_workspace_with_a_landing_zone_passes(landed: Recommender) -> None:
    check_workspace(landed, DAY)


def test_a_missing_landing_zone_is_named(workspace: Recommender) -> None:
    with pytest.raises(SettingsError, match=r"storage\.landing") as error:
        check_workspace(workspace, DAY)
    assert str(workspace.landing.folder) in str(error.value)


@pytest.mark.parametrize("key", ["event_columns", "item_columns"])
def test_an_unknown_column_in_a_mapping_is_named_with_the_known_ones(landed: Recommender, key: str) -> None:
    wrong = replace(landed, settings=RecommenderSettings(ingest={key: {"customer": "user_id"}}))
    with pytest.raises(SettingsError, match=rf"ingest.{key}.*item_id(?s:.*)Found: customer"):
        check_workspace(wrong, DAY)


def test_a_correct_mapping_passes(landed: Recommender) -> None:
    mapped: dict[str, Any] = {"event_columns": {"user_id": "customer"}, "item_columns": {"category": "aisle"}}
    check_workspace(replace(landed, settings=RecommenderSettings(ingest=mapped)), DAY)


def test_positive_event_types_must_be_allowed_ones(
    landed: Recommender, settings_with: Callable[..., RecommenderSettings]
) -> None:
    business = {"positive_event_types": ["like", "buy"]}
    wrong = settings_with(business=business, ingest={"allowed_event_types": ["view", "like"]})
    with pytest.raises(SettingsError, match=r"view, like(?s:.*)Found: buy"):
        check_workspace(replace(landed, settings=wrong), DAY)
    check_workspace(replace(landed, settings=settings_with(business=business)), DAY)


def test_a_missing_hash_key_is_refused(landed: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIGAWARI_HASH_KEY")
    with pytest.raises(SettingsError, match="HIGAWARI_HASH_KEY"):
        check_workspace(landed, DAY)


def test_a_champion_whose_feature_is_gone_is_refused_by_the_name_of_the_feature(
    landed: Recommender, registry: FakeRegistry
) -> None:
    names = json.dumps(["user_events", "moon_phase"])
    model = registry.add(quick_ranker("user_gap"), landed.settings, feature_names=names)
    landed.warehouse.append_once(PROMOTION_DECISIONS, applied_decision(model.label, days_ago(1)))
    with pytest.raises(SettingsError, match="needs moon_phase"):
        check_workspace(landed, DAY)
    check_workspace(landed, days_ago(1))  # it was not champion yet


def test_a_champion_of_known_features_passes(landed: Recommender, registry: FakeRegistry) -> None:
    model = registry.add(quick_ranker("user_gap"), landed.settings)
    landed.warehouse.append_once(PROMOTION_DECISIONS, applied_decision(model.label, days_ago(1)))
    check_workspace(landed, DAY)
