"""Rule 9: a challenger earns its place, and every reason against it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.retraining.promotion.paired_bootstrap import Interval
from include.retraining.promotion.policy import Evidence, SegmentEvidence, decide, what_shows
from include.retraining.settings import Promotion

POLICY = Promotion()
BETTER = Interval(0.02, 0.01, 0.03, 500)
GOOD = Evidence(
    best_baseline="own_history",
    baseline_mean=0.2,
    over_baseline=BETTER,
    over_champion=Interval(0.001, -0.005, 0.006, 500),
    segments=(),
    weeks=3,
    coverage={"challenger": 0.4, "champion": 0.5},
    novelty={"challenger": 5.0, "champion": 5.5},
)
NO_CHAMPION = replace(GOOD, over_champion=None, coverage={"challenger": 0.4}, novelty={"challenger": 1.0})
NEWCOMERS = SegmentEvidence("new users", Interval(-0.03, -0.05, -0.01, 50), mean=0.2)


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
        "over the champion +0.0010 [-0.0050, +0.0060]: no worse within the margin",
        "500 users in 3 weeks are enough to tell a change of 5% or more from chance",
    )


def test_rule_9_the_first_challenger_needs_only_to_beat_the_best_baseline() -> None:
    decision = decide(NO_CHAMPION, POLICY)
    assert (decision.choice, decision.reasons[1]) == ("promote", "there is no champion yet")


@pytest.mark.parametrize("low", [0.0, -0.001, float("nan")])
def test_rule_9_a_challenger_that_may_not_beat_the_baseline_is_kept_back(low: float) -> None:
    reason = only_reason(replace(GOOD, over_baseline=replace(BETTER, low=low)))
    assert reason.startswith("does not surely beat own_history: ndcg@10")
    # Whether nothing was there to see, or too few users to see it.
    assert reason.endswith("or more from chance")


def test_a_challenger_that_may_be_worse_than_the_champion_by_the_margin_is_kept_back() -> None:
    at_margin = Interval(0.0, -POLICY.champion_margin, 0.01, 500)
    assert only_reason(replace(GOOD, over_champion=at_margin)).startswith("may be worse than the champion")
    within = replace(at_margin, low=-POLICY.champion_margin + 1e-9)
    assert decide(replace(GOOD, over_champion=within), POLICY).choice == "promote"


def test_too_few_users_decide_nothing() -> None:
    few = replace(GOOD, over_baseline=replace(BETTER, users=49))
    assert only_reason(few) == "only 49 users in the evaluated weeks, 50 are needed (promotion.min_evaluated_users)"
    assert decide(replace(GOOD, over_baseline=replace(BETTER, users=50)), POLICY).choice == "promote"


@pytest.mark.parametrize("versus", [Interval(0.3, 0.3, 0.3, 1), Interval(0.0, 0.0, 0.0, 49)])
def test_too_few_users_of_the_champion_decide_nothing(versus: Interval) -> None:
    """Of one user, or of ties, an interval has no width."""
    reason = only_reason(replace(GOOD, over_champion=versus))
    assert reason.startswith(f"only {versus.users} users in the weeks that the champion was measured on, 50 are needed")


def test_a_champion_that_could_not_be_measured_stays() -> None:
    decision = decide(NO_CHAMPION, POLICY, has_champion=True)
    assert decision.choice == "keep"
    assert decision.reasons[0].startswith("the champion learnt from every evaluated week")
    assert decide(GOOD, POLICY, has_champion=True).choice == "promote"


def test_a_challenger_that_shows_far_fewer_items_is_kept_back() -> None:
    assert only_reason(replace(GOOD, coverage={"challenger": 0.24, "champion": 0.5})).startswith(
        "shows too few items: coverage 0.240 against 0.500"
    )
    assert decide(replace(GOOD, coverage={"challenger": 0.25, "champion": 0.5}), POLICY).choice == "promote"


@pytest.mark.parametrize("evidence", [GOOD, NO_CHAMPION], ids=["champion", "first"])
def test_a_group_of_users_that_surely_loses_much_keeps_the_challenger_back(evidence: Evidence) -> None:
    assert only_reason(replace(evidence, segments=(NEWCOMERS,))) == (
        "worse for new users: ndcg@10 -0.0300 [-0.0500, -0.0100] of 0.2000, sure among 1 group (Holm)"
    )


@pytest.mark.parametrize(
    "harmless",
    [
        replace(NEWCOMERS, difference=replace(NEWCOMERS.difference, users=POLICY.min_segment_users - 1)),
        replace(NEWCOMERS, difference=replace(NEWCOMERS.difference, high=0.0)),
        replace(NEWCOMERS, mean=0.3),
        replace(NEWCOMERS, difference=Interval(float("nan"), float("nan"), float("nan"), 50)),
    ],
    ids=["few users", "not surely", "a tenth of its metric", "nothing measured"],
)
def test_a_group_that_is_small_or_may_not_lose_or_loses_little_decides_nothing(harmless: SegmentEvidence) -> None:
    assert decide(replace(GOOD, segments=(harmless,)), POLICY).choice == "promote"


def test_every_group_that_loses_is_named() -> None:
    both = (NEWCOMERS, replace(NEWCOMERS, name="1 event"), replace(NEWCOMERS, name="fine", mean=9.0))
    reasons = decide(replace(GOOD, segments=both), POLICY).reasons
    assert [reason.split(":")[0] for reason in reasons] == ["worse for new users", "worse for 1 event"]


def test_of_many_groups_one_that_loses_by_chance_decides_nothing() -> None:
    """An interval below zero by itself, 2.9 standard errors: one group in thirty does that without any loss."""
    others = tuple(SegmentEvidence(f"category: {number}", Interval(0.0, -0.02, 0.02, 60), 0.2) for number in range(29))
    assert decide(replace(GOOD, segments=(NEWCOMERS, *others)), POLICY).choice == "promote"
    sure = replace(NEWCOMERS, difference=Interval(-0.04, -0.06, -0.02, 50))
    reason = only_reason(replace(GOOD, segments=(sure, *others)))
    assert reason.endswith("of 0.2000, sure among 30 groups (Holm)")


def test_groups_too_small_to_decide_do_not_count_among_those_compared() -> None:
    small = tuple(
        SegmentEvidence(f"category: {number}", Interval(0.0, -0.02, 0.02, POLICY.min_segment_users - 1), 0.2)
        for number in range(29)
    )
    assert only_reason(replace(GOOD, segments=(NEWCOMERS, *small))).endswith("sure among 1 group (Holm)")


def test_a_challenger_that_shows_what_everybody_knows_is_kept_back() -> None:
    assert only_reason(replace(GOOD, novelty={"challenger": 4.49, "champion": 5.5})) == (
        "shows more of what everybody knows: novelty 4.49 bits against 5.50 of the champion"
    )
    at_the_limit = replace(GOOD, novelty={"challenger": 4.5, "champion": 5.5})
    assert decide(at_the_limit, POLICY).choice == "promote"


@pytest.mark.parametrize(
    ("low", "high", "users", "weeks", "mean", "text"),
    [
        (0.01, 0.03, 500, 3, 0.2, "500 users in 3 weeks are enough to tell a change of 5% or more from chance"),
        (-0.04, 0.04, 60, 1, 0.1, "60 users in 1 week are enough to tell a change of 40% or more from chance"),
        (0.0, 0.0, 5, 2, 0.1, "5 users in 2 weeks are enough to tell a change of 0% or more from chance"),
        (0.01, 0.03, 500, 3, 0.0, "500 users in 3 weeks are enough to tell a change of inf% or more from chance"),
    ],
)
def test_how_large_a_change_shows_is_half_the_interval_as_a_share_of_the_baseline(
    low: float, high: float, users: int, weeks: int, mean: float, text: str
) -> None:
    interval = Interval((low + high) / 2, low, high, users)
    assert what_shows(replace(GOOD, over_baseline=interval, weeks=weeks, baseline_mean=mean)) == text


def test_one_that_surely_beats_the_champion_is_not_called_no_worse() -> None:
    better = replace(GOOD, over_champion=Interval(0.03, 0.01, 0.05, 500))
    assert "over the champion +0.0300 [+0.0100, +0.0500]" in decide(better, POLICY).reasons


def test_an_empty_holdout_keeps_the_champion() -> None:
    nothing = Interval(float("nan"), float("nan"), float("nan"), 0)
    decision = decide(replace(NO_CHAMPION, over_baseline=nothing), POLICY)
    assert decision.choice == "keep"
    assert len(decision.reasons) == 2


ASK_ALWAYS, ASK_UNCERTAIN = (POLICY.model_copy(update={"approval": when}) for when in ("always", "when_uncertain"))
SURELY_BETTER = replace(GOOD, over_champion=Interval(0.01, 0.001, 0.02, 500))


def test_a_person_is_always_asked_or_only_where_it_is_uncertain() -> None:
    for evidence in (GOOD, SURELY_BETTER, NO_CHAMPION):
        assert decide(evidence, POLICY).choice == "promote"
        assert decide(evidence, ASK_ALWAYS).choice == "ask"
    assert decide(SURELY_BETTER, ASK_UNCERTAIN).choice == "promote"
    assert decide(SURELY_BETTER, ASK_ALWAYS).reasons[3:] == ("a person is always asked (promotion.approval = always)",)


@pytest.mark.parametrize(
    ("evidence", "doubt"),
    [
        (NO_CHAMPION, "there is no champion that it could be compared with"),
        (GOOD, "it does not surely beat the champion"),
        (
            replace(SURELY_BETTER, over_baseline=replace(BETTER, users=62)),
            "near the limit: only 62 users in the evaluated weeks, 62.5 are needed",
        ),
        (
            replace(SURELY_BETTER, coverage={"challenger": 0.29, "champion": 0.5}),
            "near the limit: shows too few items: coverage 0.290",
        ),
        (
            replace(SURELY_BETTER, novelty={"challenger": 4.69, "champion": 5.5}),
            "near the limit: shows more of what everybody knows: novelty 4.69",
        ),
        (
            replace(SURELY_BETTER, segments=(replace(NEWCOMERS, mean=0.31),)),
            "near the limit: worse for new users: ndcg@10 -0.0300",
        ),
    ],
)
def test_what_is_uncertain_is_said(evidence: Evidence, doubt: str) -> None:
    decision = decide(evidence, ASK_UNCERTAIN)
    assert decision.choice == "ask"
    (said,) = decision.reasons[3:]
    assert said.startswith(f"uncertain: {doubt}")


def test_well_within_the_limits_nobody_is_asked() -> None:
    within = replace(
        SURELY_BETTER,
        over_baseline=replace(BETTER, users=63),
        coverage={"challenger": 0.31, "champion": 0.5},
        novelty={"challenger": 4.71, "champion": 5.5},
        segments=(replace(NEWCOMERS, mean=0.4),),
    )
    assert decide(within, ASK_UNCERTAIN).choice == "promote"


def test_nobody_is_asked_about_what_the_numbers_forbid() -> None:
    worse = replace(GOOD, over_baseline=replace(BETTER, low=0.0))
    assert decide(worse, ASK_ALWAYS).choice == "keep"


def test_an_interval_that_is_not_a_number_never_beats_the_champion() -> None:
    unknown = Interval(float("nan"), float("nan"), float("nan"), 500)
    assert only_reason(replace(GOOD, over_champion=unknown)).startswith("may be worse than the champion")


def test_all_reasons_are_said_together() -> None:
    bad = Evidence(
        best_baseline="popularity",
        baseline_mean=0.1,
        over_baseline=Interval(-0.1, -0.2, 0.0, 10),
        over_champion=Interval(-0.1, -0.2, 0.0, 10),
        segments=(NEWCOMERS,),
        weeks=3,
        coverage={"challenger": 0.0, "champion": 0.5},
        novelty={"challenger": 0.0, "champion": 5.0},
    )
    assert len(decide(bad, POLICY).reasons) == 7
