"""One production Airflow for the suite: docker-compose.yaml's services, on the Postgres and Redis of this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.demo.landing_writer import write_landing_zone
from include.production.secret_file import write_secrets
from tests.ports import free_ports
from tests.production.compose_file import PROJECT
from tests.production.services import own_databases, own_redis_database
from tests.production.stack import Places, Stack
from tests.simulated_home import SMALL_TRAINING, small_service, whole_environment_of

# The date of the last tick at 03:00 UTC: unpausing then makes no run beside that of the backfill.
LAST_DATE = (datetime.now(UTC) - timedelta(hours=3)).date()
SHARDS = 8
SETTINGS = {**SMALL_TRAINING, "HIGAWARI_PUBLICATION__SHARDS": str(SHARDS)}
# One task at a time in each worker, and a dead worker's tasks are tried again in seconds.
VARIABLES = {"WORKER_CONCURRENCY": "1", "AIRFLOW_PARALLELISM": "2"}
QUICK = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "45",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
}
SINGLE = ("mlflow", "api-server", "scheduler", "dag-processor", "triggerer")
WORKERS = ("worker-1", "worker-2")


@pytest.fixture(scope="module")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty days, and lists without a ranker published for the day before the last."""
    home = tmp_path_factory.mktemp("published") / "home"
    write_landing_zone(small_service(until=LAST_DATE), home / "landing")
    run_without_airflow(home, LAST_DATE - timedelta(days=1), "skip")
    return home


@pytest.fixture(scope="module")
def undisturbed_id(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The publication of the last date, date and content hash, as one process makes it that nobody kills."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(published_home, home)
    return run_without_airflow(home, LAST_DATE, "auto")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `make compose-env` writes."""
    path = tmp_path_factory.mktemp("secrets") / ".env"
    write_secrets(path)
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#"))


@pytest.fixture(scope="module")
def stack(secrets: dict[str, str], published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every service of our image, healthy; two workers."""
    folder = tmp_path_factory.mktemp("stack")
    with own_databases(secrets["POSTGRES_PASSWORD"], ("airflow", "mlflow")) as role, own_redis_database() as redis:
        api, mlflow, health = free_ports(3)
        places = Places(folder, role, redis, api, mlflow, health)
        overrides = {
            **QUICK,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(health),
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "tests.production.stack.host_name",
        }
        stack = Stack(folder, {**secrets, **VARIABLES}, SETTINGS, places, overrides)
        shutil.copytree(published_home, places.path("/var/lib/higawari"))
        try:
            stack.run("init")
            containers = [*((name, name) for name in SINGLE), *(("worker", worker) for worker in WORKERS)]
            for name, container in containers:
                stack.start(name, container)
            for name, container in containers:
                stack.wait_until_healthy(name, container)
            yield stack
        finally:
            stack.stop()


def run_without_airflow(home: Path, as_of_date: object, train: str) -> str:
    """Run a day by its steps, in a process of its own; the publication's id."""
    code = (
        "from datetime import date; from include.recommender.backtest import run_day; "
        "from include.recommender.workspace import open_recommender; from include.retraining.run import Run; "
        f"run = Run(date.fromisoformat('{as_of_date}'), 'without Airflow', 'backtest', train='{train}'); "
        "print('id', run_day(run, open_recommender())['publication_id'])"
    )
    (home / "mlflow").mkdir(exist_ok=True)
    environment = whole_environment_of(home) | SETTINGS
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, env=environment, cwd=PROJECT, capture_output=True, text=True
    )
    return said.stdout.split()[-1]
