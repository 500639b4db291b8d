"""What users were shown, by the application's own log, and how often they wanted it then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.sql import sql
from include.recommender.statistics import positive_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import pandas as pd

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse

CLICK_THROUGH = "click_through"


def showings_of(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    publication_ids: Iterable[str],
    first_date: date,
    computed_for: date,
) -> pd.DataFrame:
    """Times shown and times clicked, by publication, surface, user and position, from `first_date` on.

    Only what was shown before `computed_for` and arrived by then (rule 2).
    """
    parameters = {
        "publication_ids": sorted(set(publication_ids)),
        "first_date": first_date,
        "computed_for": computed_for,
        **positive_parameters(settings),
    }
    shown: pd.DataFrame = warehouse.query(sql("outcome_exposures"), parameters).to_pandas()
    return shown
