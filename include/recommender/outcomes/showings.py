"""What users were shown, by the application's own log, and how often they wanted it then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from include.recommender.sql import sql
from include.recommender.statistics import positive_parameters
from include.recommender.tables import EXPOSURES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import pandas as pd
    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse

CLICK_THROUGH = "click_through"
NUMBERS = ("position", "shown", "clicked")


def showings_of(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    publication_ids: Iterable[str],
    first_date: date,
    computed_for: date,
) -> pd.DataFrame:
    """Times shown and times clicked, by publication, surface, user, position and day, from `first_date` on.

    Only what was shown before `computed_for` and arrived by then (rule 2). A click counts on the day of the showing, so
    each day is a query of its own.
    """
    import pyarrow as pa

    parameters = {
        "publication_ids": sorted(set(publication_ids)),
        "computed_for": computed_for,
        **positive_parameters(settings),
    }
    days = [first_date + timedelta(days=number) for number in range((computed_for - first_date).days)]
    if not warehouse.partitions(EXPOSURES):
        days = [first_date]  # no log at all: for the columns
    parts = [_compact(warehouse.query(sql("outcome_exposures"), {**parameters, "day": day})) for day in days]
    shown: pd.DataFrame = pa.concat_tables(parts).unify_dictionaries().to_pandas()
    return shown


def _compact(rows: pa.Table) -> pa.Table:
    """Text as a number of a dictionary, numbers in half the bytes: an application may log millions a day."""
    import pyarrow as pa

    columns = {
        name: rows[name].cast(pa.int32()) if name in NUMBERS else rows[name].dictionary_encode()
        for name in rows.column_names
    }
    return pa.table(columns)
