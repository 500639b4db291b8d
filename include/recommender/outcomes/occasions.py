"""Occasions: a user who wanted something while a publication counted, and how their list did. SQL finds the places.

One publication at a time: of all that are due together, the lists alone are tens of millions of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.metrics import DEPTH, per_user_metrics
from include.recommender.settings import ALLOWS_REPEATS
from include.recommender.sql import sql
from include.recommender.statistics import positive_parameters
from include.retraining.monitoring.credit import last_day
from include.retraining.publication.switch_log import as_of_date_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.retraining.monitoring.credit import Window
    from include.retraining.warehouse.protocol import Warehouse

OCCASION = ["surface", "user_id"]
PUBLISHED_ROW = ["surface", "list_user_id", "rank"]


@dataclass(frozen=True)
class Occasions:
    """`users` has a row per surface and user with something wanted, and a column per metric.

    Arm and model_version are null of users without a list of their own, who had the one for everybody.

    `hits` has a row per wanted item that was in the list: its occasion (position in `users`), its place there, and the
    published row (PUBLISHED_ROW) that it is from.
    """

    publication_id: str
    users: pd.DataFrame
    hits: pd.DataFrame

    def metrics_of(self, kept: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """The metrics of all users where only some hits (shape of `hits`) count."""
        found = np.zeros((len(self.users), DEPTH), bool)
        hits = self.hits[kept]
        found[hits["occasion"], hits["place"] - 1] = True
        return per_user_metrics(found, self.users["wanted"].to_numpy())


def occasions_of(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    publication_id: str,
    windows: Sequence[Window],
    computed_for: date,
) -> Occasions:
    """What is known of a publication's windows on `computed_for`: events before it that arrived by then (rule 2)."""
    import pandas as pd

    parameters = {
        "publication_id": publication_id,
        "as_of_date": as_of_date_of(publication_id),
        "last_date": last_day(windows, settings.business.timezone),
        "computed_for": computed_for,
        "surfaces_without_repeats": [name for name, repeats in ALLOWS_REPEATS.items() if not repeats],
        **positive_parameters(settings),
    }
    rows = warehouse.query(sql("outcome_wants"), parameters, {"credit_windows": _as_rows(windows)}).to_pandas()
    first = ~rows.duplicated(OCCASION)
    users = rows.loc[first, [*OCCASION, "arm", "model_version", "wanted"]].reset_index(drop=True)
    rows["occasion"] = np.cumsum(first) - 1
    hits = rows.loc[rows["place"] <= DEPTH, [*PUBLISHED_ROW, "occasion", "place"]].reset_index(drop=True)
    hits = hits.astype({"place": np.int64, "rank": np.int64})
    found = Occasions(publication_id, users, hits)
    metrics = pd.DataFrame(found.metrics_of(np.ones(len(hits), bool)))
    return Occasions(publication_id, pd.concat([users, metrics], axis=1), hits)


def _as_rows(windows: Sequence[Window]) -> pa.Table:
    import pyarrow as pa

    instant = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "started_at": pa.array([window.started_at for window in windows], instant),
            "ended_at": pa.array([window.ended_at for window in windows], instant),
        }
    )
