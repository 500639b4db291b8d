"""The sentences of a model card: what was found, and what these numbers cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.recommender.evaluation import CHALLENGER, CHAMPION, FOR_EVERYBODY
from include.recommender.evaluation_rows import NO_HISTORY
from include.recommender.segments import ACTIVITY
from include.recommender.source_report import source_row
from include.recommender.sources import SOURCE_NAMES
from include.recommender.statistics import wanted_events
from include.retraining.promotion.policy import compared_segments, surely_worse, what_shows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.recommender.model_card_evidence import CardEvidence
    from include.retraining.promotion.paired_bootstrap import Interval
    from include.retraining.promotion.policy import Evidence
    from include.retraining.settings import Promotion

CONTENDERS = {
    CHALLENGER: "the new ranker",
    CHAMPION: "the ranker in use",
    "own_history": "the rule “what you turned to before”",
    "recent_popularity": "the rule “what is popular now”",
}
METRICS = {
    "ndcg@10": ("NDCG@10", "how high up, in the first ten places, stands what people then wanted; 1 is perfect"),
    "recall@20": ("Recall@20", "share of what people then wanted that stands in the first twenty places"),
    "hitrate@10": ("Hit rate@10", "share of people who find at least one such item in the first ten places"),
    "map@10": ("MAP@10", "how many of the places above each such item are right as well; 1 is perfect"),
    "coverage@20": ("Coverage@20", "share of the catalogue that is shown to anybody"),
    "novelty@20": ("Novelty@20", "how little known the shown items are, in bits: one more is half as well known"),
}
SURFACES_IN_WORDS = {"for_you": "what people come back to is allowed", "discover": "only what is new to each person"}


def summary(evidence: CardEvidence) -> str:
    """One paragraph for a product owner."""
    metric = evidence.promotion.metric
    best = evidence.policy_evidence.best_baseline
    sentences = [_over(evidence, best, metric)]
    if CHAMPION in evidence.contenders:
        sentences.append(_over(evidence, CHAMPION, metric))
    else:
        sentences.append("There is no ranker in use yet that could be compared on weeks it has not learnt from.")
    # Of the weeks that both were measured on: a ranker in use has often learnt from some of the others.
    before = evidence.measured(evidence.incumbent, "hitrate@10")
    more = evidence.measured(CHALLENGER, "hitrate@10", versus=evidence.incumbent)
    if before and more:
        sentences.append(
            f"{before.mean + more.mean:.0%} of people find at least one thing they then wanted among its first ten; "
            f"with {CONTENDERS[evidence.incumbent]} {before.mean:.0%} do."
        )
    return " ".join([*sentences, decision_sentence(evidence)])


def decision_sentence(evidence: CardEvidence) -> str:
    """What happens to the model."""
    if evidence.choice == "promote":
        return f"**Decision: it takes over**, with the lists of {evidence.as_of_date}."
    if evidence.choice == "ask":
        return (
            f"**Decision: a person is asked**; until it is approved, {CONTENDERS[evidence.incumbent]} makes the lists."
        )
    return f"**Decision: it does not take over**; {CONTENDERS[evidence.incumbent]} makes the lists."


def _over(evidence: CardEvidence, other: str, metric: str) -> str:
    """Both means are those of the weeks and people that both were measured on."""
    mean, difference = evidence.measured(other, metric), evidence.measured(CHALLENGER, metric, versus=other)
    if mean is None or difference is None:
        return f"The new ranker was not compared with {CONTENDERS[other]}."
    comparison = f"{METRICS[metric][0]} {mean.mean + difference.mean:.3f} against {mean.mean:.3f}"
    return f"The new ranker is {verdict(difference)} {CONTENDERS[other]}: {comparison} ({relative(difference, mean)})."


def rules(evidence: CardEvidence) -> list[str]:
    """The policy in words."""
    policy = evidence.promotion
    return [
        f"its {METRICS[policy.metric][0]} is surely above that of the best rule that needs no model;",
        f"it is surely no more than {policy.champion_margin:.3f} below the ranker in use;",
        f"it shows at least {policy.min_coverage_ratio:.0%} as many items as the ranker in use;",
        f"its novelty is no more than {policy.max_novelty_loss:g} below that of the ranker in use;",
        f"no group of {policy.min_segment_users} people or more surely loses more than {policy.max_segment_loss:.0%}, "
        "where sure means sure among all groups together (Holm's correction);",
        f"at least {policy.min_evaluated_users} people were there to judge by.",
    ]


def data(evidence: CardEvidence) -> list[tuple[str, str]]:
    """What a ranker was made from: a name, and what it was."""
    training, settings, tags = evidence.training, evidence.settings, evidence.model.tags
    days = settings.training.label_days
    return [
        ("Date of the run", f"{evidence.as_of_date}: no event of that date or later was looked at"),
        ("What counts as wanted", f"{wanted_events(settings)} in the {days} days that follow"),
        ("Dates it learnt at", ", ".join(str(day) for day in training.snapshots[-_chosen(evidence) :])),
        ("Dates it could choose from", f"{len(training.snapshots)}, each with the {days} days that follow"),
        ("Rows", f"{training.rows:,} proposed items, {training.positives:,} of them wanted"),
        ("Lists", f"{training.lists:,} of {training.users:,} people"),
        ("It knows nothing from", f"{tags.get('learnt_until', 'an unknown date')} on"),
        ("Judged on the weeks from", ", ".join(evidence.weeks)),
        ("Training set", f"`{tags.get('training_set', '')}`"),
        ("Settings", f"`{evidence.settings_hash}`"),
        ("Code", f"`{tags.get('code_version', '')}`"),
    ]


def _chosen(evidence: CardEvidence) -> int:
    """How many of the snapshots it learnt from: all where nobody wrote down how many."""
    return int(evidence.model.tags.get("chosen_snapshots", 0)) or len(evidence.training.snapshots)


def verdict(difference: Interval) -> str:
    """What a paired difference says, as words that go before the other's name."""
    if difference.low > 0:
        return "better than"
    return "worse than" if difference.high < 0 else "not surely different from"


