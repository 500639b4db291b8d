"""A week of run_costs in a few lines."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from include.retraining.monitoring.cost_summary import TOLD_TASKS, summary_of_week
from include.retraining.tables import PUBLICATIONS, RUN_COSTS

if TYPE_CHECKING:
    from include.retraining.warehouse.local import LocalWarehouse

MONDAY = date(2026, 5, 4)


def put(warehouse: LocalWarehouse, back: int, task: str, dag: str = "recommender_daily", **change: Any) -> None:
    day = MONDAY - timedelta(days=back)
    row = dict.fromkeys(RUN_COSTS.columns) | {
        "as_of_date": day, "dag_id": dag, "run_id": f"run of {day}", "task_id": task, "job_id": f"{dag} {task}",
        "statement": "task", "seconds": 1800.0, "peak_memory_bytes": 2**30, "rows_written": 1000,
        "bytes_written": 2**29,
    }  # fmt: skip
    rows = pa.Table.from_pylist([row | change], schema=RUN_COSTS.schema)
    warehouse.append_once(RUN_COSTS, rows)


def test_the_seven_days_before_are_added_up_by_dag_task_and_publication(warehouse: LocalWarehouse) -> None:
    for back in range(10):
        put(warehouse, back, "score_users", money=0.5)
    put(warehouse, 1, "watch", dag="publication_watch", seconds=3.6, peak_memory_bytes=3 * 2**30)
    job = {"seconds": None, "peak_memory_bytes": None, "rows_written": None, "bytes_written": None}
    put(warehouse, 2, "ingest", job_id="j", billed_bytes=2**40, money=6.0, **job)
    published = dict.fromkeys(PUBLICATIONS.columns, "x") | {
        "publication_id": "p", "as_of_date": MONDAY - timedelta(days=2), "run_id": "run of 2026-05-02",
        "created_at": None, "valid_until": None,
    }  # fmt: skip
    warehouse.append_once(PUBLICATIONS, pa.Table.from_pylist([published], schema=PUBLICATIONS.schema))
    lines = summary_of_week(warehouse, MONDAY)
    assert lines[0] == (
        "2026-04-27 to 2026-05-03: 8 tries, 3.50 h, at most 3.00 GiB; 8,000 rows (4.00 GiB) written; 1.000 TiB billed; "
        "money 9.50"
    )
    named = dict(line.split(": ", 1) for line in lines)
    assert named["DAG publication_watch"] == "1 tries, 0.00 h, at most 3.00 GiB; 1,000 rows (0.50 GiB) written"
    assert named["task recommender_daily.score_users"].startswith("7 tries, 3.50 h, at most 1.00 GiB")
    assert named["publication p"].startswith("1 tries, 0.50 h")
    assert named["publication p"].endswith("money 6.50")


def test_the_longest_tasks_are_told_and_no_more(warehouse: LocalWarehouse) -> None:
    for number in range(TOLD_TASKS + 5):
        put(warehouse, 1, f"task{number:02d}", seconds=float(number))
    told = [line.partition(":")[0] for line in summary_of_week(warehouse, MONDAY) if line.startswith("task ")]
    assert told == [f"task recommender_daily.task{number:02d}" for number in range(TOLD_TASKS + 4, 4, -1)]


def test_a_week_without_rows_is_said_to_be_one(warehouse: LocalWarehouse) -> None:
    assert summary_of_week(warehouse, MONDAY) == [
        "2026-04-27 to 2026-05-03: 0 tries, 0.00 h, at most 0.00 GiB; 0 rows (0.00 GiB) written"
    ]
