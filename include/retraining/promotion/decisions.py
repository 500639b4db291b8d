"""The decision log: what was decided, what took office, and who is champion on a date."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.retraining.tables import PROMOTION_DECISIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from include.retraining.operation import Operation
    from include.retraining.promotion.approval import Answer
    from include.retraining.promotion.policy import Decision
    from include.retraining.run import Run
    from include.retraining.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class DecidedChallenger:
    """A challenger and what it was compared with. Versions are empty where there is none."""

    surface: str
    model_version: str
    champion_version: str
    best_baseline: str
    model_sha256: str


def record_decision(
    warehouse: Warehouse, run: Run, challenger: DecidedChallenger, decision: Decision, evidence: Mapping[str, Any]
) -> str:
    """Append what was decided, once per outcome; returns decision_id, a hash of model and decision."""
    content = json.dumps([challenger.model_sha256, decision.choice, decision.reasons, evidence], sort_keys=True)
    decision_id = hashlib.sha256(content.encode()).hexdigest()[:12]
    row = _row(run.as_of_date, run.why, run.run_id, "decided", decision_id, challenger) | {
        "choice": decision.choice,
        "reasons": list(decision.reasons),
        "evidence": json.dumps(evidence, sort_keys=True),
    }
    _append(warehouse, row)
    return decision_id


def record_answer(
    warehouse: Warehouse, run: Run, challenger: DecidedChallenger, decision_id: str, answer: Answer
) -> bool:
    """Append what a person answered, or that nobody did; False where that was recorded before."""
    row = _row(run.as_of_date, answer.who, run.run_id, answer.kind, decision_id, challenger)
    reasons = [answer.comment] if answer.comment else []
    return _append(warehouse, row | {"choice": "ask", "reasons": reasons, "answered_at": answer.at})


def answer_of_a_person(warehouse: Warehouse, as_of_date: date, surface: str, decision_id: str) -> dict[str, Any] | None:
    """The row of the first answer that a person gave about a decision; None where nobody has answered."""
    where = {"as_of_date": as_of_date, "surface": surface, "decision_id": decision_id, "kind": ["approved", "rejected"]}
    answers: list[dict[str, Any]] = warehouse.read(PROMOTION_DECISIONS, where).to_pylist()
    return min(answers, key=lambda row: row["recorded_at"], default=None)


def record_applied(
    warehouse: Warehouse, run: Run, challenger: DecidedChallenger, decision_id: str, publication_id: str
) -> bool:
    """Append that a promoted challenger is champion from this publication on; False where that was recorded before."""
    row = _row(run.as_of_date, run.why, run.run_id, "applied", decision_id, challenger)
    return _append(warehouse, row | {"choice": "promote", "publication_id": publication_id})


def record_approved(warehouse: Warehouse, run: Run, challenger: DecidedChallenger, decision_id: str, who: str) -> bool:
    """Append that an approved challenger is champion from the next publication on; False where it was recorded."""
    row = _row(run.as_of_date, who, run.run_id, "applied", decision_id, challenger)
    return _append(warehouse, row | {"choice": "approve"})


def record_rollback(warehouse: Warehouse, operation: Operation, as_of_date: date, chosen: DecidedChallenger) -> bool:
    """Append that a person put an earlier model back in office, or none; False where that was recorded before."""
    row = _row(as_of_date, operation.who, operation.run_id, "applied", operation.run_id, chosen)
    return _append(warehouse, row | {"choice": "rollback", "reasons": [operation.reason]})


def champion_version(warehouse: Warehouse, surface: str, as_of_date: date) -> str | None:
    """The champion of a date: the model of the last applied decision with an earlier as_of_date (rule 5).

    None before the first, and where a person put none in office.
    """
    earlier = [row for row in terms_of_office(warehouse, surface) if row["as_of_date"] < as_of_date]
    return (earlier[-1]["model_version"] or None) if earlier else None


def terms_of_office(warehouse: Warehouse, surface: str) -> list[dict[str, Any]]:
    """The applied rows of a surface in the order in which they count: the model of the last one is in office."""
    applied = warehouse.read(PROMOTION_DECISIONS, {"surface": surface, "kind": "applied"}).to_pylist()
    return sorted(applied, key=lambda row: (row["as_of_date"], row["recorded_at"]))


def _row(
    as_of_date: date, who: str, run_id: str, kind: str, decision_id: str, challenger: DecidedChallenger
) -> dict[str, Any]:
    return {
        "as_of_date": as_of_date,
        "surface": challenger.surface,
        "kind": kind,
        "decision_id": decision_id,
        "choice": "",
        "model_version": challenger.model_version,
        "champion_version": challenger.champion_version,
        "baseline": challenger.best_baseline,
        "reasons": [],
        "evidence": "",
        "publication_id": "",
        "who": who,
        "run_id": run_id,
        "recorded_at": datetime.now(UTC),
        "answered_at": None,
    }


def _append(warehouse: Warehouse, row: dict[str, Any]) -> bool:
    import pyarrow as pa

    return (
        warehouse.append_once(PROMOTION_DECISIONS, pa.Table.from_pylist([row], schema=PROMOTION_DECISIONS.schema)).rows
        == 1
    )
