"""A small DAG with steps that fail until somebody mends the world: one is killed, one refuses its data."""

from __future__ import annotations

import os
import signal

import pendulum
from airflow.sdk import dag

from include.recommender.workspace import open_recommender
from include.retraining.airflow_steps import step_task
from include.retraining.alerting.callbacks import alert_callbacks
from include.retraining.errors import DataStopError
from include.retraining.settings import home_folder
from tests.retraining.publishing import publish


def succeed(run, workspace) -> None:
    """Succeed."""


def be_killed(run, workspace) -> None:
    """Die the way the kernel kills what takes too much memory.

    **If it fails**: nothing is published today.
    **What to do**: read the log; clear the task.
    """
    if not _mended():
        os.kill(os.getpid(), signal.SIGKILL)


def refuse(run, workspace) -> None:
    """Refuse the data."""
    if not _mended():
        raise DataStopError("good data", "bad data", "have them mended")


def follow(run, workspace) -> None:
    """Follow the one that is killed, and publish: a recovery is told of what readers have."""
    publish(workspace.warehouse, run.as_of_date, 3)


def _mended() -> bool:
    return (home_folder() / "mended").exists()


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), **alert_callbacks(open_recommender))
def alert_drill() -> None:
    begun = step_task(succeed, open_recommender)({})
    killed = step_task(be_killed, open_recommender, retries=0)({})
    begun >> killed >> step_task(follow, open_recommender)({})
    begun >> step_task(refuse, open_recommender, retries=0)({})


alert_drill()
