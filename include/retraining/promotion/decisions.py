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
    row = _row(run, challenger, "decided", decision_id) | {
        "choice": decision.choice,
        "reasons": list(decision.reasons),
        "evidence": json.dumps(evidence, sort_keys=True),
    }
    _append(warehouse, row)
    return decision_id


def record_applied(
    warehouse: Warehouse, run: Run, challenger: DecidedChallenger, decision_id: str, publication_id: str
) -> bool:
    """Append that a promoted challenger is champion from this publication on; False where that was recorded before."""
    row = _row(run, challenger, "applied", decision_id) | {"choice": "promote", "publication_id": publication_id}
    return _append(warehouse, row)


def champion_version(warehouse: Warehouse, surface: str, as_of_date: date) -> str | None:
    """The champion of a date: the model of the last applied decision with an earlier as_of_date (rule 5)."""
    applied = warehouse.read(PROMOTION_DECISIONS, {"surface": surface, "kind": "applied"}).to_pylist()
    earlier = [row for row in applied if row["as_of_date"] < as_of_date]
    last = max(earlier, key=lambda row: (row["as_of_date"], row["recorded_at"]), default=None)
    return last["model_version"] if last else None


def _row(run: Run, challenger: DecidedChallenger, kind: str, decision_id: str) -> dict[str, Any]:
    return {
        "as_of_date": run.as_of_date,
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
        "who": run.why,
        "run_id": run.run_id,
        "recorded_at": datetime.now(UTC),
    }


def _append(warehouse: Warehouse, row: dict[str, Any]) -> bool:
    import pyarrow as pa

    return (
        warehouse.append_once(PROMOTION_DECISIONS, pa.Table.from_pylist([row], schema=PROMOTION_DECISIONS.schema)).rows
        == 1
    )
