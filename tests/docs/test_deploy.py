"""The commands of docs/deploy.md do what the page says, as far as they can without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.recommender.settings import RecommenderSettings
from include.retraining.landing import LandingZone
from include.retraining.settings import load_settings
from tests.production.compose_file import compose_as_written, interpolate

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "deploy.md").read_text()
DAY = date(2026, 1, 31)
# Where the chart itself, its secrets or `config` set what docker-compose.yaml has as a variable.
BY_THE_CHART = {
    "API__SECRET_KEY", "API_AUTH__JWT_SECRET", "CELERY__BROKER_URL", "CELERY__CELERY_CONFIG_OPTIONS",
    "CORE__AUTH_MANAGER", "CORE__EXECUTION_API_SERVER_URL", "CORE__EXECUTOR", "CORE__FERNET_KEY", "CORE__LOAD_EXAMPLES",
    "DATABASE__SQL_ALCHEMY_CONN", "LOGGING__BASE_LOG_FOLDER", "LOGGING__COLORED_CONSOLE_LOG",
}  # fmt: skip
OWN_ADDRESS = "AIRFLOW__API__BASE_URL"


def block(heading: str, naming: str, language: str = "bash") -> str:
    """The code block of a section that names this."""
    (section,) = re.findall(rf"^##+ {heading}$(.*?)(?=^##+ |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", section, flags=re.MULTILINE | re.DOTALL)
    (found,) = [code for written_in, code in fenced if written_in == language and naming in code]
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


@pytest.fixture
def values() -> dict[str, Any]:
    """The values of the Helm chart on the page."""
    return dict(yaml.safe_load(block("Kubernetes", "airflowVersion", "yaml")))


def environment_of(values: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in values["env"]}


COPY = """#!/bin/sh
# gcloud storage cp [--recursive] FILE... gs://your-bucket/FOLDER/, or with - for what comes in
shift 2
test "$1" != --recursive || shift
for target in "$@"; do :; done
target="$BUCKET/${target#gs://your-bucket/}"
while test $# -gt 1; do
  if test "$1" = -; then cat > "$target"; else cp -R "$1" "$target"; fi
  shift
done
"""
# What every component of an Airflow does with the folder of plugins, and the dag-processor with a DAG file.
LOOK = """
import runpy
from airflow.plugins_manager import get_fastapi_plugins, get_import_errors
from include.retraining.settings import config_file
from include.ui.documents import _documents
runpy.run_path(DAGS + "/recommender_daily.py")
print(len(get_import_errors()), [app["name"] for app in get_fastapi_plugins()[0]], config_file(), len(_documents()))
"""


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """The bucket of a Composer environment, with what the page puts into it."""
    bucket, programs = tmp_path / "bucket", tmp_path / "programs"
    for folder in (bucket / "dags", bucket / "plugins", programs):
        folder.mkdir(parents=True)
    (programs / "gcloud").write_text(COPY)
    (programs / "gcloud").chmod(0o755)
    environment = {"PATH": os.pathsep.join([str(programs), os.environ["PATH"]]), "BUCKET": str(bucket)}
    subprocess.run(["bash", "-ec", block("Cloud Composer", "gcloud")], cwd=PROJECT, env=environment, check=True)
    return bucket


def test_composer_finds_page_documents_and_settings_in_the_plugins_folder(bucket: Path, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(bucket / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    look = LOOK.replace("DAGS", repr(str(bucket / "dags")))
    said = subprocess.run(
        [sys.executable, "-c", look], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    errors, *apps, config, documents = said.stdout.split()[-4:]
    assert (errors, apps, config) == ("0", ["['higawari']"], str(bucket / "plugins" / "config" / "recommender.toml"))
    assert int(documents) > len(list((PROJECT / "docs").glob("*.md")))


def test_settings_take_what_composer_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = block("Cloud Composer", "HIGAWARI_HOME", "").split()
    for line in lines:
        monkeypatch.setenv(*line.split("=", 1))
    settings = load_settings(RecommenderSettings)
    assert (settings.warehouse, settings.bigquery.project) == ("bigquery", "your-project")
    assert str(settings.storage.landing_folder) == "/home/airflow/gcs/data/landing"
    assert {"HIGAWARI_HASH_KEY", "MLFLOW_TRACKING_URI"} <= {line.split("=")[0] for line in lines}


def airflow_of_compose() -> dict[str, str]:
    """What docker-compose.yaml tells Airflow, but for what the chart does by itself."""
    environment = compose_as_written()["x-environment"].items()
    named = {name: value for name, value in environment if name.startswith("AIRFLOW__")}
    ours = {name: value for name, value in named.items() if name.removeprefix("AIRFLOW__") not in BY_THE_CHART}
    return dict(interpolate(ours, {}))


def test_kubernetes_has_the_airflow_of_the_containers(values: dict[str, Any]) -> None:
    there, here = airflow_of_compose(), environment_of(values)
    assert {name for name in here if name.startswith("AIRFLOW__")} == set(there)
    assert {name: here[name] for name in there if name != OWN_ADDRESS} == {
        name: value for name, value in there.items() if name != OWN_ADDRESS
    }
    assert all(isinstance(value, str) for value in here.values())
    slots = values["workers"]["celery"]["replicas"] * int(here["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
    assert slots == int(here["AIRFLOW__CORE__PARALLELISM"])


def test_no_pod_on_kubernetes_runs_what_only_airflows_own_image_has(values: dict[str, Any]) -> None:
    groomed = [values["scheduler"], values["dagProcessor"], values["triggerer"], values["workers"]["celery"]]
    assert [each["logGroomerSidecar"] for each in groomed] == [{"enabled": False}] * 4


def test_settings_take_what_kubernetes_gives_them(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    environment = environment_of(values)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(RecommenderSettings)
    assert (settings.warehouse, settings.bigquery.project, settings.bigquery.location) == (
        "bigquery",
        "your-project",
        "EU",
    )
    assert [str(settings.storage.landing_folder)] == [mount["mountPath"] for mount in values["volumeMounts"]]
    assert [volume["name"] for volume in values["volumes"]] == [mount["name"] for mount in values["volumeMounts"]]
    assert [secret["envName"] for secret in values["secret"]] == ["HIGAWARI_HASH_KEY"]


@pytest.mark.parametrize("connection", re.findall(r"AIRFLOW_CONN_\w+(?:=|, value: )'(\{.*\})'", PAGE))
def test_connections_on_the_page_can_be_read(connection: str) -> None:
    assert json.loads(connection)["conn_type"]
