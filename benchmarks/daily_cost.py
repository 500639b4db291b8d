"""What a day's training and scoring cost: seconds of each step and peak memory, in one fresh process."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Timed = Callable[..., Any]


@dataclass(frozen=True)
class Cost:
    """Seconds by step, in the order of the steps, and the process's peak resident memory in MiB.

    `importing` are the seconds of libraries, which Airflow's scheduler imports once, before any task.
    """

    importing: float
    seconds: dict[str, float]
    peak_mib: float

    @property
    def total(self) -> float:
        """Seconds of all steps."""
        return sum(self.seconds.values())


def measure_cost(home: Path, day: date, weeks: int, variables: dict[str, str]) -> Cost:
    """Train and score both surfaces for `day` on a home with events; 0 weeks: nobody is evaluated.

    The MLflow store is made before the clock starts: an installation makes it once.
    """
    from include.embedded.prepare import make_mlflow_store

    environment = os.environ | variables | {
        "HIGAWARI_HOME": str(home),
        "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow/mlflow.db",
        "HIGAWARI_EVALUATION__WEEKS": str(max(weeks, 1)),
    }  # fmt: skip
    make_mlflow_store(environment["MLFLOW_TRACKING_URI"])
    command = [sys.executable, "-m", "benchmarks.daily_cost", day.isoformat(), str(weeks)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def run_steps(day: date, weeks: int) -> Cost:
    """The steps between the data checks and the publication."""
    from include.embedded.libraries import import_libraries

    began = time.perf_counter()
    import_libraries()
    importing = time.perf_counter() - began

    from include.recommender import pipeline
    from include.recommender.settings import SURFACES
    from include.recommender.workspace import open_recommender
    from include.retraining.run import Run

    seconds: dict[str, float] = {}
    run, workspace = Run(day, f"bench_{day}_{weeks}", "backtest"), open_recommender()

    def timed(step: Timed, *inputs: Any) -> Any:
        began = time.perf_counter()
        result = step(run, workspace, *inputs)
        name = step.__name__ + (f" {inputs[0]}" if inputs and inputs[0] in SURFACES else "")
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
        return result

    for step in (pipeline.build_item_stats, pipeline.build_user_stats, pipeline.build_user_items):
        timed(step)
    timed(pipeline.choose_parameters)
    similarities = timed(pipeline.build_item_similarities)
    timed(pipeline.build_training_set)
    timed(pipeline.check_training_set)
    decisions: dict[str, dict[str, str]] = {}
    for surface in SURFACES:
        challenger = timed(pipeline.train_challenger, surface)
        decisions[surface] = {"choice": "promote", "model": challenger}
        if weeks:
            timed(pipeline.evaluate, surface, challenger)
            decisions[surface] = timed(pipeline.decide_promotion, surface, challenger)
    rankers = timed(pipeline.choose_rankers, decisions, similarities)
    for shard in range(workspace.settings.publication.shards):
        timed(pipeline.score_users, shard, rankers)
    timed(pipeline.build_popular_items)
    timed(pipeline.build_similar_items)
    return Cost(importing, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    cost = run_steps(date.fromisoformat(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(asdict(cost)))
