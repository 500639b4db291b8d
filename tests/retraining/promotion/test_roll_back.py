"""A person puts an earlier model back in office, or none: later dates see it, earlier ones do not (rules 3 and 5)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import cast

import pytest

from include.retraining.errors import OperationError, RegistryError, SettingsError
from include.retraining.operation import Operation, Plan, perform
from include.retraining.promotion.decisions import champion_version, record_decision
from include.retraining.promotion.policy import Decision
from include.retraining.promotion.roll_back import plan_model_rollback
from include.retraining.registry import ModelRegistry, RegisteredModel
from include.retraining.tables import PROMOTION_DECISIONS
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.promotion.test_decisions import CHALLENGER, EVIDENCE, apply
from tests.retraining.publishing import run_of

MON, TUE, WED, THU = (date(2026, 3, day) for day in (9, 10, 11, 12))
OPERATION = Operation("run-1", "hana", "shows nonsense", dry_run=False)


@dataclass
class Aliases:
    """The registry's calls without MLflow; it has versions 1 to 4."""

    moves: list[str] = field(default_factory=list)

    def get(self, name: str, version: str) -> RegisteredModel:
        if version not in "1234":
            raise RegistryError("a version", version, "look for it")
        return RegisteredModel(name, version, {})

    def crown(self, model: RegisteredModel) -> None:
        self.moves.append(model.label)

    def uncrown(self, name: str) -> None:
        self.moves.append(f"{name}/none")


@pytest.fixture
def aliases() -> Aliases:
    return Aliases()


@pytest.fixture
def three_champions(warehouse: LocalWarehouse) -> None:
    for day, version in ((MON, 1), (TUE, 2), (WED, 3)):
        apply(warehouse, day, f"for_you/{version}")


def plan(warehouse: LocalWarehouse, aliases: Aliases, model: str | None = None, run_id: str = "run-1") -> Plan:
    operation, registry = replace(OPERATION, run_id=run_id), cast(ModelRegistry, aliases)
    return plan_model_rollback(warehouse, registry, operation, "for_you", model, lambda model: None)


def do(warehouse: LocalWarehouse, aliases: Aliases, model: str | None = None, run_id: str = "run-1") -> str:
    return perform(OPERATION, plan(warehouse, aliases, model, run_id))


def champions(warehouse: LocalWarehouse) -> list[str | None]:
    return [champion_version(warehouse, "for_you", day) for day in (TUE, WED, THU, date(2026, 4, 1))]


@pytest.mark.usefixtures("three_champions")
def test_rule_5_later_dates_start_from_the_champion_before_and_earlier_ones_are_as_they_were(
    warehouse: LocalWarehouse, aliases: Aliases
) -> None:
    said = do(warehouse, aliases)
    assert champions(warehouse) == ["for_you/1", "for_you/2", "for_you/2", "for_you/2"]
    assert aliases.moves == ["for_you/2"]
    assert f"leaves office on for_you: for_you/3, champion since {WED}" in said
    assert f"takes office: for_you/2, for every as_of_date after {WED}" in said
    assert f"a run of {WED} itself goes on to start from the champion of that date: for_you/2" in said
    assert "model = for_you/2" in said


@pytest.mark.usefixtures("three_champions")
def test_a_second_press_does_not_go_one_further_back(warehouse: LocalWarehouse, aliases: Aliases) -> None:
    pressed, registry = replace(OPERATION, run_id="run-2", asked_at=datetime.now(UTC)), cast(ModelRegistry, aliases)
    do(warehouse, aliases)
    with pytest.raises(OperationError, match="for_you/2 was put in office on for_you"):
        plan_model_rollback(warehouse, registry, pressed, "for_you", None, lambda model: None)
    plan_model_rollback(warehouse, registry, pressed, "for_you", "for_you/1", lambda model: None)


