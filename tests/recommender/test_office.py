"""Who serves a surface, and how a challenger takes office."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from include.recommender.evaluation import CHALLENGER, CHAMPION
from include.recommender.office import (
    apply_decision,
    chosen_for,
    contenders_of,
    decide_and_record,
    registered,
)
from include.retraining.promotion.decisions import champion_version
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.run import Run
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS
from tests.recommender.small_world import DAY, applied_decision, days_ago, evaluation_rows, quick_ranker

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.registry import RegisteredModel
    from include.retraining.workspace import Workspace
    from tests.recommender.small_world import FakeRegistry

    Recommender = Workspace[RecommenderSettings]

RUN = Run(DAY, "run-1", "scheduled")
SURFACE, FALLBACK = "for_you", "recent_popularity"
PUBLISHED = f"{DAY}-0123456789ab"


@pytest.fixture
def models(registry: FakeRegistry, settings: RecommenderSettings) -> list[RegisteredModel]:
    return [registry.add(quick_ranker(name), settings) for name in ("user_gap", "item_users_28d", "user_items")]


def take_office(workspace: Recommender, model: RegisteredModel, days_back: int) -> None:
    workspace.warehouse.append_once(PROMOTION_DECISIONS, applied_decision(model.label, days_ago(days_back)))


def evaluated(workspace: Recommender, gain: float, champion_gain: float | None = None) -> None:
    partition = {"as_of_date": DAY, "surface": SURFACE}
    workspace.warehouse.replace(EVALUATION_RESULTS, partition, evaluation_rows(DAY, gain, champion_gain))


def publish(workspace: Recommender, publication_id: str) -> None:
    log = read_switch_log(workspace.warehouse)
    append_switch(workspace.warehouse, log, publication_id, "publish", "test", "", "run-1")


def decisions(workspace: Recommender, kind: str) -> list[dict[str, object]]:
    return workspace.warehouse.read(PROMOTION_DECISIONS, {"kind": kind}).to_pylist()


def test_without_a_champion_the_challenger_meets_the_baselines_only(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    contenders = contenders_of(RUN, workspace, SURFACE, models[0].label)
    assert list(contenders) == ["recent_popularity", "own_history", CHALLENGER]
    assert contenders[CHALLENGER].label == models[0].label


def test_rule_5_the_champion_is_the_last_to_take_office_before_the_date(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    for model, days_back in zip(models, (20, 3, 0), strict=True):
        take_office(workspace, model, days_back)
    contenders = contenders_of(RUN, workspace, SURFACE, models[2].label)
    assert contenders[CHAMPION].label == models[1].label
    backfill = Run(days_ago(10), "run-2", "backfill")
    assert contenders_of(backfill, workspace, SURFACE, models[2].label)[CHAMPION].label == models[0].label
    first = Run(days_ago(20), "run-3", "backfill")
    assert CHAMPION not in contenders_of(first, workspace, SURFACE, models[2].label)


@pytest.mark.parametrize(
    ("gain", "champion_gain", "choice"),
    [(0.05, None, "promote"), (0.0, None, "keep"), (0.05, 0.0, "promote"), (0.05, -0.05, "keep")],
)
def test_rule_9_a_challenger_must_beat_the_baselines_and_not_lose_to_the_champion(
    workspace: Recommender,
    models: list[RegisteredModel],
    registry: FakeRegistry,
    gain: float,
    champion_gain: float | None,
    choice: str,
) -> None:
    if champion_gain is not None:
        take_office(workspace, models[0], 5)
    evaluated(workspace, gain, champion_gain)
    decided = decide_and_record(RUN, workspace, SURFACE, models[1].label)
    assert (decided["choice"], decided["model"], decided["best_baseline"]) == (choice, models[1].label, "own_history")
    (row,) = decisions(workspace, "decided")
    assert (row["decision_id"], row["choice"]) == (decided["decision_id"], choice)
    assert row["champion_version"] == (models[0].label if champion_gain is not None else "")
    assert row["reasons"]
    assert registry.tagged[models[1].label]["decision"] == choice
    assert not registry.crowned


def test_rule_3_deciding_again_records_nothing_new(workspace: Recommender, models: list[RegisteredModel]) -> None:
    evaluated(workspace, 0.05)
    first = decide_and_record(RUN, workspace, SURFACE, models[0].label)
    retry = Run(DAY, "run-1-retry", "manual")
    assert decide_and_record(retry, workspace, SURFACE, models[0].label) == first
    assert len(decisions(workspace, "decided")) == 1


PROMOTE = {"choice": "promote", "decision_id": "d1", "best_baseline": "own_history"}


def test_a_promoted_challenger_serves(workspace: Recommender, models: list[RegisteredModel]) -> None:
    take_office(workspace, models[0], 5)
    chosen = chosen_for(RUN, workspace, SURFACE, PROMOTE | {"model": models[1].label}, FALLBACK)
    assert chosen == {"model": models[1].label, "training_set": "training-set-2"}


@pytest.mark.parametrize("decided", [True, False], ids=["not promoted", "no decision"])
def test_else_the_champion_serves(workspace: Recommender, models: list[RegisteredModel], decided: bool) -> None:
    take_office(workspace, models[0], 5)
    decision = PROMOTE | {"choice": "keep", "model": models[1].label} if decided else None
    chosen = chosen_for(RUN, workspace, SURFACE, decision, FALLBACK)
    assert chosen == {"model": models[0].label, "training_set": "training-set-1"}


def test_rule_9_without_a_champion_the_best_baseline_serves_or_the_fallback_where_nothing_was_measured(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    keep = PROMOTE | {"choice": "keep", "model": models[1].label}
    assert chosen_for(RUN, workspace, SURFACE, keep, FALLBACK)["model"] == "baseline/own_history"
    assert chosen_for(RUN, workspace, SURFACE, None, FALLBACK)["model"] == "baseline/recent_popularity"


def test_a_promoted_challenger_takes_office_once_readers_see_its_lists(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    publish(workspace, PUBLISHED)
    decision = PROMOTE | {"model": models[1].label}
    for _ in range(2):
        apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision)
    (row,) = decisions(workspace, "applied")
    assert (row["model_version"], row["publication_id"]) == (models[1].label, PUBLISHED)
    assert champion_version(workspace.warehouse, SURFACE, DAY + timedelta(days=1)) == models[1].label
    assert champion_version(workspace.warehouse, SURFACE, DAY) is None
    assert set(registry.crowned) == {models[1].label}


def test_rule_5_nothing_moves_when_readers_see_other_lists(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    publish(workspace, f"{DAY + timedelta(days=1)}-0123456789ab")
    said = apply_decision(RUN, workspace, SURFACE, PUBLISHED, PROMOTE | {"model": models[1].label})
    assert "nothing moves" in said
    assert (decisions(workspace, "applied"), registry.crowned) == ([], [])


def test_a_challenger_that_was_not_promoted_never_takes_office(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    publish(workspace, PUBLISHED)
    keep = PROMOTE | {"choice": "keep", "model": models[1].label}
    assert apply_decision(RUN, workspace, SURFACE, PUBLISHED, keep) == "the challenger was not promoted"
    assert (decisions(workspace, "applied"), registry.crowned) == ([], [])


def test_a_label_names_a_registered_model(workspace: Recommender, models: list[RegisteredModel]) -> None:
    assert registered(workspace, models[2].label) == models[2]
