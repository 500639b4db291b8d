"""Rules 3 and 5: the decision log grows once per outcome, and knows the champion of every date."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from include.retraining.promotion.decisions import (
    DecidedChallenger,
    champion_version,
    record_applied,
    record_decision,
)
from include.retraining.promotion.policy import Decision
from include.retraining.tables import PROMOTION_DECISIONS
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.publishing import run_of

DAY = date(2026, 3, 10)
CHALLENGER = DecidedChallenger("for_you", "for_you/2", "for_you/1", "own_history", "sha of 2")
PROMOTE = Decision("promote", ("better",))
EVIDENCE = {"over_baseline": {"mean": 0.1}, "coverage": 0.5}


def apply(warehouse: LocalWarehouse, day: date, version: str, surface: str = "for_you") -> None:
    challenger = replace(CHALLENGER, surface=surface, model_version=version, model_sha256=version)
    decision_id = record_decision(warehouse, run_of(day), challenger, PROMOTE, EVIDENCE)
    assert record_applied(warehouse, run_of(day), challenger, decision_id, f"{day}-publication")


def test_rule_3_a_retry_decides_under_the_same_id_and_adds_nothing(warehouse: LocalWarehouse) -> None:
    first = record_decision(warehouse, run_of(DAY), CHALLENGER, PROMOTE, EVIDENCE)
    retry = replace(run_of(DAY), run_id="another run", why="backfill")
    assert record_decision(warehouse, retry, CHALLENGER, PROMOTE, dict(reversed(EVIDENCE.items()))) == first
    (row,) = warehouse.read(PROMOTION_DECISIONS).to_pylist()
    assert row["run_id"] == f"run of {DAY}"


def test_rule_8_a_decision_holds_its_model_reasons_and_evidence(warehouse: LocalWarehouse) -> None:
    decision_id = record_decision(warehouse, run_of(DAY), CHALLENGER, PROMOTE, EVIDENCE)
    (row,) = warehouse.read(PROMOTION_DECISIONS).to_pylist()
    expected = {
        "as_of_date": DAY, "surface": "for_you", "kind": "decided", "decision_id": decision_id, "choice": "promote",
        "model_version": "for_you/2", "champion_version": "for_you/1", "baseline": "own_history",
        "reasons": ["better"], "publication_id": "", "who": "manual",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert json.loads(row["evidence"]) == EVIDENCE


@pytest.mark.parametrize(
    ("challenger", "decision", "evidence"),
    [
        (replace(CHALLENGER, model_sha256="other"), PROMOTE, EVIDENCE),
        (CHALLENGER, Decision("keep", ("better",)), EVIDENCE),
        (CHALLENGER, Decision("promote", ("much better",)), EVIDENCE),
        (CHALLENGER, PROMOTE, {**EVIDENCE, "coverage": 0.6}),
    ],
    ids=["model", "choice", "reasons", "evidence"],
)
def test_rule_3_another_outcome_is_another_row(
    warehouse: LocalWarehouse, challenger: DecidedChallenger, decision: Decision, evidence: dict[str, object]
) -> None:
    first = record_decision(warehouse, run_of(DAY), CHALLENGER, PROMOTE, EVIDENCE)
    assert record_decision(warehouse, run_of(DAY), challenger, decision, evidence) != first
    assert warehouse.read(PROMOTION_DECISIONS).num_rows == 2


def test_rule_3_the_version_number_of_a_model_does_not_enter_the_id(warehouse: LocalWarehouse) -> None:
    first = record_decision(warehouse, run_of(DAY), CHALLENGER, PROMOTE, EVIDENCE)
    renumbered = replace(CHALLENGER, model_version="for_you/9")
    assert record_decision(warehouse, run_of(DAY), renumbered, PROMOTE, EVIDENCE) == first


def test_rule_3_taking_office_is_recorded_once(warehouse: LocalWarehouse) -> None:
    apply(warehouse, DAY, "for_you/2")
    decision_id = warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"})["decision_id"][0].as_py()
    challenger = replace(CHALLENGER, model_version="for_you/2")
    assert not record_applied(warehouse, run_of(DAY), challenger, decision_id, "another publication")
    (row,) = warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).to_pylist()
    assert row["publication_id"] == f"{DAY}-publication"


def test_a_decision_alone_puts_nobody_in_office(warehouse: LocalWarehouse) -> None:
    record_decision(warehouse, run_of(DAY), CHALLENGER, PROMOTE, EVIDENCE)
    assert champion_version(warehouse, "for_you", date(2026, 4, 1)) is None


def test_rule_5_an_older_date_never_sees_a_later_champion(warehouse: LocalWarehouse) -> None:
    apply(warehouse, date(2026, 3, 12), "for_you/3")
    apply(warehouse, date(2026, 3, 8), "for_you/2")
    champions = {day: champion_version(warehouse, "for_you", date(2026, 3, day)) for day in (8, 9, 12, 13, 20)}
    assert champions == {8: None, 9: "for_you/2", 12: "for_you/2", 13: "for_you/3", 20: "for_you/3"}


def test_rule_5_a_rerun_of_the_same_date_sees_the_champion_it_saw_before(warehouse: LocalWarehouse) -> None:
    apply(warehouse, date(2026, 3, 9), "for_you/1")
    before = champion_version(warehouse, "for_you", DAY)
    apply(warehouse, DAY, "for_you/2")
    assert champion_version(warehouse, "for_you", DAY) == before == "for_you/1"


def test_the_later_of_two_applied_on_one_date_is_champion(warehouse: LocalWarehouse) -> None:
    apply(warehouse, DAY, "for_you/3")
    apply(warehouse, DAY, "for_you/2")
    assert champion_version(warehouse, "for_you", date(2026, 3, 11)) == "for_you/2"


def test_each_surface_has_its_own_champion(warehouse: LocalWarehouse) -> None:
    apply(warehouse, DAY, "for_you/2")
    apply(warehouse, DAY, "discover/5", "discover")
    tomorrow = date(2026, 3, 11)
    assert champion_version(warehouse, "for_you", tomorrow) == "for_you/2"
    assert champion_version(warehouse, "discover", tomorrow) == "discover/5"
