"""What a person reads who is asked about a challenger: the evidence in words, and what each answer does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.recommender.evaluation import CHALLENGER, CHAMPION
from include.recommender.evaluation_rows import EVERYBODY
from include.recommender.model_card_tables import interval_text, table
from include.recommender.model_card_words import (
    CONTENDERS,
    METRICS,
    SURFACES_IN_WORDS,
    plain,
    relative,
    sure_together,
    verdict,
)
from include.recommender.templates import filled
from include.retraining.promotion.approval import Question
from include.retraining.promotion.paired_bootstrap import Interval
from include.retraining.registry import CARD_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    import pyarrow as pa

    from include.recommender.list_changes import ListChanges
    from include.retraining.promotion.policy import Evidence
    from include.retraining.settings import Promotion


@dataclass(frozen=True)
class Request:
    """What is asked about. `rows` are those of evaluation_results, `closes_at` is in the business timezone."""

    surface: str
    as_of_date: date
    model: str
    mlflow_run: str
    evidence: Evidence
    rows: pa.Table
    reasons: tuple[str, ...]
    promotion: Promotion
    changes: ListChanges | None
    closes_at: datetime
    champion: bool

    def measured(self, contender: str, metric: str, versus: str = "") -> Interval | None:
        """One measurement over all users; None where it was not made."""
        return self._intervals.get((contender, versus, metric))

    @property
    def _intervals(self) -> Mapping[tuple[str, str, str], Interval]:
        return {
            (row["contender"], row["versus"], row["metric"]): Interval(
                row["mean"], row["low"], row["high"], row["users"]
            )
            for row in self.rows.to_pylist()
            if row["segment"] == EVERYBODY and row["users"]
        }

    @property
    def incumbent(self) -> str:
        """Who makes the lists now."""
        return CHAMPION if self.champion else self.evidence.best_baseline

    @property
    def others(self) -> list[str]:
        """Whom the challenger was compared with: the champion first, then the best baseline."""
        return [*([CHAMPION] if self.evidence.over_champion else []), self.evidence.best_baseline]


def question_of(request: Request) -> Question:
    """One line and a page of Markdown."""
    incumbent, weeks = CONTENDERS[request.incumbent], request.evidence.weeks
    closes_at = f"{request.closes_at:%Y-%m-%d %H:%M %Z}"
    body = filled(
        "approval_request.md.j2",
        surface=request.surface,
        as_of_date=request.as_of_date,
        about=SURFACES_IN_WORDS[request.surface],
        incumbent=incumbent,
        Incumbent=incumbent[0].upper() + incumbent[1:],
        summary=" ".join(_over(request, other) for other in request.others),
        reasons=[plain(reason) for reason in request.reasons],
        closes_at=closes_at,
        metrics=_metrics(request),
        differences=_differences(request),
        users=f"{request.evidence.over_baseline.users:,}",
        weeks="1 week" if weeks == 1 else f"{weeks} weeks",
        losers=_losers(request),
        changes=_changes(request.changes),
        model=request.model,
        mlflow_run=request.mlflow_run,
        card=CARD_PAGE,
    )
    return Question(f"May the new ranker make the lists of {request.surface}? Until {closes_at}", body)


def _over(request: Request, other: str) -> str:
    metric = request.promotion.metric
    mean, difference = request.measured(other, metric), request.measured(CHALLENGER, metric, other)
    if mean is None or difference is None:
        return f"It was not compared with {CONTENDERS[other]}."
    return f"It is **{verdict(difference)} {CONTENDERS[other]}**: {METRICS[metric][0]} {relative(difference, mean)}."


def _metrics(request: Request) -> str:
    names = [CHALLENGER, *request.others]
    return table(
        ["metric", *(CONTENDERS[name] for name in names), "what it says"],
        (
            [name, *(interval_text(metric, request.measured(of, metric)) for of in names), says]
            for metric, (name, says) in METRICS.items()
        ),
    )


def _differences(request: Request) -> str:
    return table(
        ["metric", *(f"minus {CONTENDERS[name]}" for name in request.others)],
        (
            [
                METRICS[metric][0],
                *(interval_text(metric, request.measured(CHALLENGER, metric, of), "+") for of in request.others),
            ]
            for metric in METRICS
        ),
    )


def _losers(request: Request) -> str:
    """Groups that lose by their own intervals, the largest first, and which of them surely do."""
    groups = [group for group in request.evidence.segments if group.difference.high < 0]
    if not groups:
        return "No group of people surely loses."
    metric = request.promotion.metric
    rows: Iterable[list[object]] = (
        [
            plain(group.name),
            f"{group.difference.users:,}",
            interval_text(metric, Interval(group.mean, group.mean, group.mean, 0)),
            interval_text(metric, group.difference, "+"),
        ]
        for group in sorted(groups, key=lambda group: (-group.difference.users, group.name))
    )
    head = [
        "group",
        "people",
        f"{METRICS[metric][0]} with {CONTENDERS[request.incumbent]}",
        "the new ranker minus that",
    ]
    return f"{table(head, rows)}\n\n{sure_together(request.evidence, request.promotion)}"


def _changes(changes: ListChanges | None) -> str:
    if changes is None:
        return "Not known: nobody has a list of their own yet."
    return (
        f"Of {changes.users:,} people of today, **{changes.first_place:.0%}** would find another item in the first "
        f"place, and of everybody's first ten items **{changes.others:.0%}** would be others."
    )
