"""Who serves a surface, and how a challenger takes office."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.recommender.baselines import baselines_of
from include.recommender.evaluation import CHALLENGER, CHAMPION, evaluation_weeks
from include.recommender.features import FEATURE_NAMES
from include.recommender.office import apply_decision, chosen_for, decide_and_record, registered, weeks_of
from include.recommender.operations import roll_back_model
from include.recommender.ranker import train_ranker
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import TRAINING_SET
from include.recommender.training_set import snapshot_dates
from include.retraining.errors import StepSkipped
from include.retraining.operation import Operation
from include.retraining.promotion.approval import Answer
from include.retraining.promotion.decisions import champion_version
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.run import Run
from include.retraining.settings import Promotion
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS
from tests.recommender.small_world import DAY, applied_decision, days_ago, evaluation_rows, quick_ranker

if TYPE_CHECKING:
    from datetime import date

    from include.recommender.evaluation import Week
    from include.retraining.registry import RegisteredModel
    from include.retraining.workspace import Workspace
    from tests.recommender.small_world import FakeRegistry

    Recommender = Workspace[RecommenderSettings]

RUN = Run(DAY, "run-1", "scheduled")
ROLLBACK = Operation("by a form", "hana", "shows nonsense", dry_run=False)
SURFACE = "for_you"
PUBLISHED = f"{DAY}-0123456789ab"


@pytest.fixture
def models(registry: FakeRegistry, settings: RecommenderSettings) -> list[RegisteredModel]:
    return [registry.add(quick_ranker(name), settings) for name in FEATURE_NAMES[:3]]


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


def learn_quickly(workspace: Recommender) -> Recommender:
    """The same workspace with settings under which a few rows train a ranker."""
    training = {"snapshots": [2], "min_groups": 10, "rounds": [6], "threads": 1}
    return replace(workspace, settings=RecommenderSettings(training={**training, "min_child_weight": 1}))


def write_training_set(workspace: Recommender, surface: str = SURFACE) -> pa.Table:
    """Ten users with six candidates each at every snapshot of the run; the higher the first features, the better."""
    rng = np.random.default_rng(7)
    rows = []
    for day in snapshot_dates(DAY, workspace.settings):
        for user in range(10):
            for item in range(6):
                features = rng.normal(size=len(FEATURE_NAMES)).astype(np.float32)
                row = {"as_of_date": DAY, "surface": surface, "snapshot_date": day, "user_id": f"u{user}"}
                row |= {"item_id": f"i{item}", "label": int(features[:3].sum() > 0)}
                rows.append(row | dict(zip(FEATURE_NAMES, features.tolist(), strict=True)))
    table = pa.Table.from_pylist(rows, schema=TRAINING_SET.schema)
    workspace.warehouse.replace(TRAINING_SET, {"as_of_date": DAY, "surface": surface}, table)
    return table


def weeks(workspace: Recommender, challenger: RegisteredModel, run: Run = RUN, surface: str = SURFACE) -> list[Week]:
    return list(weeks_of(run, workspace, workspace.settings, surface, challenger.label))


HOLDOUT, WEEK_BEFORE, EARLIEST = (days_ago(days) for days in (7, 14, 21))


@pytest.mark.parametrize("surface", ["for_you", "discover"])
def test_without_a_champion_the_challenger_meets_the_baselines_of_the_surface_only(
    workspace: Recommender, models: list[RegisteredModel], surface: str
) -> None:
    (holdout,) = weeks(workspace, models[0], surface=surface)
    assert holdout.first == HOLDOUT
    assert list(holdout.contenders) == [*baselines_of(surface), CHALLENGER]
    assert holdout.contenders[CHALLENGER].label == models[0].label


def test_rule_2_before_the_holdout_a_predecessor_that_knew_no_more_stands_in_for_the_challenger(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    workspace = learn_quickly(workspace)
    rows = write_training_set(workspace)
    found = weeks(workspace, models[0])
    assert (
        [week.first for week in found] == [HOLDOUT, WEEK_BEFORE, EARLIEST] == evaluation_weeks(DAY, workspace.settings)
    )
    assert found[0].contenders[CHALLENGER].label == models[0].label
    for week in found[1:]:
        predecessor = week.contenders[CHALLENGER]
        assert (predecessor.label, predecessor.settings) == (f"predecessor/{week.first}", workspace.settings)
        known = rows.filter(pc.less_equal(rows["snapshot_date"], week.first - timedelta(days=7)))
        assert 0 < known.num_rows < rows.num_rows
        assert predecessor.ranker == train_ranker(known, workspace.settings.training)


def test_a_week_before_which_there_was_too_little_to_learn_from_is_left_out(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    workspace = learn_quickly(workspace)
    rows = write_training_set(workspace)
    later = rows.filter(pc.greater(rows["snapshot_date"], snapshot_dates(DAY, workspace.settings)[0]))
    workspace.warehouse.replace(TRAINING_SET, {"as_of_date": DAY, "surface": SURFACE}, later)
    assert [week.first for week in weeks(workspace, models[0])] == [HOLDOUT, WEEK_BEFORE]


@pytest.mark.parametrize(
    ("learnt_until", "measured_on"),
    [
        (HOLDOUT, [HOLDOUT]),
        (WEEK_BEFORE, [HOLDOUT, WEEK_BEFORE]),
        (days_ago(20), [HOLDOUT, WEEK_BEFORE]),
        (EARLIEST, [HOLDOUT, WEEK_BEFORE, EARLIEST]),
    ],
)
def test_rule_2_a_champion_takes_part_from_the_week_on_in_which_its_own_labels_had_ended(
    workspace: Recommender, registry: FakeRegistry, learnt_until: date, measured_on: list[date]
) -> None:
    workspace = learn_quickly(workspace)
    write_training_set(workspace)
    champion = registry.add(quick_ranker(FEATURE_NAMES[0]), workspace.settings, learnt_until=str(learnt_until))
    take_office(workspace, champion, 1)
    challenger = registry.add(quick_ranker(FEATURE_NAMES[1]), workspace.settings)
    found = weeks(workspace, challenger)
    assert len(found) == 3
    assert [week.first for week in found if CHAMPION in week.contenders] == measured_on
    assert {week.contenders[CHAMPION].label for week in found if CHAMPION in week.contenders} == {champion.label}


def test_rule_5_the_champion_is_the_last_to_take_office_before_the_date(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    for model, days_back in zip(models, (20, 3, 0), strict=True):
        take_office(workspace, model, days_back)
    (holdout,) = weeks(workspace, models[2])
    assert holdout.contenders[CHAMPION].label == models[1].label
    (backfill,) = weeks(workspace, models[2], Run(days_ago(10), "run-2", "backfill"))
    assert backfill.contenders[CHAMPION].label == models[0].label
    (first,) = weeks(workspace, models[2], Run(days_ago(20), "run-3", "backfill"))
    assert CHAMPION not in first.contenders


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


def test_rule_9_a_champion_that_learnt_from_every_evaluated_week_stays(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    take_office(workspace, models[0], 1)
    evaluated(workspace, 0.05)
    assert decide_and_record(RUN, workspace, SURFACE, models[1].label)["choice"] == "keep"
    (row,) = decisions(workspace, "decided")
    assert "learnt from every evaluated week" in row["reasons"][0]


def test_rule_3_deciding_again_records_nothing_new(workspace: Recommender, models: list[RegisteredModel]) -> None:
    evaluated(workspace, 0.05)
    first = decide_and_record(RUN, workspace, SURFACE, models[0].label)
    retry = Run(DAY, "run-1-retry", "manual")
    assert decide_and_record(retry, workspace, SURFACE, models[0].label) == first
    assert len(decisions(workspace, "decided")) == 1


PROMOTE = {"choice": "promote", "decision_id": "d1", "best_baseline": "own_history"}


def test_a_promoted_challenger_serves(workspace: Recommender, models: list[RegisteredModel]) -> None:
    take_office(workspace, models[0], 5)
    chosen = chosen_for(RUN, workspace, workspace.settings, SURFACE, PROMOTE | {"model": models[1].label})
    assert chosen == {
        "model": models[1].label, "training_set": "training-set-2", "baseline": "baseline/own_history",
    }  # fmt: skip


@pytest.mark.parametrize("decided", [True, False], ids=["not promoted", "no decision"])
def test_else_the_champion_serves(workspace: Recommender, models: list[RegisteredModel], decided: bool) -> None:
    take_office(workspace, models[0], 5)
    decision = PROMOTE | {"choice": "keep", "model": models[1].label} if decided else None
    chosen = chosen_for(RUN, workspace, workspace.settings, SURFACE, decision)
    assert chosen == {
        "model": models[0].label, "training_set": "training-set-1", "baseline": "baseline/own_history",
    }  # fmt: skip


def test_rule_9_without_a_champion_the_best_baseline_serves(
    workspace: Recommender, models: list[RegisteredModel]
) -> None:
    keep = PROMOTE | {"choice": "keep", "model": models[1].label}
    chosen = chosen_for(RUN, workspace, workspace.settings, SURFACE, keep)
    assert chosen == {"model": "baseline/own_history", "training_set": "", "baseline": "baseline/own_history"}


@pytest.mark.parametrize(
    ("fallback", "surface", "serves"),
    [
        ("recent_popularity", "for_you", "recent_popularity"),
        ("own_history", "for_you", "own_history"),
        ("own_history", "discover", "recent_popularity"),  # nobody's own history may be shown there
    ],
)
def test_where_nothing_was_measured_the_fallback_that_the_run_chose_serves_if_the_surface_allows_it(
    workspace: Recommender, fallback: str, surface: str, serves: str
) -> None:
    chosen = RecommenderSettings(lists={"fallback": [fallback]})
    assert chosen_for(RUN, workspace, chosen, surface, None)["model"] == f"baseline/{serves}"


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


def test_a_repeated_record_does_not_undo_a_rollback_of_the_model(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    take_office(workspace, models[0], 5)
    publish(workspace, PUBLISHED)
    decision = PROMOTE | {"model": models[1].label}
    apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision)
    roll_back_model(ROLLBACK, workspace, SURFACE, None)
    assert "nothing moves" in apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision)
    assert registry.crowned == [models[1].label, models[0].label]
    assert champion_version(workspace.warehouse, SURFACE, DAY + timedelta(days=1)) == models[0].label


def test_where_a_person_put_none_in_office_the_next_run_knows_no_champion(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    take_office(workspace, models[0], 5)
    roll_back_model(ROLLBACK, workspace, SURFACE, "none")
    assert registry.crowned == ["recommender_for_you/none"]
    assert chosen_for(RUN, workspace, workspace.settings, SURFACE, None)["model"] == "baseline/own_history"
    (holdout,) = weeks(workspace, models[1])
    assert CHAMPION not in holdout.contenders
    evaluated(workspace, 0.05)
    assert decide_and_record(RUN, workspace, SURFACE, models[1].label)["choice"] == "promote"
    assert [row["champion_version"] for row in decisions(workspace, "decided")] == [""]


def test_rule_5_nothing_moves_when_readers_see_other_lists(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    publish(workspace, f"{DAY + timedelta(days=1)}-0123456789ab")
    with pytest.raises(StepSkipped, match="nothing moves"):
        apply_decision(RUN, workspace, SURFACE, PUBLISHED, PROMOTE | {"model": models[1].label})
    assert (decisions(workspace, "applied"), registry.crowned) == ([], [])


def test_a_challenger_that_was_not_promoted_never_takes_office(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    publish(workspace, PUBLISHED)
    keep = PROMOTE | {"choice": "keep", "model": models[1].label}
    assert apply_decision(RUN, workspace, SURFACE, PUBLISHED, keep) == "the challenger was not promoted"
    assert (decisions(workspace, "applied"), registry.crowned) == ([], [])


ASKED = {"choice": "ask", "decision_id": "d1", "best_baseline": "own_history"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_where_a_person_is_asked_the_champion_serves_and_nobody_takes_office(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    take_office(workspace, models[0], 5)
    promotion = {"approval": "always"}
    asks = replace(workspace, settings=workspace.settings.model_copy(update={"promotion": Promotion(**promotion)}))
    evaluated(workspace, 0.05, 0.01)
    decision = decide_and_record(RUN, asks, SURFACE, models[1].label)
    assert decision["choice"] == "ask"
    assert chosen_for(RUN, asks, asks.settings, SURFACE, decision)["model"] == models[0].label
    publish(workspace, PUBLISHED)
    with pytest.raises(StepSkipped, match="nobody answered"):
        apply_decision(RUN, asks, SURFACE, PUBLISHED, decision)
    assert not registry.crowned


def test_an_approved_challenger_is_champion_from_the_next_day_and_the_person_is_named(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    take_office(workspace, models[0], 5)
    publish(workspace, PUBLISHED)
    decision, answer = ASKED | {"model": models[1].label}, Answer("approved", "hana", NOON, "looks right")
    for given in (answer, answer, None):  # a retry, and a rerun that asks nobody
        assert "hana" in apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision, given)
    (approved,), (applied,) = decisions(workspace, "approved"), decisions(workspace, "applied")[1:]
    assert (approved["who"], approved["answered_at"], approved["reasons"]) == ("hana", NOON, ["looks right"])
    assert (applied["who"], applied["choice"], applied["publication_id"]) == ("hana", "approve", "")
    assert champion_version(workspace.warehouse, SURFACE, DAY) == models[0].label
    assert champion_version(workspace.warehouse, SURFACE, DAY + timedelta(days=1)) == models[1].label
    assert set(registry.crowned) == {models[1].label}


@pytest.mark.parametrize(("kind", "who"), [("rejected", "hana"), ("timed_out", "nobody")])
def test_a_no_or_silence_is_recorded_and_the_champion_stays(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry, kind: str, who: str
) -> None:
    publish(workspace, PUBLISHED)
    decision = ASKED | {"model": models[1].label}
    for _ in range(2):
        with pytest.raises(StepSkipped, match="nothing moves"):
            apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision, Answer(kind, who, NOON))
    (row,) = decisions(workspace, kind)
    assert (row["who"], row["answered_at"], row["model_version"]) == (who, NOON, models[1].label)
    assert (decisions(workspace, "applied"), registry.crowned) == ([], [])


def test_after_silence_a_person_may_still_approve_but_the_first_answer_of_a_person_stands(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    publish(workspace, PUBLISHED)
    decision = ASKED | {"model": models[1].label}
    with pytest.raises(StepSkipped):
        apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision, Answer("timed_out", "nobody", NOON))
    apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision, Answer("approved", "hana", NOON))
    apply_decision(RUN, workspace, SURFACE, PUBLISHED, decision, Answer("rejected", "victor", NOON))
    assert champion_version(workspace.warehouse, SURFACE, DAY + timedelta(days=1)) == models[1].label


def test_rule_5_an_approval_after_a_newer_date_was_published_is_recorded_and_moves_nothing(
    workspace: Recommender, models: list[RegisteredModel], registry: FakeRegistry
) -> None:
    publish(workspace, f"{DAY + timedelta(days=1)}-0123456789ab")
    with pytest.raises(StepSkipped, match="was published since"):
        apply_decision(
            RUN, workspace, SURFACE, PUBLISHED, ASKED | {"model": models[1].label}, Answer("approved", "hana", NOON)
        )
    assert len(decisions(workspace, "approved")) == 1
    assert (decisions(workspace, "applied"), registry.crowned) == ([], [])


def test_a_label_names_a_registered_model(workspace: Recommender, models: list[RegisteredModel]) -> None:
    assert registered(workspace, models[2].label) == models[2]
