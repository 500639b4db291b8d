"""What a try of a task took is kept once: a row of its own, and one for each job that was billed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from include.retraining.errors import TransientError
from include.retraining.monitoring import costs, task_meter
from include.retraining.monitoring.costs import TaskTry, keep_costs
from include.retraining.monitoring.task_meter import TaskMeter, Used, peak_memory_bytes
from include.retraining.run import Run
from include.retraining.settings import Costs
from include.retraining.tables import RUN_COSTS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.protocol import Spent
from include.retraining.warehouse.table import Table

RUN = Run(date(2026, 5, 1), "run", "manual", dag_id="recommender_daily")
TRY = TaskTry("publish.stage", -1, 2)
USED = Used(seconds=90.0, peak_memory_bytes=2**30)
FREE = Costs()
JOBS = [Spent("job-1", "read events", 100, 2**40, 30), Spent("job-2", "write item_stats", None, 0, 4)]
VISITS = Table("visits", "Of a shop.", {"day": "date", "who": "string"}, key=("day", "who"), partition=("day",))


@dataclass
class BillingWarehouse(LocalWarehouse):
    """The embedded warehouse, as if it were billed."""

    billed: list[Spent] = field(default_factory=lambda: list(JOBS))

    @property
    def spent(self) -> list[Spent]:
        return self.billed


@pytest.fixture
def billing(tmp_path: Path) -> BillingWarehouse:
    warehouse = BillingWarehouse(tmp_path / "warehouse", tmp_path / "spill")
    warehouse.create_tables([RUN_COSTS, VISITS])
    return warehouse


def visits(*who: str) -> pa.Table:
    return pa.table({"day": pa.array([RUN.as_of_date] * len(who), pa.date32()), "who": list(who)})


def test_each_try_and_each_job_is_kept_once_with_its_task_and_date(billing: BillingWarehouse) -> None:
    for _ in range(2):
        keep_costs(billing, FREE, RUN, TRY, USED)
    first, second, task = billing.read(RUN_COSTS).to_pylist()
    assert (first["as_of_date"], first["dag_id"], first["task_id"], first["try_number"]) == (
        RUN.as_of_date, "recommender_daily", "publish.stage", 2,
    )  # fmt: skip
    assert (first["statement"], first["estimated_bytes"], first["billed_bytes"]) == ("read events", 100, 2**40)
    assert (second["statement"], second["estimated_bytes"], second["slot_ms"]) == ("write item_stats", None, 4)
    assert (task["statement"], task["seconds"], task["peak_memory_bytes"]) == ("task", 90.0, 2**30)
    assert task["job_id"] == "task:recommender_daily/run/publish.stage/-1/2"


def test_what_one_kind_of_row_does_not_know_is_null_so_that_sums_count_nothing_twice(billing: BillingWarehouse) -> None:
    keep_costs(billing, FREE, RUN, TRY, USED)
    *jobs, task = billing.read(RUN_COSTS).to_pylist()
    assert (task["billed_bytes"], task["slot_ms"], task["estimated_bytes"]) == (None, None, None)
    assert {(job["seconds"], job["peak_memory_bytes"], job["rows_written"]) for job in jobs} == {(None, None, None)}


def test_a_retry_adds_a_row_of_its_own(warehouse: LocalWarehouse) -> None:
    for number in (1, 2, 2):
        keep_costs(warehouse, FREE, RUN, TaskTry("publish.stage", -1, number), USED)
    assert warehouse.read(RUN_COSTS)["try_number"].to_pylist() == [1, 2]


def test_rows_and_bytes_are_those_that_were_put_into_tables(billing: BillingWarehouse) -> None:
    billing.replace(VISITS, {"day": RUN.as_of_date}, visits("a", "b", "c"))
    billing.append_once(VISITS, visits("c", "d"))
    billing.delete(VISITS, {"who": "a"})
    keep_costs(billing, FREE, RUN, TRY, USED)
    task = billing.read(RUN_COSTS).to_pylist()[-1]
    assert task["rows_written"] == 3 + 1
    assert task["bytes_written"] == sum(each.bytes for each in billing.written[:2]) > 0


def test_money_is_counted_where_there_are_prices_and_only_there(billing: BillingWarehouse) -> None:
    keep_costs(billing, FREE, RUN, TRY, USED)
    assert billing.read(RUN_COSTS)["money"].null_count == 3
    keep_costs(billing, Costs(per_task_hour=4.0, per_tebibyte=6.25), RUN, TaskTry("other", 0, 1), USED)
    money = billing.read(RUN_COSTS, {"task_id": "other"})["money"].to_pylist()
    assert money == [pytest.approx(4.0 * 90 / 3600)], "jobs of another try stay where they are"


def test_a_job_is_priced_by_what_was_billed(billing: BillingWarehouse) -> None:
    keep_costs(billing, Costs(per_tebibyte=6.25), RUN, TRY, USED)
    assert billing.read(RUN_COSTS)["money"].to_pylist() == [6.25, 0.0, None]


@pytest.mark.parametrize("broken", [TransientError("an answer", "none", "wait"), OSError("the disk is full")])
def test_costs_that_cannot_be_kept_do_not_fail_the_task(
    billing: BillingWarehouse, monkeypatch: pytest.MonkeyPatch, broken: Exception
) -> None:
    def fail(*_: object) -> None:
        raise broken

    said: list[str] = []
    monkeypatch.setattr(costs.logger, "warning", lambda text, *values, **_: said.append(text % values))
    monkeypatch.setattr(billing, "append_once", fail)
    keep_costs(billing, FREE, RUN, TRY, USED)
    assert said == ["run_costs lacks 3 rows of this task"]


MEASURE = """
from include.retraining.monitoring.task_meter import TaskMeter, peak_memory_bytes
held = bytearray(300 * 2**20)
held[::4096] = b'x' * len(held[::4096])
before = peak_memory_bytes()
del held
meter = TaskMeter()
again = bytearray(50 * 2**20)
again[::4096] = b'x' * len(again[::4096])
print(before, meter.used().peak_memory_bytes)
"""


@pytest.mark.skipif(peak_memory_bytes() is None, reason="this system has no /proc")
def test_the_peak_is_that_since_the_task_began_not_that_of_an_earlier_one_in_its_process() -> None:
    run = subprocess.run([sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True)
    before, during = (int(value) for value in run.stdout.split())
    assert before > 300 * 2**20
    assert 50 * 2**20 < during < 200 * 2**20


def test_without_a_status_page_the_memory_is_unknown_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(task_meter, "STATUS", tmp_path / "none")
    monkeypatch.setattr(task_meter, "CLEAR_REFS", tmp_path / "none" / "either")
    used = TaskMeter().used()
    assert used.peak_memory_bytes is None
    assert used.seconds >= 0
