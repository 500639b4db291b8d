"""People with one role each, and what Airflow's REST API answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from include.embedded.rest import AirflowClient

PASSWORD = "for this test only"


@dataclass
class People:
    """Accounts are made by the admin when first needed."""

    url: str
    admin_password: str
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, role: str) -> AirflowClient:
        """A client of the person with this role."""
        self._token(role)
        return AirflowClient(self.url, name_of(role), PASSWORD)

    def answer(self, role: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """What the person with this role is answered; `admin` is the one that the service init made."""
        return self._send(method, f"/api/v2{path}", body, self._token(role))

    def page(self, role: str, path: str) -> httpx.Response:
        """One of our own pages, as the person with this role gets it."""
        return self._send("GET", f"/higawari/{path}", None, self._token(role))

    def accounts(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The API of accounts and roles, as the admin."""
        answer = self._send(method, f"/auth/fab/v1{path}", body, self._token("admin"))
        return dict(answer.raise_for_status().json())

    def log_in(self, name: str, password: str) -> str:
        """The token of a person; httpx.HTTPStatusError where the password is not theirs."""
        answer = self._send("POST", "/auth/token", {"username": name, "password": password})
        return str(answer.raise_for_status().json()["access_token"])

    def _token(self, role: str) -> str:
        if role not in self.tokens:
            if role != "admin":
                self._make_account(role)
            self.tokens[role] = self.log_in(name_of(role), self.admin_password if role == "admin" else PASSWORD)
        return self.tokens[role]

    def _make_account(self, role: str) -> None:
        account = {
            "username": name_of(role), "password": PASSWORD, "email": f"{role}@example.com", "first_name": "A",
            "last_name": role, "roles": [{"name": role}],
        }  # fmt: skip
        self.accounts("POST", "/users", account)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None, token: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.url + path, json=body, headers=headers, timeout=60, trust_env=False)


def name_of(role: str) -> str:
    return role if role == "admin" else f"a_{role}"