@pytest.mark.usefixtures("three_champions")
def test_rule_8_the_record_says_who_put_whom_in_whose_place_and_why(
    warehouse: LocalWarehouse, aliases: Aliases
) -> None:
    do(warehouse, aliases, "for_you/1")
    (row,) = warehouse.read(PROMOTION_DECISIONS, {"choice": "rollback"}).to_pylist()
    expected = {
        "as_of_date": WED, "surface": "for_you", "kind": "applied", "model_version": "for_you/1",
        "champion_version": "for_you/3", "who": "hana", "reasons": ["shows nonsense"], "run_id": "run-1",
        "publication_id": "",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


@pytest.mark.usefixtures("three_champions")
def test_none_leaves_the_office_empty_until_the_next_promotion(warehouse: LocalWarehouse, aliases: Aliases) -> None:
    said = do(warehouse, aliases, "none")
    assert champions(warehouse) == ["for_you/1", "for_you/2", None, None]
    assert aliases.moves == ["for_you/none"]
    assert "takes office: none (the best baseline serves)" in said
    apply(warehouse, THU, "for_you/4")
    assert champions(warehouse)[-1] == "for_you/4"


@pytest.mark.usefixtures("three_champions")
def test_a_model_can_come_back_from_none(warehouse: LocalWarehouse, aliases: Aliases) -> None:
    do(warehouse, aliases, "none")
    do(warehouse, aliases, "for_you/3", run_id="run-2")
    assert champions(warehouse)[-1] == "for_you/3"


@pytest.mark.usefixtures("three_champions")
def test_twice_without_a_model_goes_back_twice(warehouse: LocalWarehouse, aliases: Aliases) -> None:
    do(warehouse, aliases)
    do(warehouse, aliases, run_id="run-2")
    assert champions(warehouse)[-1] == "for_you/1"
    with pytest.raises(OperationError, match="no model before for_you/1 that nobody rolled back"):
        plan(warehouse, aliases, run_id="run-3")


@pytest.mark.usefixtures("three_champions")
def test_a_dry_run_says_the_same_and_changes_nothing(warehouse: LocalWarehouse, aliases: Aliases) -> None:
    version = warehouse.version(PROMOTION_DECISIONS)
    shown = perform(replace(OPERATION, dry_run=True), plan(warehouse, aliases))
    assert (warehouse.version(PROMOTION_DECISIONS), aliases.moves) == (version, [])
    assert shown.splitlines()[1:] == do(warehouse, aliases).splitlines()[1:]


@pytest.mark.usefixtures("three_champions")
def test_rule_3_a_retry_only_moves_the_alias_to_who_is_in_office(warehouse: LocalWarehouse, aliases: Aliases) -> None:
    do(warehouse, aliases)
    apply(warehouse, THU, "for_you/4")
    do(warehouse, aliases)
    assert aliases.moves == ["for_you/2", "for_you/4"]
    assert warehouse.read(PROMOTION_DECISIONS, {"choice": "rollback"}).num_rows == 1


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("for_you/9", "for_you/9: no such model was decided about on for_you"),
        ("discover/1", "discover/1: no such model was decided about on for_you"),
        ("for_you/3", "for_you/3: that is so already"),
    ],
)
@pytest.mark.usefixtures("three_champions")
def test_a_wrong_model_is_refused_with_the_right_ones(
    warehouse: LocalWarehouse, aliases: Aliases, model: str, found: str
) -> None:
    kept = replace(CHALLENGER, model_version="for_you/4", model_sha256="4")
    record_decision(warehouse, run_of(THU), kept, Decision("keep", ("worse",)), EVIDENCE)
    apply(warehouse, MON, "discover/1", "discover")
    with pytest.raises(OperationError) as refused:
        plan(warehouse, aliases, model)
    assert refused.value.found == found
    assert refused.value.expected.splitlines()[1:] == [
        f"- for_you/4: decided: keep as of {THU}",
        f"- for_you/2: put in office as of {TUE}",
        f"- for_you/1: put in office as of {MON}",
        "- none: the best baseline",
    ]


@pytest.mark.parametrize("model", [None, "none", "for_you/2"])
def test_where_nobody_was_ever_in_office_there_is_nothing_to_roll_back(
    warehouse: LocalWarehouse, aliases: Aliases, model: str | None
) -> None:
    record_decision(warehouse, run_of(MON), CHALLENGER, Decision("keep", ("worse",)), EVIDENCE)
    with pytest.raises(OperationError, match=r"no model before|never had a champion"):
        plan(warehouse, aliases, model)


def test_the_first_champion_has_none_before(warehouse: LocalWarehouse, aliases: Aliases) -> None:
    """None must be asked for by name."""
    apply(warehouse, MON, "for_you/1")
    with pytest.raises(OperationError, match="no model before for_you/1"):
        plan(warehouse, aliases)
    do(warehouse, aliases, "none")
    with pytest.raises(OperationError, match="that is so already"):
        plan(warehouse, aliases, "none", run_id="run-2")


@pytest.mark.usefixtures("three_champions")
def test_a_model_that_cannot_serve_is_refused_before_anything_is_recorded(
    warehouse: LocalWarehouse, aliases: Aliases
) -> None:
    def unusable(model: RegisteredModel) -> None:
        raise SettingsError("features", model.label, "bring them back")

    with pytest.raises(SettingsError):
        plan_model_rollback(warehouse, cast(ModelRegistry, aliases), OPERATION, "for_you", None, unusable)
    apply(warehouse, THU, "for_you/7")
    apply(warehouse, date(2026, 3, 13), "for_you/4")
    with pytest.raises(RegistryError):
        plan(warehouse, aliases)
    assert warehouse.read(PROMOTION_DECISIONS, {"choice": "rollback"}).num_rows == 0
