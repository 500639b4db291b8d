"""What a form asks for, and the difference between showing and doing it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from include.retraining.errors import OperationError
from include.retraining.operation import Operation, Plan, operation_from_context, own_fields, perform

SENT = datetime(2026, 3, 10, 4, 5, tzinfo=UTC)


def context(user: str | None = "hana", reason: str | None = "bad lists", dry_run: bool = True) -> dict[str, object]:
    dag_run = SimpleNamespace(
        run_id="run-1", triggering_user_name=user, run_type=SimpleNamespace(value="manual"), run_after=SENT
    )
    return {"dag_run": dag_run, "params": {"reason": reason, "dry_run": dry_run}}


def test_rule_8_an_operation_names_the_person_the_reason_and_the_run() -> None:
    assert operation_from_context(context()) == Operation("run-1", "hana", "bad lists", True, SENT)


def test_where_airflow_knows_no_user_the_kind_of_run_stands_for_one() -> None:
    assert operation_from_context(context(user=None)).who == "manual"


def test_a_scheduled_run_needs_no_person_and_no_other_reason() -> None:
    dag_run = SimpleNamespace(run_id="run-1", triggering_user_name=None, run_type="scheduled", run_after=SENT)
    found = operation_from_context({"dag_run": dag_run, "params": {"reason": None, "dry_run": False}})
    assert found == Operation("run-1", "scheduled", "scheduled", False, SENT)


@pytest.mark.parametrize("reason", [None, "", " \n"])
def test_nothing_is_done_without_a_reason(reason: str | None) -> None:
    with pytest.raises(OperationError, match="a reason"):
        operation_from_context(context(reason=reason))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_shows_what_a_real_one_does(dry_run: bool) -> None:
    calls: list[str] = []
    said = perform(
        Operation("run-1", "hana", "why", dry_run), Plan(("a changes", "b stays"), lambda: calls.append("x"))
    )
    assert said.splitlines()[1:] == ["- a changes", "- b stays"]
    assert ("nothing was changed" in said, calls) == ((True, []) if dry_run else (False, ["x"]))


def test_where_nothing_is_left_to_do_it_says_so() -> None:
    said = perform(Operation("run-1", "hana", "why", dry_run=False), Plan(("it is so already",)))
    assert said == "Nothing to do, nothing was changed:\n- it is so already"


def step(operation: object, workspace: object, action: str, item_ids: list[str]) -> None: ...


def test_the_fields_of_a_form_lose_the_spaces_of_pasting() -> None:
    params = {"action": " block\n", "item_ids": ["i1"], "reason": "why", "dry_run": True}
    assert own_fields(step, params) == {"action": "block", "item_ids": ["i1"]}


def test_a_misspelt_field_is_refused_where_airflow_lets_it_through() -> None:
    with pytest.raises(OperationError, match=r"(?s)action, item_ids, reason, dry_run.*item_idz"):
        own_fields(step, {"action": "block", "item_ids": [], "item_idz": ["i1"], "reason": "why", "dry_run": True})
