"""Secrets are generated once, private, and never the same in two homes."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.embedded.errors import EmbeddedAirflowError
from include.embedded.secret_file import (
    ADMIN,
    ADMIN_PASSWORD,
    GENERATORS,
    load_secrets,
    passwords_file,
    secret_file,
    write_passwords_file,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_stay(home: Path) -> None:
    first = load_secrets(home)
    assert load_secrets(home) == first
    assert set(first) == set(GENERATORS)


def test_only_the_owner_reads_secrets_and_passwords(home: Path) -> None:
    write_passwords_file(home)
    assert mode(secret_file(home)) == 0o600
    assert mode(passwords_file(home)) == 0o600


def test_two_homes_share_no_secret(tmp_path: Path) -> None:
    one, other = load_secrets(tmp_path / "one"), load_secrets(tmp_path / "other")
    assert not set(one.values()) & set(other.values())


def test_the_password_is_no_default(home: Path) -> None:
    password = load_secrets(home)[ADMIN_PASSWORD]
    assert len(password) >= 20
    assert password.lower() not in {"admin", "airflow", "password"}


def test_the_token_secret_has_64_bytes(home: Path) -> None:
    assert len(bytes.fromhex(load_secrets(home)["AIRFLOW__API_AUTH__JWT_SECRET"])) == 64


def test_the_passwords_file_is_what_airflow_reads(home: Path) -> None:
    write_passwords_file(home)
    assert json.loads(passwords_file(home).read_text()) == {ADMIN: load_secrets(home)[ADMIN_PASSWORD]}


def test_processes_that_race_agree_on_the_secrets(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load_secrets, [home] * 8))
    assert all(each == found[0] for each in found)
    assert [path.name for path in home.iterdir()] == ["secrets.env"]


def test_a_missing_secret_is_told_not_replaced(home: Path) -> None:
    load_secrets(home)
    kept = [line for line in secret_file(home).read_text().splitlines() if "HASH_KEY" not in line]
    secret_file(home).write_text("\n".join(kept))
    with pytest.raises(EmbeddedAirflowError, match="no value for HIGAWARI_HASH_KEY"):
        load_secrets(home)
