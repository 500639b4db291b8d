"""Rows of the draft tables: what will be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.recommender.contenders import baseline
from include.recommender.drafts import popular_items, similar_items, user_lists
from include.recommender.tables import DRAFT_POPULAR_ITEMS, DRAFT_SIMILAR_ITEMS, DRAFT_USER_RECOMMENDATIONS
from tests.recommender.small_world import DAY, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

SIZE = 8
EVENTS = [*random_events(seed=41, count=400, users=15, items=30, days=60), event("viewer", "i001", 2)]


@pytest.fixture
def liking(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(business={"positive_event_types": ["like"]}, lists={"popular_size": 6, "similar_size": 4})


@pytest.fixture
def snapshot(tmp_path: Path, liking: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path, EVENTS, random_catalogue(30), liking)


def drafted(snapshot: Snapshot, settings: RecommenderSettings, shard: int = 0, shards: int = 1) -> pa.Table:
    return user_lists(snapshot, baseline("own_history", settings), "for_you", SIZE, shard, shards)


@pytest.fixture
def frame(snapshot: Snapshot, liking: RecommenderSettings) -> pd.DataFrame:
    return drafted(snapshot, liking).to_pandas()


def test_rows_fit_the_draft_tables_and_their_keys_are_unique(snapshot: Snapshot, liking: RecommenderSettings) -> None:
    for table, rows in (
        (DRAFT_USER_RECOMMENDATIONS, drafted(snapshot, liking)),
        (DRAFT_POPULAR_ITEMS, popular_items(snapshot, liking)),
        (DRAFT_SIMILAR_ITEMS, similar_items(snapshot, liking)),
    ):
        assert rows.schema.equals(table.schema), table.name
        assert rows.num_rows > 0
        assert not rows.to_pandas().duplicated(list(table.key)).any()
        assert set(rows["as_of_date"].to_pylist()) == {DAY}


def test_every_user_has_k_rows_and_everybody_else_has_a_list_too(frame: pd.DataFrame, snapshot: Snapshot) -> None:
    assert set(frame["user_id"]) == {*snapshot.user_ids, "*"}
    for _, rows in frame.groupby("user_id"):
        assert rows["rank"].tolist() == list(range(1, SIZE + 1))


def test_the_list_for_everybody_is_recent_popularity(frame: pd.DataFrame, snapshot: Snapshot) -> None:
    rows = frame[frame["user_id"] == "*"]
    users = dict(zip(snapshot.item_ids, snapshot.items["users_28d"], strict=True))
    assert rows["score"].tolist() == sorted(users[item] for item in rows["item_id"])[::-1]
    assert min(rows["score"]) >= sorted(users[item] for item in snapshot.item_ids[snapshot.recommendable])[-SIZE]
    assert set(rows["model_version"]) == {"baseline/recent_popularity"}
    assert set(rows["fallback_reason"]) == {"no_history"}
    assert [list(names) for names in rows["sources"]] == [["popularity_28d"]] * SIZE


def test_rule_8_every_row_names_its_model_and_sources_and_why_a_list_is_not_personal(frame: pd.DataFrame) -> None:
    personal = frame[~frame["user_id"].isin(["*", "viewer"])]
    assert set(personal["model_version"]) == {"baseline/own_history"}
    assert personal["fallback_reason"].isna().all()
    assert frame["sources"].map(len).min() > 0
    viewer = frame[frame["user_id"] == "viewer"]
    assert set(viewer["fallback_reason"]) == {"no_positive_history"}


@pytest.mark.parametrize("shards", [2, 3, 30])
def test_shards_together_give_what_one_shard_gives(
    snapshot: Snapshot, liking: RecommenderSettings, frame: pd.DataFrame, shards: int
) -> None:
    parts = [drafted(snapshot, liking, shard, shards) for shard in range(shards)]
    assert [set(part["shard"].to_pylist()) <= {number} for number, part in enumerate(parts)] == [True] * shards
    together = pa.concat_tables(parts).to_pandas()
    key = ["user_id", "rank"]
    left, right = (rows.drop(columns="shard").sort_values(key, ignore_index=True) for rows in (together, frame))
    for column in left.columns:
        assert left[column].map(str).tolist() == right[column].map(str).tolist(), column


def test_sizes_of_the_lists_that_are_not_personal_are_settings(snapshot: Snapshot, liking: RecommenderSettings) -> None:
    popular, similar = popular_items(snapshot, liking).to_pandas(), similar_items(snapshot, liking).to_pandas()
    assert popular.groupby("segment")["rank"].max().to_dict() == dict.fromkeys(["all", "bird", "cat", "dog"], 6)
    assert similar.groupby("item_id")["rank"].max().max() == 4
    assert (similar["item_id"] != similar["similar_item_id"]).all()
