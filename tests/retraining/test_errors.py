"""Errors that teach: three parts, a page of the runbook, and whether a retry helps."""

from __future__ import annotations

import pickle
import re

import pytest

from include.retraining import errors
from include.retraining.errors import HigawariError, PermanentError, StepSkipped, TransientError

CLASSES = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HigawariError)),
    key=lambda kind: kind.__name__,
)
CONCRETE = [kind for kind in CLASSES if kind not in (HigawariError, PermanentError, TransientError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_survives_the_way_to_another_process(kind: type[HigawariError]) -> None:
    error = pickle.loads(pickle.dumps(kind("a date", "a fruit", "choose a date")))
    assert type(error) is kind
    assert (error.expected, error.found, error.next_step) == ("a date", "a fruit", "choose a date")
    assert error.runbook_section == kind.runbook_section


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_says_expected_found_next_step_and_runbook(kind: type[HigawariError]) -> None:
    assert str(kind("a date", "a fruit", "choose a date")).splitlines() == [
        "Expected: a date",
        "Found: a fruit",
        "Next step: choose a date",
        f"Runbook: docs/runbook.md#{kind.runbook_section}",
    ]


@pytest.mark.parametrize("kind", CONCRETE)
def test_an_error_is_either_permanent_or_transient(kind: type[HigawariError]) -> None:
    assert issubclass(kind, PermanentError) != issubclass(kind, TransientError)
    assert kind.retry_helps == issubclass(kind, TransientError)


def test_an_error_has_a_runbook_section_of_its_own_named_after_it() -> None:
    sections = {kind: re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower() for kind in CONCRETE}
    assert {kind: kind.runbook_section for kind in CONCRETE} == sections


def test_a_skipped_step_is_no_error_of_ours() -> None:
    assert not issubclass(StepSkipped, HigawariError)
