"""The policy: from paired evidence to promote or keep, with the reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.retraining.promotion.paired_bootstrap import Interval
    from include.retraining.settings import Promotion

Choice = Literal["promote", "keep"]


@dataclass(frozen=True)
class Evidence:
    """What the policy looks at. Intervals are of the policy's metric, challenger minus the other; None: no champion."""

    best_baseline: str
    over_baseline: Interval
    over_champion: Interval | None
    coverage: Mapping[str, float]


@dataclass(frozen=True)
class Decision:
    """promote: the challenger serves from this publication on. keep: champion, or baseline where there is none."""

    choice: Choice
    reasons: tuple[str, ...]


def decide(evidence: Evidence, policy: Promotion) -> Decision:
    """Promote only a challenger that beats the best baseline, is no worse than the champion, breaks no guardrail."""
    against = [*_too_few_users(evidence, policy), *_baseline(evidence, policy), *_champion(evidence, policy)]
    against += _coverage(evidence, policy)
    if against:
        return Decision("keep", tuple(against))
    gain = f"{policy.metric} over {evidence.best_baseline} {_text(evidence.over_baseline)}"
    versus = (
        f"over the champion {_text(evidence.over_champion)}" if evidence.over_champion else "there is no champion yet"
    )
    return Decision("promote", (gain, versus))


def _too_few_users(evidence: Evidence, policy: Promotion) -> list[str]:
    users = evidence.over_baseline.users
    if users >= policy.min_evaluated_users:
        return []
    return [
        f"only {users} users in the holdout, {policy.min_evaluated_users} are needed (promotion.min_evaluated_users)"
    ]


def _baseline(evidence: Evidence, policy: Promotion) -> list[str]:
    if evidence.over_baseline.low > 0:
        return []
    return [f"does not surely beat {evidence.best_baseline}: {policy.metric} {_text(evidence.over_baseline)}"]


def _champion(evidence: Evidence, policy: Promotion) -> list[str]:
    versus = evidence.over_champion
    if versus is None or versus.low > -policy.champion_margin:
        return []
    return [f"may be worse than the champion: {policy.metric} {_text(versus)}, margin {policy.champion_margin:.3f}"]


def _coverage(evidence: Evidence, policy: Promotion) -> list[str]:
    challenger, champion = evidence.coverage.get("challenger", 0.0), evidence.coverage.get("champion")
    if champion is None or challenger >= policy.min_coverage_ratio * champion:
        return []
    return [f"shows too few items: coverage {challenger:.3f} against {champion:.3f} of the champion"]


def _text(interval: Interval) -> str:
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"
