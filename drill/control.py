"""What an operator does with the DAG in a drill: trigger a date, wait, clear what failed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from drill.nights import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from drill.blows import Blow
    from include.embedded.rest import AirflowClient, TaskInstance

DAG_ID = "recommender_daily"
NIGHT_SECONDS = 1500


@dataclass(frozen=True)
class Control:
    """recommender_daily in a running Airflow."""

    client: AirflowClient

    def tasks(self, shards: int) -> list[Task]:
        """The tasks of the DAG, whatever they are, each after those it waits for."""
        rows = self.client.call("GET", f"/dags/{DAG_ID}/tasks")["tasks"]
        depth = depths({row["task_id"]: row["downstream_task_ids"] for row in rows})
        tasks = [
            Task(row["task_id"], int(row["retries"]), tuple(range(shards)) if row["is_mapped"] else (-1,))
            for row in rows
        ]
        return sorted(tasks, key=lambda task: (depth[task.task_id], task.task_id))

    def trigger(self, day: date) -> str:
        """Start the run of a date; its id."""
        params = {"as_of_date": str(day), "reason": "fault drill"}
        return self.client.trigger(DAG_ID, params, run_id=f"drill_{day}").run_id

    def wait(self, run_id: str) -> str:
        """The state in which a run ended."""
        return self.client.wait_for_runs(DAG_ID, [run_id], NIGHT_SECONDS)[0].state

    def instances(self, run_id: str) -> dict[str, TaskInstance]:
        """Task instances by the name that people write: task, and [map index] where it is mapped."""
        found = self.client.task_instances(DAG_ID, run_id)
        return {task.task_id if task.map_index < 0 else f"{task.task_id}[{task.map_index}]": task for task in found}

    def clear(self, run_id: str, *blows: Blow) -> None:
        """What the runbook says: clear the tasks that were struck, with downstream on."""
        tasks = [blow.task_id if blow.map_index < 0 else [blow.task_id, blow.map_index] for blow in blows]
        body = {
            "dag_run_id": run_id, "task_ids": tasks, "include_downstream": True, "only_failed": False,
            "reset_dag_runs": True, "dry_run": False,
        }  # fmt: skip
        self.client.call("POST", f"/dags/{DAG_ID}/clearTaskInstances", body)


def depths(after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many tasks come one after another before each."""
    before: dict[str, list[str]] = {name: [] for name in after}
    for name, following in after.items():
        for task in following:
            before[task].append(name)

    @cache
    def depth(name: str) -> int:
        return max((depth(task) + 1 for task in before[name]), default=0)

    return {name: depth(name) for name in after}
