"""Occasions: a user who wanted something while a publication counted, and how their list did. SQL finds the places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.evaluation import DEPTH
from include.recommender.metrics import per_user_metrics
from include.recommender.settings import ALLOWS_REPEATS
from include.recommender.sql import sql
from include.recommender.statistics import positive_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.retraining.monitoring.credit import Window
    from include.retraining.warehouse.protocol import Warehouse

OCCASION = ["publication_id", "surface", "user_id"]
PUBLISHED_ROW = ["publication_id", "surface", "list_user_id", "rank"]


@dataclass(frozen=True)
class Occasions:
    """`users` has a row per publication, surface and user with something wanted, and a column per metric.

    `hits` has a row per wanted item that was in the list: its occasion (position in `users`), its place there, and the
    published row (PUBLISHED_ROW) that it is from.
    """

    users: pd.DataFrame
    hits: pd.DataFrame

    def metrics_of(self, kept: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """The metrics of all users where only some hits (shape of `hits`) count."""
        found = np.zeros((len(self.users), DEPTH), bool)
        hits = self.hits[kept]
        found[hits["occasion"], hits["place"] - 1] = True
        return per_user_metrics(found, self.users["wanted"].to_numpy())


def occasions_in(
    warehouse: Warehouse, settings: RecommenderSettings, windows: Sequence[Window], computed_for: date
) -> Occasions:
    """What is known of these windows on `computed_for`: events before it that arrived by then (rule 2)."""
    import pandas as pd

    parameters = {
        "publication_ids": sorted({window.publication_id for window in windows}),
        "first_date": min(window.as_of_date for window in windows),
        "computed_for": computed_for,
        "surfaces_without_repeats": [name for name, repeats in ALLOWS_REPEATS.items() if not repeats],
        **positive_parameters(settings),
    }
    wants = warehouse.query(sql("outcome_wants"), parameters, {"credit_windows": _as_rows(windows)}).to_pandas()
    first = ~wants.duplicated(OCCASION)
    users = wants.loc[first, [*OCCASION, "arm", "model_version"]].reset_index(drop=True)
    wants["occasion"] = np.cumsum(first) - 1
    users["wanted"] = np.bincount(wants["occasion"], minlength=len(users)).astype(np.int64)
    hits = wants.loc[wants["place"] <= DEPTH, [*PUBLISHED_ROW, "occasion", "place"]].reset_index(drop=True)
    hits = hits.astype({"place": np.int64, "rank": np.int64})
    found = Occasions(users, hits)
    metrics = pd.DataFrame(found.metrics_of(np.ones(len(hits), bool)))
    return Occasions(pd.concat([users, metrics], axis=1), hits)


def _as_rows(windows: Sequence[Window]) -> pa.Table:
    import pyarrow as pa

    instant = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "publication_id": pa.array([window.publication_id for window in windows], pa.string()),
            "as_of_date": pa.array([window.as_of_date for window in windows], pa.date32()),
            "started_at": pa.array([window.started_at for window in windows], instant),
            "ended_at": pa.array([window.ended_at for window in windows], instant),
        }
    )
