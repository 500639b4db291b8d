"""A row rule is declared once, and gives both the SQL predicate and the expectation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from include.retraining.quality.expectation import between, in_set, not_matching, not_null

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from include.retraining.quality.expectation import Expectation


@dataclass(frozen=True)
class Measure:
    """What a rule looks at: GoogleSQL over typed_events, and the name it has as a column."""

    column: str
    sql: str


@dataclass(frozen=True)
class RowRule:
    """What a row must fulfil; `name` is the reason given in quarantine.

    `condition` is GoogleSQL, TRUE or FALSE and never NULL. `expectation` says the same of a frame with the measure as
    a column; it is None where stored rows cannot show it. A `readmittable` rule lets pass what a person let in.
    """

    name: str
    condition: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    measure: Measure | None = None
    expectation: Expectation | None = None
    readmittable: bool = False

    @property
    def predicate(self) -> str:
        """GoogleSQL that is TRUE for good rows and FALSE for bad ones, never NULL."""
        return f"readmitted OR {self.condition}" if self.readmittable else self.condition


def present(name: str, measure: Measure, readmittable: bool = False) -> RowRule:
    """The value is there."""
    condition = f"{measure.sql} IS NOT NULL"
    return RowRule(name, condition, {}, measure, not_null(measure.column), readmittable)


def one_of(name: str, measure: Measure, values: Sequence[str], readmittable: bool = False) -> RowRule:
    """The value is one of a few; null passes."""
    condition = f"COALESCE({measure.sql} IN UNNEST(@{name}_values), TRUE)"
    parameters = {f"{name}_values": list(values)}
    return RowRule(name, condition, parameters, measure, in_set(measure.column, list(values)), readmittable)


def free_of(name: str, measure: Measure, regex: str, what: str, readmittable: bool = False) -> RowRule:
    """No part of the text matches a regular expression, which `what` describes; null passes."""
    condition = f"NOT COALESCE(REGEXP_CONTAINS({measure.sql}, @{name}_regex), FALSE)"
    expectation = not_matching(measure.column, regex, what)
    return RowRule(name, condition, {f"{name}_regex": regex}, measure, expectation, readmittable)


def at_least(name: str, measure: Measure, low: float, readmittable: bool = False) -> RowRule:
    """The number is not below a bound; null passes."""
    condition = f"COALESCE({measure.sql} >= @{name}_low, TRUE)"
    return RowRule(name, condition, {f"{name}_low": low}, measure, between(measure.column, low, None), readmittable)


def at_most(name: str, measure: Measure, high: float, readmittable: bool = False) -> RowRule:
    """The number is not above a bound; null passes."""
    condition = f"COALESCE({measure.sql} <= @{name}_high, TRUE)"
    return RowRule(name, condition, {f"{name}_high": high}, measure, between(measure.column, None, high), readmittable)


def as_landed(name: str, condition: str, readmittable: bool = False) -> RowRule:
    """A condition on landed text, which stored rows do not keep: so no expectation can show it later."""
    return RowRule(name, f"COALESCE({condition}, FALSE)", readmittable=readmittable)


def classify(rules: Iterable[RowRule]) -> tuple[str, dict[str, object]]:
    """GoogleSQL and its parameters that add `broken_rule` to typed_events: the first rule a row breaks, or NULL."""
    ordered = list(rules)
    cases = "\n".join(f"    WHEN NOT ({rule.predicate}) THEN '{rule.name}'" for rule in ordered)
    parameters = {name: value for rule in ordered for name, value in rule.parameters.items()}
    return f"SELECT\n  *,\n  CASE\n{cases}\n    ELSE NULL\n  END AS broken_rule\nFROM typed_events", parameters


def measured(measures: Iterable[Measure]) -> str:
    """GoogleSQL that takes measures from typed_events, with row_id and in its order."""
    columns = dict.fromkeys(f"{measure.sql} AS {measure.column}" for measure in measures)
    # Measures are declared in code; values only ever come as parameters.
    return f"SELECT row_id, {', '.join(columns)} FROM typed_events ORDER BY row_id"  # noqa: S608
