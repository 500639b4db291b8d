"""What Airflow adds: each date's DAG run against the same steps called in one process, in turn, on the same data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import TYPE_CHECKING

from include.embedded.components import start, stop
from include.embedded.environment import embedded_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from include.embedded.rest import AirflowClient

DAG_ID = "recommender_daily"
ONE_PROCESS = """
import sys
from datetime import date
from include.recommender.backtest import run_day
from include.recommender.workspace import open_recommender
from include.retraining.run import Run
run_day(Run(date.fromisoformat(sys.argv[1]), "bench", "backtest"), open_recommender())
"""


@dataclass(frozen=True)
class Overhead:
    """Seconds of one date."""

    as_of_date: date
    airflow: float
    one_process: float

    @property
    def ratio(self) -> float:
        """Airflow over one process."""
        return self.airflow / self.one_process


def measure_overhead(
    prepared: Path, scratch: Path, dates: Sequence[date], port: int, variables: dict[str, str]
) -> list[Overhead]:
    """Run each date both ways, on two copies of the home `prepared` (landing zone and `events` in place).

    The process of the steps is started anew for each date and its imports count: a daily job has them too. The
    publications of both ways must be equal, or the comparison means nothing.
    """
    homes = {name: scratch / name for name in ("airflow", "one_process")}
    for home in homes.values():
        shutil.copytree(prepared, home)
    client = start(homes["airflow"], port, variables)
    try:
        client.wait_for_dag(DAG_ID)
        results = []
        for day in dates:
            alone = _one_process(homes["one_process"], port, day, variables)
            results.append(Overhead(day, _through_airflow(client, day), alone))
    finally:
        stop(homes["airflow"])
    _refuse_unequal(homes, variables)
    return results


def _one_process(home: Path, port: int, day: date, variables: dict[str, str]) -> float:
    environment = embedded_environment(home, port, variables)
    (home / "mlflow").mkdir(exist_ok=True)
    command = [sys.executable, "-c", ONE_PROCESS, day.isoformat()]
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def _through_airflow(client: AirflowClient, day: date) -> float:
    first, last = (datetime.combine(day, moment, UTC) for moment in (clock_time(), clock_time(23, 59)))
    (run,) = client.backfill(DAG_ID, first, last)
    client.unpause(DAG_ID)
    (done,) = client.wait_for_runs(DAG_ID, [run.run_id], seconds=900)
    if done.state != "success" or done.start_date is None or done.end_date is None:
        raise SystemExit(f"the run of {day} ended as {done.state}: no figure")
    client.wait_until_no_backfill_is_open(DAG_ID)
    return (done.end_date - done.start_date).total_seconds()


def _refuse_unequal(homes: dict[str, Path], variables: dict[str, str]) -> None:
    from include.recommender.workspace import open_recommender
    from include.retraining.publication.switch_log import read_switch_log

    os.environ.update(variables)
    currents = {}
    for name, home in homes.items():
        os.environ["HIGAWARI_HOME"] = str(home)
        currents[name] = read_switch_log(open_recommender().warehouse).current
    if len(set(currents.values())) != 1:
        raise SystemExit(f"the two ways published different content: {currents}")


def last_dates(last: date, count: int) -> list[date]:
    """`count` dates up to the last one."""
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]
