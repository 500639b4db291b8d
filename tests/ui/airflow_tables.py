"""Rows of Airflow's own tables, as far as pages read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


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


def add_run(engine: Engine, dag_id: str, run_id: str, state: str, conf: Any = None, number: int = 1) -> None:
    """A run that a person started."""
    add(
        engine, "dag_run", id=number, dag_id=dag_id, run_id=run_id, state=state, run_after=NOON, conf=conf,
        run_type="manual", start_date=NOON, logical_date=NOON + timedelta(days=number - 1),
    )  # fmt: skip
