"""The watch over the deadline, run as Airflow runs it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from include.recommender.workspace import open_recommender
from include.retraining.tables import ALERTS
from tests.simulated_home import LAST_ARRIVAL

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG

pytestmark = pytest.mark.integration
DEADLINE = datetime(LAST_ARRIVAL.year, LAST_ARRIVAL.month, LAST_ARRIVAL.day, 7, tzinfo=UTC)


def test_the_watch_alerts_about_the_daily_dag(home: Path, dags: dict[str, DAG]) -> None:
    run = dags["publication_watch"].test(logical_date=DEADLINE)
    assert str(run.state) == "success"
    (alert,) = open_recommender().warehouse.read(ALERTS).to_pylist()
    assert (alert["dag_id"], alert["kind"], alert["severity"]) == ("recommender_daily", "publication_late", "page")
    assert alert["as_of_date"] == LAST_ARRIVAL


def test_the_watch_looks_at_the_deadline_of_the_settings(dags: dict[str, DAG]) -> None:
    assert dags["publication_watch"].schedule == "0 7 * * *"
