"""Shared by every test: an own environment, an empty warehouse, a simulated home, no silent skips of services in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.shared_folder import shared_folder
from tests.simulated_home import DAY_BEFORE, LAST_ARRIVAL, PROJECT, SMALL_SERVICE, whole_environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from benchmarks.simulated_history import SimulatedHistory
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table

SKIPPED_SERVICES: list[str] = []
# The files that take a minute and more, longest first: begun last, one of them would keep everybody waiting in the end.
# The first three need no home of another, so that no worker begins by waiting.
LONGEST_FIRST = (
    "production/test_production_airflow.py",
    "contract/test_daily_run.py",
    "end_to_end/test_real_airflow_run.py",
    "dags/test_recommender_daily.py",
    "contract/test_warehouse_operations.py",
    "end_to_end/test_approval.py",
    "end_to_end/test_faults.py",
    "end_to_end/test_pages.py",
    "contract/test_sql_files.py",
    "end_to_end/test_kill.py",
    "end_to_end/test_backup.py",
    "recommender/test_other_domains.py",
    "recommender/test_backtest.py",
    "contract/test_views.py",
    "end_to_end/test_deliveries.py",
    "dags/test_operator_forms.py",
    "end_to_end/test_alerts.py",
    "embedded/test_real_airflow.py",
    "end_to_end/test_rollback.py",
)
TESTS = Path(__file__).parent

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
    return warehouse_in(tmp_path, empty_tables)


def warehouse_in(home: Path, empty_tables: tuple[Path, dict[str, Table]]) -> LocalWarehouse:
    """A warehouse of those tables in a home."""
    from include.retraining.warehouse.local import LocalWarehouse

    folder, tables = empty_tables
    shutil.copytree(folder, home / "warehouse")
    return LocalWarehouse(home / "warehouse", home / "spill", "500MB", 1, dict(tables))


def put_in_place(written: Path, warehouse: LocalWarehouse) -> None:
    """The tables of a folder that were written once, instead of the empty ones of a test."""
    shutil.rmtree(warehouse.folder)
    shutil.copytree(written, warehouse.folder)


@pytest.fixture(scope="session")
def two_days(
    empty_tables: tuple[Path, dict[str, Table]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, SimulatedHistory]:
    """The folder of a warehouse with what runs of yesterday and today left for three users and forty items."""
    from benchmarks.simulated_history import SimulatedHistory

    warehouse = warehouse_in(tmp_path_factory.mktemp("two_days"), empty_tables)
    history = SimulatedHistory(datetime.now(UTC).date(), days=2, users=3, items=40)
    history.write(warehouse)
    return warehouse.folder, history


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty simulated days as a landing zone; tests copy it before they change it."""
    from include.demo.landing_writer import write_landing_zone

    return shared_folder(tmp_path_factory, "simulated", lambda folder: write_landing_zone(SMALL_SERVICE, folder))


@pytest.fixture(scope="session")
def trained_home(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the day before the last was published with a ranker, by the steps without Airflow."""

    def make(home: Path) -> None:
        shutil.copytree(simulated, home / "landing")
        (home / "mlflow").mkdir()
        run_without_airflow(home, DAY_BEFORE)

    return shared_folder(tmp_path_factory, "trained", make)


@pytest.fixture(scope="session")
def undisturbed_home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the last day was published too, without any disturbance; only to look at."""

    def make(home: Path) -> None:
        shutil.copytree(trained_home, home, dirs_exist_ok=True)
        run_without_airflow(home, LAST_ARRIVAL)

    return shared_folder(tmp_path_factory, "undisturbed", make)


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which Airflow's database and MLflow's store are made, and nothing was ever started."""
    from tests.prepared_home import make_prepared

    return shared_folder(tmp_path_factory, "prepared", make_prepared)


def run_without_airflow(home: Path, as_of_date: date) -> None:
    """Run a day by its steps, in a process of its own, under the id that tests/end_to_end/days.py gives its runs."""
    code = (
        "from datetime import date; from include.recommender.backtest import run_day; "
        "from include.recommender.workspace import open_recommender; from include.retraining.run import Run; "
        f"run_day(Run(date.fromisoformat('{as_of_date}'), 'in another process', 'backtest'), open_recommender())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=whole_environment_of(home), cwd=PROJECT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; within a file, and among the others, tests keep their order."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
