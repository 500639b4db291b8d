"""`python -m include.production.secret_file PATH`: the secrets of docker-compose.yaml, made once."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded.secret_file import GENERATORS as EMBEDDED
from include.production.errors import ProductionError
from include.retraining.errors import HigawariError

if TYPE_CHECKING:
    from collections.abc import Callable

# In hexadecimal, since passwords become parts of URLs.
GENERATORS: dict[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(24),
    "REDIS_PASSWORD": lambda: secrets.token_hex(24),
    "AIRFLOW_FERNET_KEY": EMBEDDED["AIRFLOW__CORE__FERNET_KEY"],
    "AIRFLOW_JWT_SECRET": EMBEDDED["AIRFLOW__API_AUTH__JWT_SECRET"],
    "AIRFLOW_API_SECRET_KEY": EMBEDDED["AIRFLOW__API__SECRET_KEY"],
    "HIGAWARI_ADMIN_PASSWORD": EMBEDDED["HIGAWARI_ADMIN_PASSWORD"],
    "HIGAWARI_HASH_KEY": EMBEDDED["HIGAWARI_HASH_KEY"],
}
HEADER = """\
# Made by `make compose-env`. Secrets: back this file up, show it to nobody. What can be set here: docs/deploy.md.
"""


def write_secrets(path: Path) -> None:
    """Write random secrets that only the owner can read. ProductionError where the file exists: none is replaced."""
    text = HEADER + "".join(f"{name}={generate()}\n" for name, generate in GENERATORS.items())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ProductionError(
            f"no {path}",
            "one with secrets, which running services and stored hashes depend on",
            "go on with it; for a new deployment without any of the old data, move it away first",
        ) from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def main(path: str) -> int:
    """Write the file and say so."""
    try:
        write_secrets(Path(path))
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {path}: {', '.join(GENERATORS)}. Airflow's user is admin, the password is HIGAWARI_ADMIN_PASSWORD.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
