"""The commands of docs/deploy.md do what the page says, as far as they can without Docker."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from include.retraining.landing import LandingZone

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "deploy.md").read_text()
DAY = date(2026, 1, 31)


def block(heading: str, naming: str, language: str = "bash") -> str:
    """The code block of a section that names this."""
    (section,) = re.findall(rf"^##+ {heading}$(.*?)(?=^##+ |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    (found,) = [code for code in re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL) if naming in code]
    return str(found)


@dataclass(frozen=True)
class Containers:
    """What the containers of docker-compose.yaml keep, below one folder."""

    root: Path

    @property
    def landing(self) -> LandingZone:
        return LandingZone(self.root / "var/lib/higawari/landing")

    def run(self, commands: str, folder: Path, broken: str = "") -> subprocess.CompletedProcess[str]:
        """Commands of the page, in a folder of the host; what is `broken` fails in the containers."""
        environment = {
            "PATH": os.pathsep.join([str(self.root / "bin"), os.environ["PATH"]]),
            "CONTAINERS": str(self.root),
            "BROKEN": broken,
        }
        return subprocess.run(
            ["bash", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    def commands(self) -> list[str]:
        return (self.root / "commands").read_text().splitlines()


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    """Empty volumes, as a new image makes them."""
    root = tmp_path / "containers"
    for folder in ("bin", "var/lib/higawari/landing/events", "var/lib/higawari/landing/items"):
        (root / folder).mkdir(parents=True)
    docker = root / "bin" / "docker"
    stub = shlex.join([sys.executable, str(Path(__file__).with_name("stub_docker.py"))])
    docker.write_text(f'#!/bin/sh\nexec {stub} "$@"\n')
    docker.chmod(0o755)
    return Containers(root)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """A folder that a sender has closed already."""
    folder = tmp_path / "delivery"
    for kind in ("events", "items"):
        day = folder / kind / DAY.isoformat()
        day.mkdir(parents=True)
        (day / "part-000.csv").write_text(kind)
        (day / "_SUCCESS").touch()
    return folder


def test_a_delivery_is_complete_only_once_all_of_it_is_there(containers: Containers, delivery: Path) -> None:
    commands = block("Data", "_SUCCESS")
    assert containers.run(commands, delivery, broken="touch").returncode != 0
    assert containers.landing.has_files("events", DAY)
    assert containers.landing.ready_days("events") == containers.landing.ready_days("items") == []
    assert containers.run(commands, delivery).returncode == 0
    assert containers.landing.ready_days("events") == containers.landing.ready_days("items") == [DAY]


@pytest.mark.parametrize("missing", ["the items", "a worker"])
def test_a_delivery_that_did_not_arrive_is_not_closed(missing: str, containers: Containers, delivery: Path) -> None:
    if missing == "the items":
        (delivery / "items").rename(delivery / "elsewhere")
    broken = "tar" if missing == "a worker" else ""
    assert containers.run(block("Data", "_SUCCESS"), delivery, broken).returncode != 0
    assert containers.landing.ready_days("events") == []


def test_a_restore_gives_back_what_was_backed_up_and_starts_airflow_last(
    containers: Containers, tmp_path: Path
) -> None:
    kept = [
        "var/lib/higawari/landing/events/2026-01-31/_SUCCESS",
        "var/lib/higawari/warehouse/publications/_delta_log/0.json",
        "var/lib/mlflow/1/model.ubj",
        "airflow",
        "mlflow",
    ]
    for name in kept:
        (containers.root / name).parent.mkdir(parents=True, exist_ok=True)
        (containers.root / name).write_text(f"what was in {name}")
    assert containers.run(f"set -e\n{block('Backup', 'pg_dump')}", tmp_path).returncode == 0
    for name in kept:
        (containers.root / name).unlink()
    (containers.root / "commands").unlink()
    restored = containers.run(f"set -e\n{block('Backup', 'pg_restore')}", tmp_path)
    assert restored.returncode == 0, restored.stderr
    assert [(containers.root / name).read_text() for name in kept] == [f"what was in {name}" for name in kept]
    commands = containers.commands()
    assert commands[:2] == ["build", "up --detach --wait postgres redis"]
    assert [number for number, command in enumerate(commands) if command == "up --detach"] == [len(commands) - 1]
