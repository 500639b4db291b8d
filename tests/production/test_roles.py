"""Roles as declared: what each has beyond the one before, and what none has. The suite tries them on a real Airflow."""

from __future__ import annotations

import pytest

from include.production import access
from include.production.roles import DAGS_OF_ON_CALL, ON_CALL, OPERATOR, ROLES, VIEWER
from tests.production.compose_file import PROJECT

OWN = {"My Password", "My Profile"}


@pytest.mark.parametrize("dag_id", DAGS_OF_ON_CALL)
def test_what_on_call_may_trigger_exists_and_the_runbook_has_it_pressed(dag_id: str) -> None:
    assert (PROJECT / "dags" / f"{dag_id}.py").is_file()
    assert dag_id in (PROJECT / "docs" / "runbook.md").read_text()


@pytest.mark.parametrize("role", ROLES)
def test_no_role_touches_connections_variables_accounts_or_the_configuration(role: str) -> None:
    hidden = {"Connections", "Variables", "Configurations", "Users", "Roles", "Passwords", "Audit Logs"}
    assert not {resource for _, resource in ROLES[role]} & hidden


@pytest.mark.parametrize("role", ROLES)
def test_no_role_deletes(role: str) -> None:
    assert not [resource for action, resource in ROLES[role] if action == "can_delete"]


def test_a_viewer_only_looks() -> None:
    assert {resource for action, resource in ROLES[VIEWER] if action not in {"can_read", "menu_access"}} == OWN


def test_each_role_sees_all_that_a_viewer_does() -> None:
    assert ROLES[VIEWER] < ROLES[ON_CALL]
    assert ROLES[VIEWER] < ROLES[OPERATOR]


def test_without_a_password_there_is_no_admin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HIGAWARI_ADMIN_PASSWORD", raising=False)
    assert access.main() == 1
    assert "make compose-env" in capsys.readouterr().err
