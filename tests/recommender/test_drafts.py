"""Rows of the draft tables: what will be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.recommender.baselines import baselines_of
from include.recommender.contenders import baseline
from include.recommender.drafts import lists_of, popular_items, similar_items
from include.recommender.lists import popular_rows, similar_rows
from include.recommender.settings import SURFACES
from include.recommender.snapshot import users_of_shard
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


def drafted(
    snapshot: Snapshot, settings: RecommenderSettings, surface: str = "for_you", shard: int = 0, shards: int = 1
) -> pa.Table:
    """Lists by the last, most personal baseline of a surface."""
    users = users_of_shard(snapshot.shape[0], shard, shards)
    contenders = {surface: baseline(baselines_of(surface)[-1], settings)}
    return lists_of(snapshot, contenders, SIZE, users, shard, everybody=shard == 0)


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def frame(snapshot: Snapshot, liking: RecommenderSettings, surface: str) -> pd.DataFrame:
    return drafted(snapshot, liking, surface).to_pandas()


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


def test_every_user_has_k_rows_and_everybody_else_has_a_list_too(
    frame: pd.DataFrame, snapshot: Snapshot, surface: str
) -> None:
    assert set(frame["surface"]) == {surface}
    assert set(frame["user_id"]) == {*snapshot.user_ids, "*"}
    for _, rows in frame.groupby("user_id"):
        assert rows["rank"].tolist() == list(range(1, SIZE + 1))


@pytest.mark.parametrize("days", [28, 3])
def test_the_list_for_everybody_is_what_is_popular_in_the_chosen_window(
    snapshot: Snapshot, liking: RecommenderSettings, surface: str, days: int
) -> None:
    chosen = liking.model_copy(update={"lists": liking.lists.model_copy(update={"popularity_days": (days, 1)})})
    frame = drafted(snapshot, chosen, surface).to_pandas()
    rows = frame[frame["user_id"] == "*"]
    expected = [place for place in popular_rows(snapshot, days, SIZE) if place[0] == "all"]
    assert list(zip(["all"] * SIZE, rows["rank"], rows["item_id"], rows["score"], strict=True)) == expected
    assert set(rows["model_version"]) == {"baseline/recent_popularity"}
    assert set(rows["fallback_reason"]) == {"no_history"}
    assert [list(names) for names in rows["sources"]] == [[f"popularity_{days}d"]] * SIZE


def test_rule_8_every_row_names_its_model_and_sources_and_why_a_list_is_not_personal(
    frame: pd.DataFrame, surface: str
) -> None:
    personal = frame[~frame["user_id"].isin(["*", "viewer"])]
    assert set(personal["model_version"]) == {f"baseline/{baselines_of(surface)[-1]}"}
    assert personal["fallback_reason"].isna().all()
    assert frame["sources"].map(len).min() > 0
    viewer = frame[frame["user_id"] == "viewer"]
    assert set(viewer["fallback_reason"]) == {"no_positive_history"}


def test_where_nothing_is_repeated_a_list_holds_nothing_that_its_user_touched(
    frame: pd.DataFrame, snapshot: Snapshot, surface: str
) -> None:
    users, items = snapshot.user_ids[snapshot.pair_user], snapshot.item_ids[snapshot.pair_item]
    repeated = set(zip(frame["user_id"], frame["item_id"], strict=True)) & set(zip(users, items, strict=True))
    assert bool(repeated) is (surface == "for_you")


@pytest.mark.parametrize("shards", [2, 3, 30])
def test_shards_together_give_what_one_shard_gives(
    snapshot: Snapshot, liking: RecommenderSettings, frame: pd.DataFrame, surface: str, shards: int
) -> None:
    parts = [drafted(snapshot, liking, surface, shard, shards) for shard in range(shards)]
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


@pytest.mark.parametrize(("days", "method"), [(28, "cosine"), (1, "basket"), (7, "ease_60d")])
def test_windows_and_methods_are_the_first_of_their_settings(
    snapshot: Snapshot, liking: RecommenderSettings, days: int, method: str
) -> None:
    lists = liking.lists.model_copy(update={"popularity_days": (days, 3), "similar_method": (method, "ease_10d")})
    chosen = liking.model_copy(update={"lists": lists})
    popular = popular_items(snapshot, chosen).to_pandas()
    assert list(popular.drop(columns="as_of_date").itertuples(index=False, name=None)) == popular_rows(
        snapshot, days, 6
    )
    similar = similar_items(snapshot, chosen).to_pandas()
    item, rank, other, score = similar_rows(snapshot, method, 4)
    assert similar["item_id"].tolist() == snapshot.item_ids[item].tolist()
    assert similar["similar_item_id"].tolist() == snapshot.item_ids[other].tolist()
    assert (similar["rank"].tolist(), similar["score"].tolist()) == (rank.tolist(), score.tolist())
