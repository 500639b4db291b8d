"""Put an earlier model back in office, or none: one applied row, and the registry's alias follows the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.retraining.errors import OperationError
from include.retraining.operation import Plan
from include.retraining.promotion.decisions import (
    DecidedChallenger,
    champion_version,
    record_rollback,
    terms_of_office,
)
from include.retraining.tables import PROMOTION_DECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from include.retraining.operation import Operation
    from include.retraining.registry import ModelRegistry, RegisteredModel
    from include.retraining.warehouse.protocol import Warehouse

    Terms = Sequence[Mapping[str, Any]]

NONE = "none"
NOBODY = "none (the best baseline serves)"


def plan_model_rollback(
    warehouse: Warehouse,
    registry: ModelRegistry,
    operation: Operation,
    surface: str,
    model: str | None,
    refuse_unusable: Callable[[RegisteredModel], object],
) -> Plan:
    """What changes when `model` is back in office on a surface: a label, `none`, or empty for the champion before.

    Raises OperationError for a model that cannot be in office, with those that can; RegistryError where the registry
    does not have it; whatever `refuse_unusable` raises where this code cannot use it.
    """
    terms = terms_of_office(warehouse, surface)
    if any(term["decision_id"] == operation.run_id for term in terms):
        says = ("an earlier try of this run recorded it; the alias of the registry follows the record",)
        return Plan(says, lambda: follow_record(warehouse, registry, surface))
    if not model and terms:
        put = f"{terms[-1]['model_version'] or NOBODY} was put in office on {surface}"
        operation.refuse_empty_since("model", terms[-1]["recorded_at"], put)
    target = _target(warehouse, surface, terms, model)
    if target:
        refuse_unusable(registry.get(*target.rsplit("/", 1)))
    last = terms[-1]

    def carry_out() -> None:
        chosen = DecidedChallenger(surface, target, last["model_version"], "", "")
        record_rollback(warehouse, operation, last["as_of_date"], chosen)
        follow_record(warehouse, registry, surface)

    exactly = () if model else (f"to do exactly this, whoever takes office meanwhile: model = {target}",)
    return Plan((*_words(warehouse, surface, last, target), *exactly), carry_out)


def follow_record(warehouse: Warehouse, registry: ModelRegistry, surface: str) -> None:
    """Move the champion alias to the model that is in office by the record, or take it away."""
    labels = [term["model_version"] for term in terms_of_office(warehouse, surface)]
    if labels[-1]:
        registry.crown(registry.get(*labels[-1].rsplit("/", 1)))
    else:
        registry.uncrown(next(label for label in reversed(labels) if label).rsplit("/", 1)[0])


def _target(warehouse: Warehouse, surface: str, terms: Terms, model: str | None) -> str:
    """The label that shall be in office, empty for none."""
    present = terms[-1]["model_version"] if terms else ""
    valid = _valid(warehouse, surface)
    target = _before(terms) if not model else "" if model == NONE else model
    if target is None:
        found = f"no model before {present or NOBODY} that nobody rolled back"
    elif not terms:
        found = f"{surface} never had a champion"
    elif target == present:
        found = f"{model}: that is so already"
    elif target and target not in valid:
        found = f"{target}: no such model was decided about on {surface}"
    else:
        return target
    listed = [f"{label}: {what}" for label, what in valid.items() if label != present] + [f"{NONE}: the best baseline"]
    raise OperationError(
        "\n- ".join([f"a model of {surface} to roll back to, one of these, newest first:", *listed]),
        found,
        "trigger again with one of those",
    )


def _before(terms: Terms) -> str | None:
    """Who was in office before the present one first was, and was not rolled back."""
    labels = [term["model_version"] for term in terms]
    rolled_back = {term["champion_version"] for term in terms if term["choice"] == "rollback"}
    earlier = labels[: labels.index(labels[-1])] if labels else []
    return next((label for label in reversed(earlier) if label and label not in rolled_back), None)


def _valid(warehouse: Warehouse, surface: str) -> dict[str, str]:
    """Every model that was decided about, newest first, and what was last recorded of it."""
    rows = warehouse.read(PROMOTION_DECISIONS, {"surface": surface}).to_pylist()
    newest_first = sorted(rows, key=lambda row: row["recorded_at"], reverse=True)
    described: dict[str, str] = {}
    for row in newest_first:
        what = "put in office" if row["kind"] == "applied" else f"decided: {row['choice']}"
        if row["model_version"]:
            described.setdefault(row["model_version"], f"{what} as of {row['as_of_date']}")
    return described


def _words(warehouse: Warehouse, surface: str, last: Mapping[str, Any], target: str) -> tuple[str, ...]:
    day, of_that_day = last["as_of_date"], champion_version(warehouse, surface, last["as_of_date"])
    return (
        f"leaves office on {surface}: {last['model_version'] or NOBODY}, champion since {day}",
        f"takes office: {target or NOBODY}, for every as_of_date after {day}",
        f"a run of {day} itself goes on to start from the champion of that date: {of_that_day or NOBODY}",
        "the alias champion of the registry follows",
        "readers see the same lists until the next publication; to make one now trigger recommender_daily with "
        "train = skip (under a hold it only stages: release it first)",
        "the challenger of the next run with training may take office again: train = skip prevents it",
    )
