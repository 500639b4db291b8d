"""A BigQuery emulator for the session, and a dataset on it for each test."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

import tests.dags.conftest  # noqa: F401 (Airflow gets a home of its own before anything imports it)
from include.retraining.settings import BigQuery
from tests.contract.emulator import running_emulator, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from include.retraining.warehouse.bigquery.warehouse import BigQueryWarehouse
    from include.retraining.warehouse.local import LocalWarehouse

PROJECT = "demo-project"
CONNECTION = {"conn_type": "google_cloud_platform", "extra": {"is_anonymous": True, "project": PROJECT}}


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an emulator, which this process talks to."""
    if reason := why_not():
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch, running_emulator(tmp_path_factory.mktemp("emulator")) as found:
        for name, value in found.items():
            patch.setenv(name, value)
        patch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", json.dumps(CONNECTION))
        yield found["BIGQUERY_EMULATOR_HOST"]


@pytest.fixture(scope="module")
def new_dataset(emulator: str) -> Iterator[Callable[[], BigQuery]]:
    """Makes a dataset; its settings. None outlives its file: the emulator slows down with each table that it has."""
    yield from datasets()


def datasets() -> Iterator[Callable[[], BigQuery]]:
    """What makes datasets; they are dropped in the end."""
    from include.retraining.warehouse.bigquery.create_dataset import create_datasets
    from include.retraining.warehouse.bigquery.jobs import Jobs

    made: list[BigQuery] = []

    def make() -> BigQuery:
        settings = BigQuery(project=PROJECT, dataset=f"test_{uuid.uuid4().hex[:12]}")
        create_datasets(Jobs(settings))
        made.append(settings)
        return settings

    yield make
    for settings in made:
        for dataset in (settings.dataset, settings.work_dataset):
            Jobs(settings).client.delete_dataset(f"{PROJECT}.{dataset}", delete_contents=True, not_found_ok=True)


def opened(settings: BigQuery) -> BigQueryWarehouse:
    """The warehouse of a dataset, as one process opens it."""
    from include.retraining.warehouse.bigquery.jobs import Jobs
    from include.retraining.warehouse.bigquery.warehouse import BigQueryWarehouse

    return BigQueryWarehouse(Jobs(settings))


def environment_for(settings: BigQuery) -> dict[str, str]:
    """The variables with which the pipeline works on a dataset: all that differs from the embedded warehouse."""
    return {
        "HIGAWARI_WAREHOUSE": "bigquery",
        "HIGAWARI_BIGQUERY__PROJECT": settings.project,
        "HIGAWARI_BIGQUERY__DATASET": settings.dataset,
        "HIGAWARI_BIGQUERY__READ_API": settings.read_api,
    }


@pytest.fixture
def own_dataset(emulator: str) -> Iterator[BigQuery]:
    """A dataset that goes when the test ends."""
    for make in datasets():
        yield make()


@pytest.fixture
def on_bigquery(own_dataset: BigQuery) -> BigQueryWarehouse:
    """A warehouse on the emulator without tables."""
    return opened(own_dataset)


@pytest.fixture
def on_delta(tmp_path: Path) -> LocalWarehouse:
    """The embedded warehouse without tables."""
    from include.retraining.warehouse.local import LocalWarehouse

    return LocalWarehouse(tmp_path / "delta", tmp_path / "spill", "500MB", 1)
