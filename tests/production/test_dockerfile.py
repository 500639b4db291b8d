"""The Dockerfile copies what is there and holds what Airflow needs. Only Docker can build it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.production.compose_file import DOCKERFILE, PROJECT, environment_of_image, instructions

# The pages inside the UI show the documents.
CODE = ("config", "dags", "docs", "include", "plugins")


def copied() -> list[tuple[str, str]]:
    """What is copied out of the project, and where to."""
    return [(words[0], words[1]) for name, words in instructions() if name == "COPY" and "--from" not in words[0]]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    linted = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("source", [source for source, _ in copied()])
def test_what_is_copied_exists_and_is_sent_to_the_builder(source: str) -> None:
    assert (PROJECT / source).exists()
    assert f"!{source}" in (PROJECT / ".dockerignore").read_text().splitlines()


def test_nothing_else_is_sent_to_the_builder() -> None:
    """Neither data nor secrets nor history."""
    ignored = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == {source for source, _ in copied()}


def test_all_code_goes_into_the_image() -> None:
    code = {(name, name) for name in CODE if (PROJECT / name).is_dir()}
    assert set(copied()) == {*code, ("requirements.txt", "/tmp/requirements.txt")}


def test_the_lock_is_what_is_installed() -> None:
    (packages,) = [" ".join(words) for name, words in instructions() if name == "RUN" and "pip" in words]
    assert "--no-deps --compile --requirement /tmp/requirements.txt" in packages
    assert "pip check" in packages


def test_it_runs_as_a_user_of_its_own_and_from_a_python_that_ci_tests() -> None:
    users = [words for name, words in instructions() if name == "USER"]
    assert users == [["10001:10001"]]
    (base,) = {words[0] for name, words in instructions() if name == "FROM"}
    version = base.removeprefix("python:").removesuffix("-slim-bookworm")
    assert f'"{version}"' in (PROJECT / ".github" / "workflows" / "ci.yaml").read_text()


def test_paths_of_its_environment_are_those_it_copies_to() -> None:
    environment = environment_of_image()
    (root,) = [words[0] for name, words in instructions() if name == "WORKDIR"]
    assert environment["PYTHONPATH"] == root
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == f"{root}/dags"
    assert environment["AIRFLOW__CORE__PLUGINS_FOLDER"] == f"{root}/plugins"
