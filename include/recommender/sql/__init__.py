"""One GoogleSQL file per query: events in, aggregates out."""

from pathlib import Path

from include.retraining.warehouse.sql import load_sql

FOLDER = Path(__file__).parent


def sql(name: str) -> str:
    """The text of one query of this folder, by its name without suffix."""
    return load_sql(FOLDER / f"{name}.sql")
