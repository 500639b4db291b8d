"""docker-compose.yaml is valid and keeps its promises: no default secrets, nothing open, limits and checks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.production.secret_file import GENERATORS
from tests.production.compose_file import (
    COMPOSE_FILE,
    PROJECT,
    VARIABLE,
    MissingVariableError,
    compose_as_written,
    instructions,
    interpolate,
    service,
)

SECRETS = dict.fromkeys(GENERATORS, "s3cret")
COMPOSE: dict[str, Any] = compose_as_written()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OF_OURS = [name for name, each in SERVICES.items() if "build" in each]
# It ends once it has done its work: compose waits for that, and nothing can be asked of it.
ONE_SHOT = {"init"}
each_service = pytest.mark.parametrize("name", SERVICES)


def check(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    """The schema that check-jsonschema brings along: the project's own, of the release that the lock names."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "path"),
    [("vendor.compose-spec", COMPOSE_FILE), ("vendor.github-workflows", PROJECT / ".github" / "workflows" / "ci.yaml")],
)
def test_files_are_valid_by_their_official_schema(schema: str, path: Path) -> None:
    checked = check(schema, path)
    assert checked.returncode == 0, checked.stdout


def test_the_schema_would_refuse_a_misspelt_key(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yaml"
    wrong.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "healthchek:", 1))
    assert check("vendor.compose-spec", wrong).returncode != 0


@each_service
def test_every_service_restarts_within_limits_and_not_as_root(name: str) -> None:
    described = SERVICES[name]
    assert described["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert set(described["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert described["user"].split(":")[0] not in {"root", "0"}
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["logging"]["options"]["max-size"]


@each_service
def test_every_service_has_a_health_check(name: str) -> None:
    if name in ONE_SHOT:
        waiting = [each for each in OF_OURS if name in SERVICES[each].get("depends_on", {})]
        assert sorted(waiting) == sorted(set(OF_OURS) - {name})
    else:
        assert {"test", "interval", "timeout", "retries"} <= set(SERVICES[name]["healthcheck"])


@each_service
def test_every_image_has_a_version(name: str) -> None:
    image = interpolate(SERVICES[name]["image"], {})
    assert re.fullmatch(r"[\w./-]+:(\d[\w.-]*|local)", image), image


@each_service
def test_ports_are_open_to_this_host_only_unless_told_otherwise(name: str) -> None:
    published = interpolate(SERVICES[name].get("ports", []), {})
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert not (published and name not in {"api-server", "mlflow"})


def test_no_secret_has_a_default() -> None:
    found = {match["name"]: match for match in VARIABLE.finditer(COMPOSE_FILE.read_text()) if match["name"]}
    assert {name for name in found if re.search("PASSWORD|SECRET|KEY|TOKEN", name)} == set(GENERATORS)
    assert {found[name]["kind"] for name in GENERATORS} == {":?"}
    assert all("make compose-env" in found[name]["text"] for name in GENERATORS)


@pytest.mark.parametrize("secret", GENERATORS)
def test_without_a_secret_nothing_starts(secret: str) -> None:
    with pytest.raises(MissingVariableError, match=f"{secret}: expected"):
        interpolate(COMPOSE, {**SECRETS, secret: ""})


def test_no_secret_stands_in_the_file() -> None:
    """Wherever something is called a secret or is a URL with a password, it is a variable."""
    values = {
        (name, key): str(value) for name in SERVICES for key, value in SERVICES[name].get("environment", {}).items()
    }
    secret = [
        value
        for (_, key), value in values.items()
        if re.search("PASSWORD|SECRET|KEY|REDISCLI_AUTH", key) or re.search("://.*@", value)
    ]
    assert len(secret) >= len(GENERATORS)
    assert all("${" in value for value in secret)


def test_secrets_go_only_where_they_are_needed() -> None:
    owners = {
        secret: {name for name in SERVICES if secret in str(SERVICES[name].get("environment", {}))}
        for secret in GENERATORS
    }
    assert owners["HIGAWARI_ADMIN_PASSWORD"] == {"init"}
    assert owners["HIGAWARI_HASH_KEY"] == set(OF_OURS) - {"mlflow"}
    assert "mlflow" not in owners["REDIS_PASSWORD"] | owners["AIRFLOW_FERNET_KEY"] | owners["AIRFLOW_JWT_SECRET"]


def test_every_volume_is_declared_and_every_folder_of_ours_belongs_to_the_user() -> None:
    made = " ".join(" ".join(words) for name, words in instructions() if name == "RUN")
    for name in SERVICES:
        for volume in interpolate(SERVICES[name].get("volumes", []), {}):
            source, target, *_ = volume.split(":")
            assert source in COMPOSE["volumes"] or (PROJECT / source).is_dir()
            assert name not in OF_OURS or target in made.split() or target == "/opt/higawari/config"


def test_workers_share_one_warehouse() -> None:
    """Delta Lake on one volume: what makes many workers of one host possible."""
    for name in set(OF_OURS) - {"mlflow"}:
        assert "warehouse:/var/lib/higawari/warehouse" in SERVICES[name]["volumes"]


def test_messages_outlive_the_longest_task() -> None:
    from include.retraining.airflow_steps import DEFAULT_ARGS

    environment = service("worker", SECRETS, {}).environment
    visible = int(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"])
    assert visible > DEFAULT_ARGS["execution_timeout"].total_seconds()


def test_tasks_wait_in_the_scheduler_and_not_in_the_queue() -> None:
    environment = service("worker", SECRETS, {}).environment
    workers = int(interpolate(SERVICES["worker"]["deploy"]["replicas"], {}))
    slots = workers * int(environment["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
    assert int(environment["AIRFLOW__CORE__PARALLELISM"]) == slots


def test_a_restart_of_the_api_server_kills_no_task() -> None:
    """A task gives up later than the scheduler gives it up, and both later than a restart takes."""
    environment = service("worker", SECRETS, {}).environment
    beat = int(environment["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"])
    patience = beat * int(environment["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"])
    assert 60 <= patience < int(environment["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"])


def test_what_the_embedded_airflow_needs_of_its_environment_containers_have_too() -> None:
    from include.embedded.environment import embedded_environment

    embedded = {
        name
        for name in embedded_environment(PROJECT / "var" / "nowhere", 1, {})
        if name.startswith(("OMP_", "OPENBLAS_", "GX_", "MLFLOW_", "HIGAWARI_HASH", "HIGAWARI_HOME", "PYTHONPATH"))
    }
    assert embedded <= set(service("worker", SECRETS, {}).environment)


def test_alerts_have_the_same_time_to_be_sent_in_containers_and_embedded() -> None:
    """After this the dag-processor kills a callback, whether its messages are out or not."""
    from include.embedded.environment import embedded_environment

    name = "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT"
    embedded = embedded_environment(PROJECT / "var" / "nowhere", 1, {})
    assert service("dag-processor", SECRETS, {}).environment[name] == embedded[name] == "180"


def test_postgres_is_healthy_only_once_others_can_reach_it() -> None:
    """While the image makes its databases a server answers on the socket, and not by TCP."""
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yaml").read_text())
    assert "--host=127.0.0.1" in SERVICES["postgres"]["healthcheck"]["test"]
    assert '"pg_isready --host=127.0.0.1"' in workflow["jobs"]["checks"]["services"]["postgres"]["options"]


def test_continuous_integration_runs_the_same_databases() -> None:
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yaml").read_text())
    services = workflow["jobs"]["checks"]["services"]
    assert {name: each["image"] for name, each in services.items()} == {
        name: SERVICES[name]["image"] for name in ("postgres", "redis")
    }
