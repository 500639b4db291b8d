"""The Dockerfile copies what is there and holds what Airflow needs. Only Docker can build it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.production.compose_file import (
    DOCKERFILE,
    PROJECT,
    compose_as_written,
    environment_of_image,
    instructions,
    interpolate,
    shell_command,
)

# The pages inside the UI show the documents.
CODE = ("config", "dags", "docs", "include", "plugins")
LOCKS = ("requirements.txt", "requirements-bigquery.txt")
INSTALL = "-m pip install --no-cache-dir --no-deps --compile --requirement"


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
    assert set(copied()) == {*code, *((name, f"/tmp/{name}") for name in LOCKS)}


def test_the_lock_is_what_is_installed() -> None:
    assert shell_command("/tmp/requirements.txt").endswith(f"{INSTALL} /tmp/requirements.txt")


@pytest.mark.parametrize(
    ("asked", "done"),
    [("true", [f"{INSTALL} /tmp/requirements-bigquery.txt", "-m pip check"]), ("false", ["-m pip check"]), ("yes", [])],
)
def test_the_google_provider_is_installed_where_it_is_asked_for(asked: str, done: list[str], tmp_path: Path) -> None:
    """What is installed is checked either way, and any other answer than true or false ends the build."""
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "python").chmod(0o755)
    command = shell_command("requirements-bigquery").replace("/opt/venv/bin", str(tmp_path))
    environment = {"WITH_BIGQUERY": asked}
    ran = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (ran.stdout.splitlines(), ran.returncode) == (done, int(asked == "yes"))
    assert ("Expected: WITH_BIGQUERY" in ran.stderr) == (asked == "yes")


def test_the_google_provider_is_left_out_unless_asked_for() -> None:
    assert ("ARG", ["WITH_BIGQUERY=false"]) in instructions()
    builds = [each["build"] for each in compose_as_written()["services"].values() if "build" in each]
    for variables, expected in (({}, "false"), ({"WITH_BIGQUERY": "true"}, "true")):
        assert [interpolate(each, variables)["args"]["WITH_BIGQUERY"] for each in builds] == [expected] * len(builds)


def test_both_locks_go_together() -> None:
    """They are installed one after the other, without resolving: no version may differ."""
    general, google = [versions(PROJECT / name) for name in LOCKS]
    assert "apache-airflow-providers-google" in google
    assert [name for name in general.keys() & google if not google[name] <= general[name]] == []


def versions(lock: Path) -> dict[str, set[str]]:
    """Every version that a lock has of a package: some have one for each Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), flags=re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_a_new_landing_zone_has_its_folders() -> None:
    """A first delivery that is copied to a folder which is not there would take its name."""
    made = shell_command("--owner=10001").split()
    assert {f"/var/lib/higawari/landing/{kind}" for kind in ("events", "items")} <= set(made)


@pytest.mark.parametrize(
    ("command", "said", "code"),
    [(["printf", "%s|", "a b", "$HOME", "*"], "a b|$HOME|*|", 0), (["sh", "-c", "exit 7"], "", 7)],
)
def test_probes_of_the_helm_chart_find_an_entrypoint(command: list[str], said: str, code: int, tmp_path: Path) -> None:
    """It runs what it is given, word by word, and ends as that does."""
    entrypoint = tmp_path / "entrypoint"
    making = shell_command("> /entrypoint").replace("/entrypoint", str(entrypoint))
    subprocess.run(["/bin/sh", "-c", making], check=True)
    ran = subprocess.run([entrypoint, *command], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == (said, code)


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
