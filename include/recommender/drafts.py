"""Makes the rows of the draft tables: what will be published, before it is staged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.candidates import ordered
from include.recommender.contenders import BASELINE_PREFIX
from include.recommender.lists import popular_rows, similar_rows, top_lists_by_surface
from include.recommender.sources.popularity import popularity
from include.recommender.tables import DRAFT_POPULAR_ITEMS, DRAFT_SIMILAR_ITEMS, DRAFT_USER_RECOMMENDATIONS, EVERYBODY
from include.retraining.experiment import BASELINE, RANKER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.contenders import Contender
    from include.recommender.lists import TopLists
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot


def lists_of(
    snapshot: Snapshot,
    contenders: Mapping[str, Contender],
    size: int,
    users: NDArray[np.int64],
    shard: int,
    everybody: bool,
) -> pa.Table:
    """Lists of the given users (positions), `size` rows each, by each surface's contender.

    The contenders rank the same candidates. With or without the lists for everybody else.
    """
    import pyarrow as pa

    settings = next(iter(contenders.values())).settings
    scorers = {surface: contender.scorer for surface, contender in contenders.items()}
    parts = []
    for surface, lists in top_lists_by_surface(snapshot, users, scorers, settings, size).items():
        parts.append(_rows(snapshot, lists, surface, contenders[surface], shard))
        if everybody:
            parts.append(_everybody(snapshot, settings, surface, size))
    return pa.concat_tables(parts)


def _rows(snapshot: Snapshot, lists: TopLists, surface: str, contender: Contender, shard: int) -> pa.Table:
    import pyarrow as pa

    count = len(lists.user)
    return pa.table(
        {
            "as_of_date": pa.repeat(pa.scalar(snapshot.as_of_date, pa.date32()), count),
            "shard": pa.repeat(shard, count),
            "surface": pa.repeat(surface, count),
            "user_id": snapshot.user_names.take(pa.array(lists.user)),
            "rank": pa.array(lists.rank),
            "item_id": snapshot.item_names.take(pa.array(lists.item)),
            "score": pa.array(lists.score),
            "sources": lists.sources,
            "fallback_reason": _fallback_reasons(snapshot, lists.user),
            "model_version": pa.repeat(contender.label, count),
            # What made the list: where a baseline serves a surface, nobody there is in the ranker's arm.
            "arm": pa.repeat(RANKER if contender.ranker else BASELINE, count),
        }
    ).cast(DRAFT_USER_RECOMMENDATIONS.schema)


def popular_items(snapshot: Snapshot, settings: RecommenderSettings) -> pa.Table:
    """Rows of DRAFT_POPULAR_ITEMS."""
    import pyarrow as pa

    rows = [
        {"as_of_date": snapshot.as_of_date, "segment": segment, "rank": rank, "item_id": item_id, "score": score}
        for segment, rank, item_id, score in popular_rows(
            snapshot, settings.lists.popularity_days[0], settings.lists.popular_size
        )
    ]
    return pa.Table.from_pylist(rows, schema=DRAFT_POPULAR_ITEMS.schema)


def similar_items(snapshot: Snapshot, settings: RecommenderSettings) -> pa.Table:
    """Rows of DRAFT_SIMILAR_ITEMS."""
    import pyarrow as pa

    item, rank, similar, score = similar_rows(snapshot, settings.lists.similar_method[0], settings.lists.similar_size)
    return pa.table(
        {
            "as_of_date": pa.repeat(pa.scalar(snapshot.as_of_date, pa.date32()), len(item)),
            "item_id": snapshot.item_names.take(pa.array(item)),
            "rank": pa.array(rank),
            "similar_item_id": snapshot.item_names.take(pa.array(similar)),
            "score": pa.array(score),
        }
    ).cast(DRAFT_SIMILAR_ITEMS.schema)


def _everybody(snapshot: Snapshot, settings: RecommenderSettings, surface: str, size: int) -> pa.Table:
    """The list of users without history: recent popularity."""
    import pyarrow as pa

    days = settings.lists.popularity_days[0]
    score = popularity(days)(snapshot)
    rows = [
        {
            "as_of_date": snapshot.as_of_date, "shard": 0, "surface": surface, "user_id": EVERYBODY, "rank": rank,
            "item_id": snapshot.item_ids[item], "score": float(score[item]), "sources": [f"popularity_{days}d"],
            "fallback_reason": "no_history", "model_version": f"{BASELINE_PREFIX}recent_popularity",
            "arm": None,
        }
        for rank, item in enumerate(ordered(score, snapshot.recommendable)[:size], start=1)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=DRAFT_USER_RECOMMENDATIONS.schema)


def _fallback_reasons(snapshot: Snapshot, users: NDArray[np.int64]) -> pa.StringArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    liked = np.bincount(snapshot.pair_user, snapshot.pairs["events"], minlength=snapshot.shape[0]) > 0
    return pc.if_else(pa.array(liked[users]), pa.scalar(None, pa.string()), "no_positive_history")
