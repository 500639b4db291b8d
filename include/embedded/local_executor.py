"""Airflow's LocalExecutor, whose tasks find the libraries of the steps imported.

Each task is a fork of one of its workers. Of what a small task took, most went into imports (decision 0022).
"""

from __future__ import annotations

from airflow.executors.local_executor import LocalExecutor

from include.embedded.libraries import import_libraries


class PreloadingLocalExecutor(LocalExecutor):
    """A LocalExecutor that imports libraries before it forks its workers."""

    def start(self) -> None:
        """Import, then fork."""
        import_libraries()
        super().start()
