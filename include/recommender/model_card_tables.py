"""The tables of a model card: a head and rows of Markdown text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.evaluation import CHALLENGER
from include.recommender.features import FEATURES
from include.recommender.model_card_words import CONTENDERS, METRICS, plain
from include.recommender.source_report import CANDIDATES, source_row
from include.recommender.sources import SOURCE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.recommender.model_card_evidence import CardEvidence
    from include.retraining.promotion.paired_bootstrap import Interval

# Of more groups or features than these nobody reads.
MOST_GROUPS, MOST_FEATURES = 30, 15
NOT_MEASURED = "not measured"
SHARES = ("recall@20", "hitrate@10", "coverage@20")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; a bar in a value (a category's name may hold one) ends no cell."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def metrics_table(evidence: CardEvidence) -> str:
    """Each metric of each contender, with its interval."""
    names = evidence.contenders
    head = ["metric", *(CONTENDERS.get(name, name) for name in names), "what it says"]
    return table(
        head,
        (
            [name, *(interval_text(metric, evidence.measured(of, metric)) for of in names), says]
            for metric, (name, says) in METRICS.items()
        ),
    )


def differences_table(evidence: CardEvidence) -> str:
    """The new ranker minus each other, on the weeks and people that both were measured on."""
    others = evidence.contenders[1:]
    head = ["metric", *(f"minus {CONTENDERS.get(name, name)}" for name in others)]
    measured = evidence.measured
    return table(
        head,
        (
            [
                METRICS[metric][0],
                *(interval_text(metric, measured(CHALLENGER, metric, versus=of), "+") for of in others),
            ]
            for metric in METRICS
        ),
    )


def groups_table(evidence: CardEvidence) -> str:
    """The policy's metric in each group of people, and the difference there."""
    metric, means = evidence.promotion.metric, evidence.segments(CHALLENGER)
    return table(
        ["group", "people", "the new ranker", f"minus {CONTENDERS[evidence.incumbent]}"],
        (
            [plain(name), f"{over.users:,}", interval_text(metric, means.get(name)), interval_text(metric, over, "+")]
            for name, over in list(evidence.groups.items())[:MOST_GROUPS]
        ),
    )


def features_table(evidence: CardEvidence) -> str:
    """The features that move scores most."""
    sizes, docs = evidence.contributions.mean_absolute(), {feature.name: feature.doc for feature in FEATURES}
    return table(
        ["feature", "mean contribution", "share of the gain", "what it is"],
        (
            [f"`{name}`", f"{size:.3f}", f"{evidence.importances.get(name, 0.0):.1%}", docs.get(name, "")]
            for name, size in list(sizes.items())[:MOST_FEATURES]
        ),
    )


def sources_of(evidence: CardEvidence) -> dict[str, tuple[float, float]]:
    """By source the share of wanted items that it proposed, and that it alone proposed; the best first."""
    found = {}
    for name in SOURCE_NAMES:
        both = evidence.measured(source_row(name), "candidate_recall")
        alone = evidence.measured(source_row(name), "candidate_recall_alone")
        if both and alone:
            found[name] = (both.mean, alone.mean)
    return dict(sorted(found.items(), key=lambda pair: -pair[1][0]))


def recall_of_all(evidence: CardEvidence) -> str:
    """What the sources found together."""
    found = evidence.measured(CANDIDATES, "candidate_recall")
    return f"{found.mean:.0%}" if found else NOT_MEASURED


def parameters_table(evidence: CardEvidence) -> str:
    """What the run chose from the short lists in its settings."""
    return table(
        ["setting", "chosen", "by"],
        (
            [f"`{row['parameter']}`", row["value"].strip('"'), _trial(row["metric"], row["mean"], row["users"])]
            for row in evidence.parameters
        ),
    )


def _trial(metric: str, mean: float | None, users: int) -> str:
    return "the first of its list: there was no past week" if mean is None else f"{metric} {mean:.3f} of {users:,}"


def interval_text(metric: str, found: Interval | None, sign: str = "") -> str:
    """A mean with the ends of its interval, where it has any; shares in percent, their differences in points."""
    if found is None:
        return NOT_MEASURED
    percent = metric in SHARES
    scale, form = (100, f"{{:{sign}.1f}}") if percent else (1, f"{{:{sign}.3f}}")
    unit = (" points" if sign else "%") if percent else ""
    mean, low, high = (form.format(value * scale) for value in (found.mean, found.low, found.high))
    return f"{mean}{unit}" if found.low == found.high else f"{mean}{unit} ({low} to {high})"
