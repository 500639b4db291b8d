"""Secrets of one home: generated once, kept in a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded.errors import EmbeddedAirflowError

if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN = "admin"
ADMIN_PASSWORD = "HIGAWARI_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable
GENERATORS: dict[str, Callable[[], str]] = {
    "HIGAWARI_HASH_KEY": lambda: secrets.token_hex(32),
    ADMIN_PASSWORD: lambda: secrets.token_urlsafe(18),
    "AIRFLOW__API_AUTH__JWT_SECRET": lambda: secrets.token_hex(64),
    "AIRFLOW__API__SECRET_KEY": lambda: secrets.token_hex(32),
    "AIRFLOW__CORE__FERNET_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
}


def secret_file(home: Path) -> Path:
    """Where the secrets of a home are kept."""
    return home / "secrets.env"


def passwords_file(home: Path) -> Path:
    """The passwords as Airflow's SimpleAuthManager reads them: JSON, user to password."""
    return home / "airflow" / "passwords.json"


def load_secrets(home: Path) -> dict[str, str]:
    """The secrets of a home by variable name, generated on first use. EmbeddedAirflowError where one is missing."""
    path = secret_file(home)
    if not path.exists():
        _create(path, "".join(f"{name}={generate()}\n" for name, generate in GENERATORS.items()))
    found = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    if missing := [name for name in GENERATORS if not found.get(name)]:
        raise EmbeddedAirflowError(
            f"{', '.join(GENERATORS)} in {path}",
            f"no value for {', '.join(missing)}",
            "restore the file from a backup; without one, remove it: new secrets are made, old hashes stop matching",
        )
    return {name: found[name] for name in GENERATORS}


def write_passwords_file(home: Path) -> None:
    """Give SimpleAuthManager the admin's password, so that it does not make one up and print it to a log."""
    path = passwords_file(home)
    temporary = _private_file(path, json.dumps({ADMIN: load_secrets(home)[ADMIN_PASSWORD]}) + "\n")
    temporary.replace(path)


def _create(path: Path, text: str) -> None:
    """Write a file in one step; where another process was faster, its file stays."""
    temporary = _private_file(path, text)
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _private_file(beside: Path, text: str) -> Path:
    beside.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes it 0600 from the start.
    descriptor, name = tempfile.mkstemp(dir=beside.parent, prefix=f".{beside.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return Path(name)
