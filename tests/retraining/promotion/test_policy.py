"""Rule 9: a challenger earns its place, and every reason against it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.retraining.promotion.paired_bootstrap import Interval
from include.retraining.promotion.policy import Evidence, decide
from include.retraining.settings import Promotion

POLICY = Promotion()
BETTER = Interval(0.02, 0.01, 0.03, 500)
GOOD = Evidence(
    best_baseline="own_history",
    over_baseline=BETTER,
    over_champion=Interval(0.001, -0.005, 0.006, 500),
    coverage={"challenger": 0.4, "champion": 0.5},
)
NO_CHAMPION = replace(GOOD, over_champion=None, coverage={"challenger": 0.4})


def only_reason(evidence: Evidence, policy: Promotion = POLICY) -> str:
    decision = decide(evidence, policy)
    assert decision.choice == "keep"
    (reason,) = decision.reasons
    return reason


def test_rule_9_a_better_challenger_is_promoted_with_its_evidence() -> None:
    decision = decide(GOOD, POLICY)
    assert decision.choice == "promote"
    assert decision.reasons == (
        "ndcg@10 over own_history +0.0200 [+0.0100, +0.0300]",
        "over the champion +0.0010 [-0.0050, +0.0060]",
    )


def test_rule_9_the_first_challenger_needs_only_to_beat_the_best_baseline() -> None:
    decision = decide(NO_CHAMPION, POLICY)
    assert (decision.choice, decision.reasons[1]) == ("promote", "there is no champion yet")


@pytest.mark.parametrize("low", [0.0, -0.001, float("nan")])
def test_rule_9_a_challenger_that_may_not_beat_the_baseline_is_kept_back(low: float) -> None:
    assert only_reason(replace(GOOD, over_baseline=replace(BETTER, low=low))).startswith(
        "does not surely beat own_history: ndcg@10"
    )


def test_a_challenger_that_may_be_worse_than_the_champion_by_the_margin_is_kept_back() -> None:
    at_margin = Interval(0.0, -POLICY.champion_margin, 0.01, 500)
    assert only_reason(replace(GOOD, over_champion=at_margin)).startswith("may be worse than the champion")
    within = replace(at_margin, low=-POLICY.champion_margin + 1e-9)
    assert decide(replace(GOOD, over_champion=within), POLICY).choice == "promote"


def test_too_few_users_decide_nothing() -> None:
    few = replace(GOOD, over_baseline=replace(BETTER, users=49))
    assert only_reason(few) == "only 49 users in the holdout, 50 are needed (promotion.min_evaluated_users)"
    assert decide(replace(GOOD, over_baseline=replace(BETTER, users=50)), POLICY).choice == "promote"


def test_a_challenger_that_shows_far_fewer_items_is_kept_back() -> None:
    assert only_reason(replace(GOOD, coverage={"challenger": 0.24, "champion": 0.5})).startswith(
        "shows too few items: coverage 0.240 against 0.500"
    )
    assert decide(replace(GOOD, coverage={"challenger": 0.25, "champion": 0.5}), POLICY).choice == "promote"


def test_an_empty_holdout_keeps_the_champion() -> None:
    nothing = Interval(float("nan"), float("nan"), float("nan"), 0)
    decision = decide(replace(NO_CHAMPION, over_baseline=nothing), POLICY)
    assert decision.choice == "keep"
    assert len(decision.reasons) == 2


def test_an_interval_that_is_not_a_number_never_beats_the_champion() -> None:
    unknown = Interval(float("nan"), float("nan"), float("nan"), 500)
    assert only_reason(replace(GOOD, over_champion=unknown)).startswith("may be worse than the champion")


def test_all_reasons_are_said_together() -> None:
    bad = Evidence(
        "popularity",
        Interval(-0.1, -0.2, 0.0, 10),
        Interval(-0.1, -0.2, 0.0, 10),
        {"challenger": 0.0, "champion": 0.5},
    )
    assert len(decide(bad, POLICY).reasons) == 4
