"""`make compose-env`: random, private, never replaced."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from include.production.errors import ProductionError
from include.production.secret_file import GENERATORS, main, write_secrets


def read(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#"))


def test_every_secret_is_written_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert main(str(path)) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(read(path)) == list(GENERATORS)
    assert all(len(value) >= 24 for value in read(path).values())


def test_no_two_are_alike(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_secrets(tmp_path / name)
    values = [value for name in ("one", "two") for value in read(tmp_path / name).values()]
    assert len(set(values)) == len(values)


def test_passwords_may_stand_in_a_url_as_they_are(tmp_path: Path) -> None:
    write_secrets(tmp_path / ".env")
    found = read(tmp_path / ".env")
    assert all(re.fullmatch(r"[0-9a-f]+", found[name]) for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"))


def test_a_file_that_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ".env"
    path.write_text("POSTGRES_PASSWORD=old\n")
    with pytest.raises(ProductionError, match="Expected: no "):
        write_secrets(path)
    assert main(str(path)) == 1
    assert "Next step" in capsys.readouterr().err
    assert path.read_text() == "POSTGRES_PASSWORD=old\n"


def test_no_secret_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(str(tmp_path / ".env"))
    said = capsys.readouterr().out
    assert not any(value in said for value in read(tmp_path / ".env").values())
