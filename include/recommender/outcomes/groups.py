"""Groups in which outcomes are told apart: segments of users as in the evaluation, and candidate sources of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.evaluation_rows import NO_HISTORY
from include.recommender.outcomes.occasions import PUBLISHED_ROW
from include.recommender.segments import activity_of, newness_of
from include.recommender.sql import sql
from include.retraining.publication.switch_log import as_of_date_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from include.recommender.outcomes.occasions import Occasions
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse


def segments_of_readers(warehouse: Warehouse, settings: RecommenderSettings, occasions: Occasions) -> pd.DataFrame:
    """The segment of each kind for each occasion; null where none applies, or features expired.

    Users without a list of their own, who had the one for everybody, are a segment as in the evaluation.
    """
    import pyarrow as pa

    readers = pa.table({"user_id": pa.array(occasions.users["user_id"].unique(), pa.string())})
    asked = {"as_of_date": as_of_date_of(occasions.publication_id)}
    known = warehouse.query(sql("outcome_segments"), asked, {"readers": readers}).to_pandas()
    known["activity"] = activity_of(known["events"].to_numpy())
    known["newness"] = newness_of(known["known_days"].to_numpy(), settings)
    known["category"] = [f"category: {name}" if isinstance(name, str) else None for name in known["category"]]
    kinds = ["activity", "newness", "category"]
    segments = occasions.users[["user_id"]].merge(known[["user_id", *kinds]], how="left", on="user_id")[kinds]
    return segments.assign(history=occasions.users["model_version"].isna().map({True: NO_HISTORY}))


def hits_by_source(warehouse: Warehouse, occasions: Occasions) -> dict[str, NDArray[np.bool_]]:
    """By source, which hits it proposed; a hit may have several sources."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.int64() if name == "rank" else pa.string()) for name in PUBLISHED_ROW])
    hits = occasions.hits[PUBLISHED_ROW]
    given = pa.Table.from_pandas(hits.drop_duplicates(), schema=schema, preserve_index=False)
    asked = {"publication_id": occasions.publication_id}
    found = warehouse.query(sql("outcome_sources"), asked, {"hits": given}).to_pandas()
    proposed = hits.merge(found, how="left", on=PUBLISHED_ROW)["sources"].map(list)
    every = sorted({name for names in proposed for name in names})
    return {name: np.array([name in names for names in proposed], bool) for name in every}
