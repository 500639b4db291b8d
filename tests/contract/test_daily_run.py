"""The whole DAG with warehouse = "bigquery" (an emulator of it) publishes what it does with the embedded one."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from include.recommender.dry_run import main as dry_run
from include.recommender.settings import SURFACES
from include.recommender.sql import FOLDER
from include.recommender.tables import PUBLISHED_TABLES, RECOMMENDER_TABLES
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import MACHINERY_TABLES, PUBLICATIONS, RUN_COSTS
from tests.contract.conftest import environment_for, opened
from tests.dags.conftest import dags, migrated, run_with  # noqa: F401 (fixtures)
from tests.simulated_home import DAY_BEFORE, environment_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk import DAG

    from include.retraining.settings import BigQuery
    from include.retraining.warehouse.bigquery.warehouse import BigQueryWarehouse
    from include.retraining.warehouse.table import Table

# Loading a table takes the emulator half a second, and on busy cores many times that.
pytestmark = [pytest.mark.service, pytest.mark.integration, pytest.mark.timeout(1800)]
# By default nobody is asked.
APPROVALS = [f"request_approval.{surface}" for surface in SURFACES]
TICK = datetime(DAY_BEFORE.year, DAY_BEFORE.month, DAY_BEFORE.day, 3, tzinfo=UTC)
FORM = {"as_of_date": None, "train": "auto", "publish": "auto", "data_checks": "enforce", "reason": "a test"}


@pytest.fixture(scope="module")
def finished(
    simulated: Path,
    new_dataset: Callable[[], BigQuery],
    dags: dict[str, DAG],  # noqa: F811
    migrated: None,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[BigQueryWarehouse, dict[str, str]]:
    """The warehouse after a run of the DAG, and how each task ended."""
    settings, home = new_dataset(), tmp_path_factory.mktemp("on_bigquery")
    shutil.copytree(simulated, home / "landing")
    (home / "mlflow").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment_of(home), **environment_for(settings)}.items():
            patch.setenv(name, value)
        dag_run = run_with(dags["recommender_daily"], FORM, logical_date=TICK)
    warehouse = opened(settings)
    warehouse.create_tables((*RECOMMENDER_TABLES, *MACHINERY_TABLES))
    return warehouse, {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}


def test_every_task_ends_well(finished: tuple[BigQueryWarehouse, dict[str, str]]) -> None:
    _, tasks = finished
    assert {name: state for name, state in tasks.items() if state != "success"} == dict.fromkeys(APPROVALS, "skipped")


def test_both_warehouses_publish_the_same_content(
    finished: tuple[BigQueryWarehouse, dict[str, str]], trained_home: Path, tmp_path: Path
) -> None:
    from include.retraining.warehouse.local import LocalWarehouse

    both = LocalWarehouse(trained_home / "warehouse", tmp_path / "spill", "500MB", 1), finished[0]
    names = [read_switch_log(warehouse).current for warehouse in both]
    for table in PUBLISHED_TABLES:
        here, there = (rows_of(warehouse, table, name) for warehouse, name in zip(both, names, strict=True))
        assert len(here) == len(there) > 0
        assert [pair for pair in zip(here, there, strict=True) if not same(*pair)][:3] == []
    # Sums are over integers and ranking is by the same code, so not even a last digit differs.
    assert names[0] == names[1]
    hashes = [warehouse.read(PUBLICATIONS)["content_hash"].to_pylist() for warehouse in both]
    assert hashes[0] == hashes[1]


def test_views_show_what_was_published_and_costs_are_kept_by_task(
    finished: tuple[BigQueryWarehouse, dict[str, str]],
) -> None:
    warehouse, tasks = finished
    assert warehouse.shows(*read_switch_log(warehouse).pointer)
    costs = warehouse.read(RUN_COSTS).to_pylist()
    assert {row["task_id"] for row in costs} == set(tasks)
    assert {row["as_of_date"] for row in costs} == {DAY_BEFORE}
    jobs = [row for row in costs if row["statement"] != "task"]
    job = warehouse.jobs.client.get_job(next(row["job_id"] for row in jobs if row["task_id"].endswith("item_stats")))
    assert job.labels == {
        "dag": "recommender_daily", "task": "build_features-build_item_stats", "as_of_date": str(DAY_BEFORE),
    }  # fmt: skip


def test_the_dry_run_reads_every_statement_and_refuses_a_wrong_one(
    finished: tuple[BigQueryWarehouse, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`make bigquery-dry-run`. The emulator explains statements; what they would bill it does not know.

    The last test of this file: it takes a table away.
    """
    warehouse = finished[0]
    for name, value in environment_for(warehouse.jobs.settings).items():
        monkeypatch.setenv(name, value)
    assert dry_run() == 0
    names = {line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()}
    assert {path.stem for path in FOLDER.glob("*.sql")} < names
    assert {f"insert into {table.name}" for table in (*RECOMMENDER_TABLES, *MACHINERY_TABLES)} < names
    warehouse.jobs.client.delete_table(warehouse.jobs.table_id("blocked_items"))
    assert dry_run() == 1
    said = capsys.readouterr().out
    assert "check_publication_rows: REFUSED" in said
    assert "item_stats: 0 bytes" in said


def rows_of(warehouse: Any, table: Table, publication_id: str | None) -> list[dict[str, Any]]:
    """Rows of a publication without its id and the versions of models."""
    rows = warehouse.read(table, {"publication_id": publication_id})
    return list(rows.drop_columns([name for name in table.unhashed if name in rows.column_names]).to_pylist())


def same(here: dict[str, Any], there: dict[str, Any]) -> bool:
    """Whether two rows are equal, scores within 1e-9."""
    scores = here.pop("score"), there.pop("score")
    return here == there and scores[0] == pytest.approx(scores[1], abs=1e-9)
