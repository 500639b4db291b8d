"""The libraries of the steps, imported once where processes are forked that need them.

Nothing of our own is among them: a change of the code is there with the next task, without a restart.
"""

from __future__ import annotations

from importlib import import_module

LIBRARIES = (
    "deltalake",
    "duckdb",
    "great_expectations",
    "matplotlib.figure",
    "mlflow.store.model_registry.sqlalchemy_workspace_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.xgboost",
    "numba",
    "pyarrow.dataset",
    "pydantic_settings",
    "scipy.sparse.linalg",
    "sklearn.datasets",
    "sqlglot.dialects.bigquery",
    "sqlglot.dialects.duckdb",
)


def import_libraries() -> None:
    """Import them all."""
    for library in LIBRARIES:
        import_module(library)
