"""Groups in which outcomes are told apart: segments of users as in the evaluation, and candidate sources of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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


def segments_of_readers(warehouse: Warehouse, settings: RecommenderSettings, users: pd.DataFrame) -> pd.DataFrame:
    """The segment of each kind for each occasion (rows of `users`); null where none applies, or features expired."""
    import pandas as pd
    import pyarrow as pa

    keys = pd.DataFrame({"as_of_date": users["publication_id"].map(as_of_date_of), "user_id": users["user_id"]})
    readers = keys.drop_duplicates()
    schema = pa.schema([("as_of_date", pa.date32()), ("user_id", pa.string())])
    given = pa.Table.from_pandas(readers, schema=schema, preserve_index=False)
    parameters = {"as_of_dates": sorted(set(readers["as_of_date"]))}
    known = warehouse.query(sql("outcome_segments"), parameters, {"readers": given}).to_pandas()
    known["activity"] = activity_of(known["events"].to_numpy())
    known["newness"] = newness_of(known["known_days"].to_numpy(), settings)
    known["category"] = [f"category: {name}" if isinstance(name, str) else None for name in known["category"]]
    kinds = ["activity", "newness", "category"]
    return keys.merge(known[[*keys.columns, *kinds]], how="left", on=list(keys.columns))[kinds]


def hits_by_source(warehouse: Warehouse, occasions: Occasions) -> dict[str, NDArray[np.bool_]]:
    """By source, which hits it proposed; a hit may have several sources."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.int64() if name == "rank" else pa.string()) for name in PUBLISHED_ROW])
    hits = occasions.hits[PUBLISHED_ROW]
    given = pa.Table.from_pandas(hits.drop_duplicates(), schema=schema, preserve_index=False)
    names = {"publication_ids": sorted(set(hits["publication_id"])) or [""]}
    found = warehouse.query(sql("outcome_sources"), names, {"hits": given}).to_pandas()
    proposed = hits.merge(found, how="left", on=PUBLISHED_ROW)["sources"].map(list)
    every = sorted({name for names in proposed for name in names})
    return {name: np.array([name in names for names in proposed], bool) for name in every}
