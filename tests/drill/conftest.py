"""The tasks of recommender_daily as the DAG file declares them."""

from __future__ import annotations

import pytest

from drill.control import DAG_ID, depths
from drill.nights import Task
from tests.dags.conftest import dags  # noqa: F401 (a fixture; its module sets Airflow up)

SHARDS = 2


@pytest.fixture(scope="session")
def tasks(dags) -> list[Task]:  # noqa: F811
    """As the drill asks Airflow for them."""
    found = dags[DAG_ID].tasks
    depth = depths({task.task_id: sorted(task.downstream_task_ids) for task in found})
    maps = {True: tuple(range(SHARDS)), False: (-1,)}
    return sorted(
        (Task(task.task_id, task.retries, maps[task.is_mapped]) for task in found),
        key=lambda task: (depth[task.task_id], task.task_id),
    )
