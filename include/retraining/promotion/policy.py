"""The policy: from paired evidence to promote, keep or ask a person, with the reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.retraining.promotion.holm import surely_below_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.retraining.promotion.paired_bootstrap import Interval
    from include.retraining.settings import Promotion

Choice = Literal["promote", "keep", "ask"]
# How much of what a guardrail allows may be used up before a person is asked.
NEARLY = 0.8


@dataclass(frozen=True)
class SegmentEvidence:
    """The challenger minus the one it would replace, in one group of users; `mean` is the latter's."""

    name: str
    difference: Interval
    mean: float


@dataclass(frozen=True)
class Evidence:
    """What the policy looks at. Intervals are of the policy's metric, challenger minus the other.

    `over_champion` is None without a champion, and where it learnt from every evaluated week. Coverage and novelty
    (bits) are of the challenger and the one it would replace, as means over the weeks that both were measured on.
    """

    best_baseline: str
    baseline_mean: float
    over_baseline: Interval
    over_champion: Interval | None
    segments: tuple[SegmentEvidence, ...]
    weeks: int
    coverage: Mapping[str, float]
    novelty: Mapping[str, float]


@dataclass(frozen=True)
class Decision:
    """promote: the challenger serves from this publication on. keep: champion, or baseline where there is none.

    ask: as keep, but a person may approve the challenger: then it serves from the next publication on.
    """

    choice: Choice
    reasons: tuple[str, ...]


def decide(evidence: Evidence, policy: Promotion, has_champion: bool = False) -> Decision:
    """Promote only a challenger that beats the best baseline, is no worse than the champion, breaks no guardrail.

    Nobody is asked about one that fails this: a person may stop what the numbers allow, not allow what they forbid.
    """
    champion = _champion(evidence, policy, has_champion)
    against = [*_baseline(evidence, policy), *champion, *_guardrails(evidence, policy)]
    if against:
        return Decision("keep", tuple(against))
    gain = f"{policy.metric} over {evidence.best_baseline} {_text(evidence.over_baseline)}"
    ask = tuple(why_ask(evidence, policy))
    return Decision("ask" if ask else "promote", (gain, _beside_champion(evidence), what_shows(evidence), *ask))


def _beside_champion(evidence: Evidence) -> str:
    versus = evidence.over_champion
    if versus is None:
        return "there is no champion yet"
    return f"over the champion {_text(versus)}" + ("" if versus.low > 0 else ": no worse within the margin")


def why_ask(evidence: Evidence, policy: Promotion) -> list[str]:
    """Why a person is asked about a challenger that may be promoted; empty where nobody is (promotion.approval)."""
    if policy.approval == "never":
        return []
    doubts = [f"uncertain: {doubt}" for doubt in uncertainties(evidence, policy)]
    return (
        ["a person is always asked (promotion.approval = always)", *doubts] if policy.approval == "always" else doubts
    )


def uncertainties(evidence: Evidence, policy: Promotion) -> list[str]:
    """What is uncertain about a challenger that may be promoted.

    There is no champion to compare it with. Or it is no worse than the champion by the margin (non-inferior), but not
    surely better (superior). Or a guardrail is nearly broken: it would be if it allowed only NEARLY as much.
    """
    stricter = policy.model_copy(
        update={
            "min_evaluated_users": policy.min_evaluated_users / NEARLY,
            "min_coverage_ratio": 1 - NEARLY * (1 - policy.min_coverage_ratio),
            "max_novelty_loss": NEARLY * policy.max_novelty_loss,
            "max_segment_loss": NEARLY * policy.max_segment_loss,
        }
    )
    versus = evidence.over_champion
    if versus is None:
        doubts = ["there is no champion that it could be compared with"]
    else:
        doubts = [] if versus.low > 0 else ["it does not surely beat the champion"]
    return doubts + [f"near the limit: {broken}" for broken in _guardrails(evidence, stricter)]