def relative(difference: Interval, mean: Interval) -> str:
    """A difference as a share of the other's mean, with its interval."""
    if mean.mean <= 0:
        return f"{difference.mean:+.3f}, with 95 % certainty {difference.low:+.3f} to {difference.high:+.3f}"
    shares = [value / mean.mean for value in (difference.mean, difference.low, difference.high)]
    return "{:+.1%}, with 95 % certainty between {:+.1%} and {:+.1%}".format(*shares)


def limits(evidence: CardEvidence) -> list[str]:
    """What these numbers cannot say, and for whom they say something else."""
    found = [*_weeks(evidence), *_newcomers(evidence), *_losers(evidence), *_sources(evidence)]
    return [
        *found,
        "People chose without having seen these lists. How they react to them is only known once they are shown.",
    ]


def _weeks(evidence: CardEvidence) -> list[str]:
    weeks, shows = len(evidence.weeks), what_shows(evidence.policy_evidence)
    found = [f"{shows}: smaller changes than that stay hidden, and a season outside these weeks is not in them."]
    if weeks > 1:
        found.append(
            f"Only the latest week ({evidence.weeks[-1]}) was ranked by this very model. In the "
            f"{weeks - 1} before it, rankers trained the same way on what was known then stand in for it."
        )
    return found


def _newcomers(evidence: CardEvidence) -> list[str]:
    metric = evidence.promotion.metric
    name = METRICS[metric][0]
    strangers = evidence.measured(FOR_EVERYBODY, metric, NO_HISTORY)
    text = "People without history get the popular list, which no ranker improves"
    found = [f"{text}: {name} {strangers.mean:.3f} for {strangers.users:,} of them." if strangers else f"{text}."]
    once = next(iter(ACTIVITY.values()))
    if one_event := evidence.segments(CHALLENGER).get(once):
        found.append(f"Of people with {once} little is known: {name} {one_event.mean:.3f} for {one_event.users:,}.")
    return found


def _losers(evidence: CardEvidence) -> list[str]:
    least = evidence.promotion.min_segment_users
    groups = {name: at for name, at in evidence.groups.items() if at.high < 0}
    worse = ", ".join(f"{plain(name)} ({at.users:,} people)" for name, at in groups.items())
    against = CONTENDERS[evidence.incumbent]
    small = sum(at.users < least for at in evidence.groups.values())
    together = sure_together(evidence.policy_evidence, evidence.promotion)
    found = [f"Worse than {against} for: {worse}. {together}"] if worse else []
    return found + ([f"{small} groups of fewer than {least} people are shown, but decide nothing."] if small else [])


def sure_together(evidence: Evidence, policy: Promotion) -> str:
    """What remains of groups whose own intervals lie below zero once all groups are looked at together."""
    groups, sure = len(compared_segments(evidence, policy)), surely_worse(evidence, policy)
    return (
        f"Each is told by its own range, and of many groups some lose by chance. Sure among all that are compared "
        f"({groups}, Holm's correction): {', '.join(plain(segment.name) for segment in sure) or 'none'}."
    )


def left_out(evidence: CardEvidence) -> str:
    """Which features the ranker could not use."""
    if not evidence.left_out:
        return ""
    return f"Left out, as they were the same in every row it could learn from: {_names(evidence.left_out)}."


def _sources(evidence: CardEvidence) -> list[str]:
    recalls = {name: evidence.measured(source_row(name), "candidate_recall") for name in SOURCE_NAMES}
    alone = {name: evidence.measured(source_row(name), "candidate_recall_alone") for name in SOURCE_NAMES}
    nothing = [name for name, recall in recalls.items() if recall and not recall.mean]
    shared = [name for name, own in alone.items() if own and not own.mean and name not in nothing]
    found = [f"Sources that proposed nothing anybody then wanted: {_names(nothing)}."] if nothing else []
    return found + ([f"Sources that proposed nothing wanted that others had not: {_names(shared)}."] if shared else [])


def plain(text: str) -> str:
    """Text from data that Markdown shall not read: a category may be called anything."""
    return re.sub(r"([\\`*\[\]<>!&~])", r"\\\1", text)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
