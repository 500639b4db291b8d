"""An expectation as data: named here, looked up in Great Expectations where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Expectation:
    """`kind` is a class of great_expectations.expectations, `arguments` are its own, `text` says it to people."""

    kind: str
    arguments: Mapping[str, object]
    text: str


def not_null(column: str, mostly: float = 1) -> Expectation:
    """The column has a value in (most) rows."""
    text = f"{column} is there" if mostly == 1 else f"{column} is there in {mostly:.0%} of rows"
    return Expectation("ExpectColumnValuesToNotBeNull", {"column": column, "mostly": mostly}, text)


def unique(column: str) -> Expectation:
    """No value comes twice."""
    return Expectation("ExpectColumnValuesToBeUnique", {"column": column}, f"{column} comes once")


def in_set(column: str, values: list[str]) -> Expectation:
    """The column holds one of the values, or null."""
    arguments = {"column": column, "value_set": values}
    return Expectation("ExpectColumnValuesToBeInSet", arguments, f"{column} is one of {', '.join(values)}")


def not_matching(column: str, regex: str, what: str) -> Expectation:
    """No part of the text matches the regular expression, which `what` describes; null passes."""
    arguments = {"column": column, "regex": regex}
    return Expectation("ExpectColumnValuesToNotMatchRegex", arguments, f"{column} holds no {what}")


def between(column: str, low: float | None, high: float | None) -> Expectation:
    """The number lies within the bounds, both included; null passes."""
    arguments = {"column": column, "min_value": low, "max_value": high}
    return Expectation("ExpectColumnValuesToBeBetween", arguments, f"{column} {bounds(low, high)}")


def bounds(low: float | None, high: float | None) -> str:
    """Bounds in words."""
    if low is not None and high is not None:
        return f"exactly {low:g}" if low == high else f"between {low:g} and {high:g}"
    if low is not None:
        return f"at least {low:g}"
    return "as it comes" if high is None else f"at most {high:g}"
