"""Where commands find Airflow's connections."""

from __future__ import annotations

import os


def find_connections_in_database() -> None:
    """Let a process that is no task find connections that people made in Airflow's UI.

    By itself Airflow gives it those of the environment only; Airflow's own commands do this, too. A task asks its
    supervisor before and after.
    """
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
