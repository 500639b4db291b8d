"""What a warehouse billed is kept by task; one that bills nothing leaves no row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from include.retraining.errors import TransientError
from include.retraining.monitoring import costs
from include.retraining.monitoring.costs import keep_costs
from include.retraining.run import Run
from include.retraining.tables import RUN_COSTS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.protocol import Spent

RUN = Run(date(2026, 5, 1), "run", "manual", dag_id="recommender_daily")
TASK = {"task_id": "publish.stage", "map_index": -1, "try_number": 2}
JOBS = [Spent("job-1", "read events", 100, 200, 30), Spent("job-2", "write item_stats", None, 0, 4)]


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
    warehouse.create_tables([RUN_COSTS])
    return warehouse


def test_each_job_is_kept_once_with_its_task_and_date(billing: BillingWarehouse) -> None:
    for _ in range(2):
        keep_costs(billing, RUN, TASK)
    first, second = billing.read(RUN_COSTS).to_pylist()
    assert (first["as_of_date"], first["dag_id"], first["task_id"], first["try_number"]) == (
        RUN.as_of_date, "recommender_daily", "publish.stage", 2,
    )  # fmt: skip
    assert (first["statement"], first["estimated_bytes"], first["billed_bytes"]) == ("read events", 100, 200)
    assert (second["statement"], second["estimated_bytes"], second["slot_ms"]) == ("write item_stats", None, 4)


def test_where_nothing_is_billed_no_row_is_written(warehouse: LocalWarehouse) -> None:
    before = warehouse.version(RUN_COSTS)
    keep_costs(warehouse, RUN, TASK)
    assert warehouse.version(RUN_COSTS) == before


def test_costs_that_cannot_be_kept_do_not_fail_the_task(
    billing: BillingWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise TransientError("an answer", "none", "wait")

    said: list[str] = []
    monkeypatch.setattr(costs.logger, "warning", lambda text, *values, **_: said.append(text % values))
    monkeypatch.setattr(billing, "append_once", fail)
    keep_costs(billing, RUN, TASK)
    assert said == ["run_costs lacks 2 jobs of this task"]