def _guardrails(evidence: Evidence, policy: Promotion) -> list[str]:
    return [
        *_too_few_users(evidence, policy),
        *_coverage(evidence, policy),
        *_novelty(evidence, policy),
        *_segments(evidence, policy),
    ]


def _too_few_users(evidence: Evidence, policy: Promotion) -> list[str]:
    """The champion is often measured on one of the weeks only; an interval of a few users may have no width."""
    needed = f"{policy.min_evaluated_users:g} are needed (promotion.min_evaluated_users)"
    measured = [
        ("the evaluated weeks", evidence.over_baseline),
        ("the weeks that the champion was measured on", evidence.over_champion),
    ]
    return [
        f"only {interval.users} users in {weeks}, {needed}"
        for weeks, interval in measured
        if interval and interval.users < policy.min_evaluated_users
    ]


def _baseline(evidence: Evidence, policy: Promotion) -> list[str]:
    if evidence.over_baseline.low > 0:
        return []
    return [
        f"does not surely beat {evidence.best_baseline}: {policy.metric} {_text(evidence.over_baseline)}; "
        + what_shows(evidence)
    ]


def _champion(evidence: Evidence, policy: Promotion, has_champion: bool) -> list[str]:
    versus = evidence.over_champion
    if versus is None:
        unmeasured = "the champion learnt from every evaluated week, so nothing says which is better until it is older"
        return [unmeasured] if has_champion else []
    if versus.low > -policy.champion_margin:
        return []
    return [f"may be worse than the champion: {policy.metric} {_text(versus)}, margin {policy.champion_margin:.3f}"]


def _coverage(evidence: Evidence, policy: Promotion) -> list[str]:
    challenger, champion = evidence.coverage.get("challenger", 0.0), evidence.coverage.get("champion")
    if champion is None or challenger >= policy.min_coverage_ratio * champion:
        return []
    return [f"shows too few items: coverage {challenger:.3f} against {champion:.3f} of the champion"]


def _novelty(evidence: Evidence, policy: Promotion) -> list[str]:
    challenger, champion = evidence.novelty.get("challenger"), evidence.novelty.get("champion")
    if challenger is None or champion is None or challenger >= champion - policy.max_novelty_loss:
        return []
    return [f"shows more of what everybody knows: novelty {challenger:.2f} bits against {champion:.2f} of the champion"]


def _segments(evidence: Evidence, policy: Promotion) -> list[str]:
    """Groups that surely lose, and lose more than the policy allows."""
    compared = len(compared_segments(evidence, policy))
    groups = "1 group" if compared == 1 else f"{compared} groups"
    return [
        f"worse for {segment.name}: {policy.metric} {_text(segment.difference)} of {segment.mean:.4f}, "
        f"sure among {groups} (Holm)"
        for segment in surely_worse(evidence, policy)
        if segment.difference.mean < -policy.max_segment_loss * segment.mean
    ]


def surely_worse(evidence: Evidence, policy: Promotion) -> list[SegmentEvidence]:
    """Groups that lose, looked at together: of many, some have an interval below zero by chance."""
    compared = compared_segments(evidence, policy)
    below = surely_below_zero([segment.difference for segment in compared])
    return [segment for segment, is_below in zip(compared, below, strict=True) if is_below]


def compared_segments(evidence: Evidence, policy: Promotion) -> list[SegmentEvidence]:
    """Groups of enough users to decide something."""
    return [segment for segment in evidence.segments if segment.difference.users >= policy.min_segment_users]


def what_shows(evidence: Evidence) -> str:
    """How large a change must be for these users to show it: half the interval, as a share of the best baseline."""
    interval = evidence.over_baseline
    share = (interval.high - interval.low) / 2 / evidence.baseline_mean if evidence.baseline_mean > 0 else float("inf")
    weeks = "1 week" if evidence.weeks == 1 else f"{evidence.weeks} weeks"
    return f"{interval.users} users in {weeks} are enough to tell a change of {share:.0%} or more from chance"


def _text(interval: Interval) -> str:
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"
