"""What is at work is read from Airflow's own tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests import airflow_home  # noqa: F401 (before anything imports Airflow)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def airflow_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Airflow's tables, without rows, in a database that no other test knows."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy import create_engine
    from sqlalchemy.orm import scoped_session, sessionmaker

    import_all_models()
    engine = create_engine(f"sqlite:///{tmp_path / 'airflow.db'}")
    Base.metadata.create_all(engine)
    monkeypatch.setattr(settings, "Session", scoped_session(sessionmaker(bind=engine, expire_on_commit=False)))
    yield engine
    engine.dispose()


def add(engine: Engine, table: str, **values: Any) -> None:
    """A row; what is not named and may not be missing gets something of its kind."""
    from airflow.models.base import Base
    from sqlalchemy import Integer, String

    whole = {
        column.name: ("x" if isinstance(column.type, String) else 1)
        for column in Base.metadata.tables[table].columns
        if not column.nullable and isinstance(column.type, String | Integer)
    }
    with engine.begin() as connection:
        connection.execute(Base.metadata.tables[table].insert().values(**(whole | values)))


def test_a_run_at_work_is_counted_by_its_tasks(airflow_tables: Engine) -> None:
    from include.ui.at_work import runs_at_work

    for number, (dag_id, state) in enumerate(
        (("recommender_daily", "running"), ("recommender_daily", "success"), ("recommender_drift", "running")), 1
    ):
        add(
            airflow_tables, "dag_run", id=number, dag_id=dag_id, run_id=f"run/{number}", state=state, run_after=NOON,
            run_type="manual", start_date=NOON, logical_date=NOON.replace(day=9 + number),
            conf={"as_of_date": "2026-01-10"},
        )  # fmt: skip
    for number, state in enumerate(("success", "skipped", "running", None)):
        for dag_id, run_id in (("recommender_daily", "run/1"), ("recommender_daily", "run/2")):
            add(
                airflow_tables, "task_instance", dag_id=dag_id, run_id=run_id, task_id=f"t{number}", state=state,
                map_index=-1, id=uuid4(),
            )  # fmt: skip
    (found,) = runs_at_work("recommender_daily")
    assert (found.as_of_date, found.ended, found.tasks, found.since) == (date(2026, 1, 10), 2, 4, NOON)
    assert found.path == "../dags/recommender_daily/runs/run%2F1"


def test_without_a_database_nothing_is_known() -> None:
    from include.ui.at_work import runs_at_work

    assert runs_at_work("recommender_daily") == []


@pytest.mark.parametrize(
    ("state", "conf", "told"),
    [
        ("running", {"dry_run": False}, ""),
        ("failed", {"dry_run": True}, "failed"),
        ("success", {"dry_run": True}, "dry run"),
        ("success", None, "dry run"),
        ("success", {"dry_run": False}, "done"),
    ],
)
def test_a_forms_run_says_how_it_ended(airflow_tables: Engine, state: str, conf: Any, told: str) -> None:
    from include.ui.at_work import ended_as

    add(
        airflow_tables, "dag_run", id=1, dag_id="block_items", run_id="r", state=state, run_after=NOON, conf=conf,
        run_type="manual", start_date=NOON, logical_date=NOON,
    )  # fmt: skip
    assert ended_as("block_items", "r") == told
    assert ended_as("block_items", "another") == ""
