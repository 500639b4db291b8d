"""Rows of `list_explanations`: why the items of a few lists stand where they do."""

from __future__ import annotations

import hashlib
import heapq
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.candidates import propose_block
from include.recommender.contributions import BASE, Contribution, contributions_to
from include.recommender.lists import top_block
from include.recommender.tables import LIST_EXPLANATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.contenders import Contender
    from include.recommender.lists import TopLists
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

FEATURES_PER_ROW = 5


def explained_lists(
    snapshot: Snapshot,
    users: NDArray[np.int64],
    contender: Contender,
    surface: str,
    shard: int,
    settings: RecommenderSettings,
) -> pa.Table:
    """Rows of LIST_EXPLANATIONS for a sample of the users (positions); none where a rule makes the lists."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    sample = sampled_users(snapshot, users, surface, settings.explanations.sampled_users)
    if contender.ranker and len(sample):
        candidates = propose_block(snapshot, sample, contender.settings, surface)
        lists = top_block(candidates, contender.scorer(candidates), settings.publication.list_size)
        found = contributions_to(candidates, positions_of(candidates, lists), contender.ranker)
        for at in range(len(lists.user)):
            row = {"as_of_date": snapshot.as_of_date, "shard": shard, "surface": surface, **_place(snapshot, lists, at)}
            base = Contribution(BASE, math.nan, float(found.base[at]))
            rows += [row | values for values in _values([*found.top(at, FEATURES_PER_ROW), base])]
    return pa.Table.from_pylist(rows, schema=LIST_EXPLANATIONS.schema)


def sampled_users(snapshot: Snapshot, users: NDArray[np.int64], surface: str, count: int) -> NDArray[np.int64]:
    """Those whose id hashes lowest: the same users every day, as long as they are there."""

    def lot(user: np.int64) -> bytes:
        return hashlib.sha256(f"{surface}/{snapshot.user_ids[user]}".encode()).digest()

    return np.array(sorted(heapq.nsmallest(count, users, key=lot)), np.int64)


def positions_of(candidates: Candidates, lists: TopLists) -> NDArray[np.int64]:
    """Where the items of lists stand among the candidates they were chosen from."""
    wide = candidates.snapshot.shape[1]
    return np.searchsorted(candidates.user * wide + candidates.item, lists.user * wide + lists.item)


def _place(snapshot: Snapshot, lists: TopLists, at: int) -> dict[str, Any]:
    return {
        "user_id": snapshot.user_ids[lists.user[at]], "rank": int(lists.rank[at]),
        "item_id": snapshot.item_ids[lists.item[at]], "score": float(lists.score[at]),
    }  # fmt: skip


def _values(contributions: list[Contribution]) -> Iterator[dict[str, Any]]:
    for found in contributions:
        value = None if math.isnan(found.value) else found.value
        yield {"feature": found.feature, "value": value, "contribution": found.contribution}
