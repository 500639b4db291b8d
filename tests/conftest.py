"""Shared by every test: an own environment, an empty warehouse, a simulated home, no silent skips of services in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.simulated_home import DAY_BEFORE, PROJECT, SMALL_SERVICE, whole_environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table

SKIPPED_SERVICES: list[str] = []

# What is compiled on its first call takes seconds then; tests never judge time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path) -> Iterator[None]:
    """No test touches var/ or a registry that the shell names, and keyed hashes have a key.

    What a test, or the code it runs, leaves in the environment is gone with it; so is what a fixture of the session set
    that the test fetched by name (`getfixturevalue`) instead of declaring it.
    """
    before = dict(os.environ)
    os.environ.update(HIGAWARI_HOME=str(tmp_path), HIGAWARI_HASH_KEY="for tests")
    for name in ("HIGAWARI_CONFIG", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def empty_tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Table]]:
    """The folder of every table, empty, made once; and the declarations by name."""
    from include.recommender.tables import RECOMMENDER_TABLES
    from include.retraining.tables import MACHINERY_TABLES
    from include.retraining.warehouse.local import LocalWarehouse

    folder = tmp_path_factory.mktemp("empty_tables")
    tables = (*MACHINERY_TABLES, *RECOMMENDER_TABLES)
    LocalWarehouse(folder / "warehouse", folder / "spill").create_tables(tables)
    return folder / "warehouse", {table.name: table for table in tables}


@pytest.fixture
def warehouse(empty_tables: tuple[Path, dict[str, Table]], tmp_path: Path) -> LocalWarehouse:
    """A warehouse at HIGAWARI_HOME with every table of the machinery and the recommender, empty."""
    from include.retraining.warehouse.local import LocalWarehouse

    folder, tables = empty_tables
    shutil.copytree(folder, tmp_path / "warehouse")
    return LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill", "500MB", 1, dict(tables))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty simulated days as a landing zone; tests copy it before they change it."""
    from include.demo.landing_writer import write_landing_zone

    folder = tmp_path_factory.mktemp("simulated") / "landing"
    write_landing_zone(SMALL_SERVICE, folder)
    return folder


@pytest.fixture(scope="session")
def trained_home(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the day before the last was published with a ranker, by the steps without Airflow."""
    home = tmp_path_factory.mktemp("trained")
    shutil.copytree(simulated, home / "landing")
    code = (
        "from datetime import date; from include.recommender.backtest import run_day; "
        "from include.recommender.workspace import open_recommender; from include.retraining.run import Run; "
        f"run_day(Run(date.fromisoformat('{DAY_BEFORE}'), 'before', 'backtest'), open_recommender())"
    )
    (home / "mlflow").mkdir()
    subprocess.run([sys.executable, "-c", code], check=True, env=whole_environment_of(home), cwd=PROJECT)
    return home


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember which tests of a service were skipped, in whichever worker."""
    if report.skipped and not hasattr(report, "wasxfail") and "service" in report.keywords:
        SKIPPED_SERVICES.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped service test is a failure: nobody would notice that it never runs."""
    if os.environ.get("CI") == "true" and SKIPPED_SERVICES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that made the session fail."""
    if os.environ.get("CI") == "true" and SKIPPED_SERVICES:
        terminalreporter.section("service tests were skipped in CI", red=True)
        terminalreporter.line(
            "start the service they need, or take them out of this job: " + ", ".join(SKIPPED_SERVICES)
        )
