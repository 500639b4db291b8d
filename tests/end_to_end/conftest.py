"""Homes with one or two published days, and processes that can be killed."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from include.embedded.libraries import LIBRARIES
from include.recommender.contenders import model_name
from include.recommender.settings import SURFACES
from include.retraining.registry import CHAMPION
from tests import airflow_home  # noqa: F401 (before any test module imports Airflow)
from tests.shared_folder import shared_folder
from tests.simulated_home import copy_of

Start = Callable[..., ForkServerProcess]
RunElsewhere = Callable[..., int | None]
# Imported once, by the server that new processes are forked from: they would spend most of their time on it.
HEAVY = ("tests.end_to_end.days", "include.recommender.evaluation", "include.recommender.settings_check", *LIBRARIES)


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Processes that share nothing with this one but the disk, and start quickly."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    return context


@pytest.fixture(scope="session")
def start(processes: ForkServerContext) -> Start:
    """Call a function in a new process."""

    def start(function: Callable[..., None], *arguments: Any) -> ForkServerProcess:
        process = processes.Process(target=function, args=arguments)
        process.start()
        return process

    return start


@pytest.fixture(scope="session")
def run_elsewhere(start: Start) -> RunElsewhere:
    """Call a function in a new process until it ends: its exit code, or minus the signal that killed it."""

    def run(function: Callable[..., None], *arguments: Any) -> int | None:
        process = start(function, *arguments)
        process.join()
        return process.exitcode

    return run


@pytest.fixture(scope="session")
def ready_home(trained_home: Path, undisturbed_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as before the last day, only that its ranker is trained and registered: a day then takes seconds."""

    def make(home: Path) -> None:
        shutil.copytree(trained_home, home, dirs_exist_ok=True)
        shutil.copytree(undisturbed_home / "mlflow", home / "mlflow", dirs_exist_ok=True)
        client = MlflowClient(tracking_uri=f"sqlite:///{home}/mlflow/mlflow.db")
        for surface in SURFACES:
            client.set_registered_model_alias(model_name(surface), CHAMPION, "1")

    return shared_folder(tmp_path_factory, "ready", make)


@pytest.fixture
def home(ready_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ready_home that this test may do anything to; the settings and steps of this process look there."""
    return copy_of(ready_home, tmp_path, monkeypatch)
