"""What was decided about challengers, by date and surface: read without the evidence, which is long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.retraining.tables import PROMOTION_DECISIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from include.retraining.warehouse.protocol import Warehouse

COLUMNS = (
    "as_of_date", "surface", "kind", "decision_id", "choice", "model_version", "champion_version", "baseline",
    "reasons", "publication_id", "who", "run_id", "recorded_at", "answered_at",
)  # fmt: skip
SENTENCES = {
    "promote": "the new ranker takes over", "keep": "the new ranker does not take over",
    "ask": "a person is asked about the new ranker", "approved": "a person let the new ranker in",
    "rejected": "a person turned the new ranker away", "timed_out": "nobody answered about the new ranker",
}  # fmt: skip
IN_WORDS = {
    "promote": "promoted", "keep": "kept out", "ask": "a person was asked", "approved": "approved",
    "rejected": "rejected", "timed_out": "nobody answered",
}  # fmt: skip


@dataclass(frozen=True)
class Decided:
    """The last decision about a date's challenger of one surface, what people answered, and what took office."""

    as_of_date: date
    surface: str
    choice: str
    reasons: Sequence[str]
    model_version: str
    champion_version: str
    baseline: str
    recorded_at: datetime
    followed: Sequence[dict[str, Any]]

    @property
    def outcome(self) -> str:
        """`promote`, `keep`, or of a challenger that a person was asked about: `ask` or what was answered."""
        answers = [row["kind"] for row in self.followed if row["kind"] in ("approved", "rejected", "timed_out")]
        return answers[0] if answers else self.choice

    @property
    def in_words(self) -> str:
        """The same, as a person would say it."""
        return IN_WORDS.get(self.outcome, self.outcome)

    @property
    def sentence(self) -> str:
        """The same in a sentence without its end, as the model card has it, with what decided it."""
        told = f"on {self.surface} {SENTENCES.get(self.outcome, self.outcome)}"
        return f"{told} ({self.figures})" if self.figures else told

    @property
    def figures(self) -> str:
        """What decided it: the first thing against it, or how it did beside the best baseline and the champion."""
        return ", ".join(self.reasons[: 1 if self.choice == "keep" else 2])


def read_decided(warehouse: Warehouse, dates: Sequence[date] | None = None) -> dict[date, list[Decided]]:
    """By date, then by surface in order; of all dates where none are named."""
    where = {"as_of_date": list(dates)} if dates is not None else None
    rows = warehouse.read(PROMOTION_DECISIONS, where, COLUMNS).to_pylist()
    groups: dict[tuple[date, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["recorded_at"]):
        groups.setdefault((row["as_of_date"], row["surface"]), []).append(row)
    found: dict[date, list[Decided]] = {}
    for (day, _), of_one in sorted(groups.items()):
        decided = [row for row in of_one if row["kind"] == "decided"]
        if decided:
            found.setdefault(day, []).append(_decided(decided[-1], of_one))
    return found


def surfaces_in(decided: dict[date, list[Decided]]) -> list[str]:
    """Every surface about which something was ever decided."""
    return sorted({each.surface for of_date in decided.values() for each in of_date})


def _decided(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Decided:
    followed = [other for other in rows if other["kind"] != "decided" and other["decision_id"] == row["decision_id"]]
    return Decided(
        as_of_date=row["as_of_date"],
        surface=row["surface"],
        choice=row["choice"],
        reasons=tuple(row["reasons"] or ()),
        model_version=row["model_version"],
        champion_version=row["champion_version"],
        baseline=row["baseline"],
        recorded_at=row["recorded_at"],
        followed=tuple(followed),
    )
