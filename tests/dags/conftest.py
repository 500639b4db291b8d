"""An Airflow database and a home of its own for running the DAG in this process."""

from __future__ import annotations

import copy
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests import airflow_home  # before any test module imports Airflow
from tests.prepared_home import AIRFLOW
from tests.simulated_home import PROJECT, copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG


@pytest.fixture(scope="session")
def dags() -> dict[str, DAG]:
    """Every DAG of the folder, by id, parsed once."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(PROJECT / "dags"))
    assert not bag.import_errors
    return dict(bag.dags)


@pytest.fixture(scope="session")
def migrated(prepared_home: Path) -> None:
    """Airflow's tables in the SQLite database of AIRFLOW_HOME, which earlier tests of this process may have open."""
    with (
        closing(sqlite3.connect(prepared_home / AIRFLOW)) as prepared,
        closing(sqlite3.connect(airflow_home.AIRFLOW_HOME / "airflow.db")) as ours,
    ):
        prepared.backup(ours)


@pytest.fixture
def home(trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: None) -> Path:
    """A copy of trained_home that this test may do anything to; the settings and steps of this process look there."""
    return copy_of(trained_home, tmp_path, monkeypatch)


def run_form(dag: DAG, **params: Any) -> tuple[str, dict[str, str]]:
    """State of a run that was started with a form, and of each of its tasks."""
    dag_run = run_with(dag, params)
    return str(dag_run.state), {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}


def run_with(dag: DAG, params: dict[str, Any], **options: Any) -> Any:
    """The run of dag.test() with the values of a form.

    dag.test() calls the failure callback with a copy of the DAG that knows no form, and trips over params without a
    default; the dag-processor does not. So the DAG gets the values too.
    """
    holders = [dag, *dag.tasks]
    declared = [copy.deepcopy(holder.params) for holder in holders]
    try:
        for holder in holders:
            holder.params.update(params)
        return dag.test(run_conf=params, **options)
    finally:
        for holder, as_declared in zip(holders, declared, strict=True):
            holder.params = as_declared
