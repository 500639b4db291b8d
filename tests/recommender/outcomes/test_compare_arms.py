"""The ranker's arm against those held back from it, from published lists to verdicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from include.recommender.outcomes.steps import compare_arms
from include.recommender.settings import RecommenderSettings
from include.retraining.monitoring.arm_comparison import who_comes
from tests.recommender.outcomes.published_world import at, comparisons, happen, list_rows, publish, run_for, switch
from tests.recommender.small_world import event

if TYPE_CHECKING:
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

DAY = date(2026, 5, 1)
COUNT = 600
USERS = [f"u{number:03d}" for number in range(COUNT)]
ARM = {user: "baseline" if number % 2 else "ranker" for number, user in enumerate(USERS)}
LISTS = {"ranker": ["good", "a", "b"], "baseline": ["dull", "a", "b"]}


def world(
    workspace: Recommender,
    aims: dict[str, float],
    arm: dict[str, str] = ARM,
    share: float = 0.5,
    last_day: tuple[dict[str, str], dict[str, Any]] | None = None,
) -> Recommender:
    """Three days; every user wants one item a day: what heads their list with a probability by arm, else a stranger.

    On the last day arms and settings of the experiment may be others.
    """
    experiment: dict[str, Any] = {"hold_back_share": share}
    rng, events, moves = np.random.default_rng(7), [], []
    for number in range(3):
        day = DAY + timedelta(days=number)
        arm, experiment = last_day if last_day and number == 2 else (arm, experiment)
        workspace = replace(workspace, settings=RecommenderSettings(experiment=experiment))
        rows = list_rows(day, "for_you", {"*": ["a"]})
        for name, items in LISTS.items():
            rows += list_rows(day, "for_you", {user: items for user in USERS if arm[user] == name}, name, f"{name}/x")
        moves.append((publish(workspace, day, rows), at(day)))
        for user in USERS:
            hit = rng.random() < aims[arm[user]]
            events.append(event(user, LISTS[arm[user]][0] if hit else "elsewhere", 0, day=day))
    switch(workspace, *moves)
    happen(workspace, events)
    return workspace


def compared(workspace: Recommender, **where: Any) -> dict[str, dict[str, Any]]:
    day = DAY + timedelta(days=3)
    compare_arms(run_for(day), workspace)
    return {row["metric"]: row for row in comparisons(workspace, day, reading="while_current", **where)}


@pytest.mark.parametrize(
    ("aims", "verdict"),
    [({"ranker": 0.6, "baseline": 0.4}, "better"), ({"ranker": 0.4, "baseline": 0.6}, "worse"),
     ({"ranker": 0.5, "baseline": 0.5}, "too_little_data")],
)  # fmt: skip
def test_what_users_did_decides(workspace: Recommender, aims: dict[str, float], verdict: str) -> None:
    rows = compared(world(workspace, aims))
    row = rows["ndcg@10"]
    assert row["verdict"] == verdict
    assert (row["arm"], row["reference_arm"], row["users"], row["reference_users"]) == ("ranker", "baseline", 300, 300)
    assert row["mean"] == pytest.approx(aims["ranker"], abs=0.05)
    assert row["low"] < row["difference"] < row["high"]
    assert rows["wanted_items"]["mean"] == rows["wanted_items"]["reference_mean"] == 3.0
    assert rows["wanted_items"]["verdict"] == "no_difference"


def test_arms_that_are_not_as_large_as_the_experiment_says_are_not_compared(workspace: Recommender) -> None:
    row = compared(world(workspace, {"ranker": 0.9, "baseline": 0.1}, share=0.3))["ndcg@10"]
    assert row["verdict"] == "ratio_mismatch"
    assert row["sample_ratio_p"] < 0.0005


def test_when_the_experiment_has_ended_its_arms_are_as_large_as_it_said(workspace: Recommender) -> None:
    """Nobody is held back on the last day, and by the settings of that day nobody was ever to be."""
    ended = (dict.fromkeys(USERS, "ranker"), {"hold_back_share": 0.0})
    rows = compared(world(workspace, {"ranker": 0.6, "baseline": 0.4}, last_day=ended))
    assert (rows["ndcg@10"]["users"], rows["ndcg@10"]["reference_users"]) == (300, 300)
    assert (rows["ndcg@10"]["verdict"], rows["ndcg@10"]["sample_ratio_p"]) == ("better", pytest.approx(1))
    assert rows["wanted_items"]["mean"] == 2.0


FEWER = {user: "baseline" if number % 4 == 1 else "ranker" for number, user in enumerate(USERS)}
OTHERS = {user: "ranker" if arm == "baseline" else "baseline" for user, arm in ARM.items()}


@pytest.mark.parametrize(
    ("arms", "experiment", "users"),
    [(FEWER, {"hold_back_share": 0.25}, (450, 150)), (OTHERS, {"hold_back_share": 0.5, "salt": "x"}, (300, 300))],
    ids=["share", "salt"],
)
def test_only_the_newest_experiment_is_compared(
    workspace: Recommender, arms: dict[str, str], experiment: dict[str, Any], users: tuple[int, int]
) -> None:
    rows = compared(world(workspace, {"ranker": 0.9, "baseline": 0.1}, last_day=(arms, experiment)))
    for metric in ("ndcg@10", "wanted_items"):
        assert (rows[metric]["users"], rows[metric]["reference_users"]) == users
        assert rows[metric]["sample_ratio_p"] == pytest.approx(1)
    assert rows["ndcg@10"]["verdict"] == "better"
    assert rows["wanted_items"]["mean"] == 1.0


def test_members_who_wanted_nothing_count_as_members(workspace: Recommender) -> None:
    made = world(workspace, {"ranker": 0.5, "baseline": 0.5})
    happen(made, [event("u000", "good", 0, day=DAY)])
    # Rebuilding one day leaves the others: members of whom nothing is known there are idle.
    row = compared(made)["wanted_items"]
    assert (row["users"], row["reference_users"]) == (300, 300)
    assert row["mean"] == pytest.approx((2 * 300 + 1) / 300)
    assert row["reference_mean"] == 2.0


def test_an_arm_whose_lists_bring_more_users_is_compared_and_that_is_said(workspace: Recommender) -> None:
    made = world(workspace, {"ranker": 0.9, "baseline": 0.4})
    some = [user for number, user in enumerate(USERS) if ARM[user] == "ranker" or number % 4 == 1]
    for number in range(3):
        day = DAY + timedelta(days=number)
        happen(made, [event(user, "good" if ARM[user] == "ranker" else "dull", 0, day=day) for user in some])
    rows = compared(made)
    row = rows["ndcg@10"]
    assert (row["users"], row["reference_users"], row["sample_ratio_p"]) == (300, 150, 1)
    assert row["verdict"] != "ratio_mismatch"
    assert who_comes(row)
    assert "ndcg@10: no_difference; the arms differ in who comes" in compare_arms(
        run_for(DAY + timedelta(days=3)), made
    )
    assert (rows["wanted_items"]["verdict"], who_comes(rows["wanted_items"])) == ("better", "")


def test_where_nobody_is_held_back_there_is_nothing_to_compare(workspace: Recommender) -> None:
    alone = dict.fromkeys(USERS, "ranker")
    assert compared(world(workspace, {"ranker": 0.5, "baseline": 0.5}, alone, share=0.0)) == {}
