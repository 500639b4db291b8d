"""From the state of a date to what readers get."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from include.recommender import pipeline
from include.recommender.past_date import FOLDER
from include.recommender.serving import (
    drafts_to_publish,
    lineage_of,
    published_before,
    read_back,
    serving_snapshot,
)
from include.recommender.settings import Ease, RecommenderSettings
from include.recommender.similarities import compute_similarities
from include.recommender.sql import sql
from include.recommender.tables import (
    DRAFT_USER_RECOMMENDATIONS,
    EVENTS,
    ITEM_STATS,
    ITEMS,
    PUBLISHED_TABLES,
    USER_RECOMMENDATIONS,
)
from include.retraining.errors import PublicationCheckError
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.run import Run
from include.retraining.tables import BLOCKED_ITEMS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.protocol import Pieces
from tests.recommender.small_world import DAY, days_ago, random_catalogue, random_events

if TYPE_CHECKING:
    from include.retraining.warehouse.table import Table
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

RUN = Run(DAY, "run-1", "scheduled")
RANKERS = {
    "for_you": {"model": "baseline/own_history", "training_set": "", "baseline": "baseline/own_history"},
    "discover": {
        "model": "baseline/recent_popularity",
        "training_set": "",
        "baseline": "baseline/recent_popularity",
    },
}


def settings_of(**sections: dict[str, Any]) -> RecommenderSettings:
    """Default settings with nothing left to choose by past weeks, which takes a while."""
    lists = {"popularity_days": [28], "fallback": ["own_history"], "similar_method": ["cosine"]}
    return RecommenderSettings(lists=lists, ease={"regularisation": [10.0]}, tuning={"weeks": 1}, **sections)


@pytest.fixture
def built(workspace: Recommender) -> Recommender:
    """A warehouse in which the build_* steps of DAY have run; the settings leave one value each to choose."""
    workspace = replace(workspace, settings=settings_of())
    events = random_events(seed=61, count=300, users=12, items=25, days=40)
    rows = [{**row, "row_id": f"{number}"} for number, row in enumerate(events)]
    for table, data in ((EVENTS, rows), (ITEMS, random_catalogue(25))):
        (name,) = table.partition
        values = sorted({row[name] for row in data})
        workspace.warehouse.replace(table, {name: values}, pa.Table.from_pylist(data, schema=table.schema))
    pipeline.build_item_stats(RUN, workspace)
    pipeline.build_user_stats(RUN, workspace)
    pipeline.build_user_items(RUN, workspace)
    pipeline.choose_parameters(RUN, workspace)
    pipeline.build_item_similarities(RUN, workspace)
    return workspace


def block(workspace: Recommender, item_id: str) -> None:
    row = {
        "item_id": item_id, "number": 1, "kind": "block", "who": "on-call", "why": "", "recorded_at": None,
    }  # fmt: skip
    workspace.warehouse.append_once(BLOCKED_ITEMS, pa.Table.from_pylist([row], schema=BLOCKED_ITEMS.schema))


def test_the_state_that_was_built_is_served_without_blocked_items(built: Recommender) -> None:
    before = serving_snapshot(built, built.settings, DAY)
    blocked = str(before.item_ids[before.recommendable][0])
    block(built, blocked)
    after = serving_snapshot(built, built.settings, DAY)
    assert set(before.item_ids[before.recommendable]) - set(after.item_ids[after.recommendable]) == {blocked}


def test_a_contender_with_other_candidate_settings_sees_a_state_of_its_own(built: Recommender) -> None:
    own = settings_of(features={"half_life_long_days": 5}, similarities={"neighbours": 3})
    served, usual = serving_snapshot(built, own, DAY), serving_snapshot(built, built.settings, DAY)
    assert served.item_ids.tolist() == usual.item_ids.tolist()
    assert served.items["weight_micros"].sum() < usual.items["weight_micros"].sum()
    assert np.diff(served.similarities["cosine"].indptr).max() == 3
    # What was built is read, not computed again: an emptied table is an empty state.
    built.warehouse.replace(ITEM_STATS, {"as_of_date": DAY}, ITEM_STATS.schema.empty_table())
    assert serving_snapshot(built, built.settings, DAY).shape[1] == 0
    assert serving_snapshot(built, own, DAY).shape[1] > 0


def never(*_: object, **__: object) -> None:
    raise AssertionError("it was built: nothing is to be made of events")


def test_numbers_of_candidates_change_no_state_so_what_was_built_serves_any(
    built: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.recommender.serving.PastDate", never)
    own = settings_of(candidates={"rising": 0, "item_knn": 3, "for_you_share": 1.0})
    served, usual = serving_snapshot(built, own, DAY), serving_snapshot(built, built.settings, DAY)
    assert served.pairs["weight_micros"].tolist() == usual.pairs["weight_micros"].tolist()
    assert served.similarities["cosine"].data.tolist() == usual.similarities["cosine"].data.tolist() != []


def test_a_method_that_only_the_contender_reads_is_made_for_it(built: Recommender) -> None:
    today = replace(built, settings=settings_of(candidates={"ease_10d": 0, "next_basket": 0}))
    pipeline.build_item_similarities(RUN, today)
    assert serving_snapshot(today, today.settings, DAY, methods=["ease_10d"]).similarities["ease_10d"].nnz > 0
    served = serving_snapshot(today, built.settings, DAY)
    assert all(served.similarities[name].nnz for name in ("ease_10d", "next_basket"))


@pytest.mark.parametrize("change", [{"features": {"half_life_long_days": 5}}, {"similarities": {"neighbours": 3}}])
def test_what_a_contender_of_other_settings_needs_is_made_once_for_all_shards(
    built: Recommender, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    own, made, similar = settings_of(**change), Counter[str](), []
    everybody, result = serving_snapshot(built, own, DAY), LocalWarehouse._result
    shutil.rmtree(built.settings.storage.spill_folder / FOLDER)

    def watched(warehouse: LocalWarehouse, query: str, *arguments: Any) -> Any:
        made[query] += 1
        return result(warehouse, query, *arguments)

    def compute(*arguments: Any) -> Any:
        similar.append(arguments)
        return compute_similarities(*arguments)

    monkeypatch.setattr(LocalWarehouse, "_result", watched)
    monkeypatch.setattr("include.recommender.past_date.compute_similarities", compute)
    shards = [serving_snapshot(built, own, DAY, (shard, 3)) for shard in range(3)]
    assert made[sql("item_stats")] == made[sql("touched_pairs")] == len(similar) == 1
    for name, values in everybody.pairs.items():
        assert np.concatenate([shard.pairs[name] for shard in shards]).tolist() == values.tolist()
    for shard in shards:
        assert 0 < len(shard.pair_item) < len(everybody.pair_item)


def test_the_state_that_was_built_serves_whoever_has_the_settings_that_the_run_chose(built: Recommender) -> None:
    """Short lists in the settings are no candidate settings of anybody: only the chosen value counts."""
    many = replace(built, settings=built.settings.model_copy(update={"ease": Ease(regularisation=(1.0, 10.0))}))
    built.warehouse.replace(ITEM_STATS, {"as_of_date": DAY}, ITEM_STATS.schema.empty_table())
    assert serving_snapshot(many, built.settings, DAY).shape[1] == 0
    assert serving_snapshot(many, many.settings, DAY).shape[1] > 0


def draft(workspace: Recommender, rankers: dict[str, dict[str, str]] = RANKERS) -> None:
    for shard in range(workspace.settings.publication.shards):
        pipeline.score_users(RUN, workspace, shard, rankers)
    pipeline.build_popular_items(RUN, workspace)
    pipeline.build_similar_items(RUN, workspace)


def whole(rows_of: dict[Table, pa.Table | Pieces]) -> dict[Table, pa.Table]:
    return {
        table: pa.concat_tables(rows.made()) if isinstance(rows, Pieces) else rows for table, rows in rows_of.items()
    }


def test_drafts_become_rows_of_the_published_tables(built: Recommender) -> None:
    draft(built)
    rows_of = whole(drafts_to_publish(built, DAY))
    assert tuple(rows_of) == PUBLISHED_TABLES
    for table, rows in rows_of.items():
        assert rows.column_names == [name for name in table.columns if name != "publication_id"]
        assert rows.num_rows > 0


def test_drafts_of_an_earlier_try_with_more_shards_are_left_out(built: Recommender) -> None:
    draft(built)
    expected = whole(drafts_to_publish(built, DAY))[USER_RECOMMENDATIONS].num_rows
    draft(replace(built, settings=settings_of(publication={"shards": 4})))
    assert built.warehouse.read(DRAFT_USER_RECOMMENDATIONS).num_rows == expected
    draft(built)
    assert built.warehouse.read(DRAFT_USER_RECOMMENDATIONS).num_rows > expected
    assert whole(drafts_to_publish(built, DAY))[USER_RECOMMENDATIONS].num_rows == expected


def test_rule_3_the_number_of_shards_does_not_change_the_publication(built: Recommender) -> None:
    ids = []
    for shards in (1, 2, 3):
        sharded = replace(built, settings=settings_of(publication={"shards": shards}))
        draft(sharded)
        ids.append(pipeline.stage(RUN, sharded)["publication_id"])
    assert len(set(ids)) == 1


def test_drafts_of_another_date_are_not_published(built: Recommender) -> None:
    draft(built)
    assert {rows.num_rows for rows in whole(drafts_to_publish(built, days_ago(1))).values()} == {0}


def test_nothing_is_read_back_before_the_first_publication(workspace: Recommender) -> None:
    assert read_back(workspace) == (None, {})


def test_the_current_publication_is_read_back_whole(built: Recommender) -> None:
    draft(built)
    staged = pipeline.stage(RUN, built)
    log = read_switch_log(built.warehouse)
    append_switch(built.warehouse, log, staged["publication_id"], "publish", "test", "", "run-1")
    current, tables = read_back(built)
    assert current == staged["publication_id"]
    assert {table.name: rows.num_rows for table, rows in tables.items()} == staged["row_counts"]


def switched(workspace: Recommender, days_back: int, content: str, kind: Any = "publish") -> str:
    publication_id = f"{days_ago(days_back)}-{content}"
    append_switch(workspace.warehouse, read_switch_log(workspace.warehouse), publication_id, kind, "test", "", "run-1")
    return publication_id


def test_a_publication_is_compared_with_the_one_before_its_date_whatever_readers_see(workspace: Recommender) -> None:
    assert published_before(workspace, DAY) is None
    oldest = switched(workspace, 9, "a")
    switched(workspace, 3, "a")
    before = switched(workspace, 3, "b")  # the date was run again with other data
    switched(workspace, 0, "a")
    # Today's own is current now: a retry of the check must not compare it with itself (rule 3).
    assert published_before(workspace, DAY) == before
    assert published_before(workspace, days_ago(3)) == oldest  # a backfill
    assert published_before(workspace, days_ago(9)) is None


def test_a_publication_that_was_rolled_back_is_nothing_to_compare_with(workspace: Recommender) -> None:
    good = switched(workspace, 2, "a")
    switched(workspace, 1, "bad")
    append_switch(workspace.warehouse, read_switch_log(workspace.warehouse), good, "rollback", "on-call", "", "")
    assert published_before(workspace, DAY) == good


def test_rule_8_lineage_names_models_training_sets_tables_and_code() -> None:
    rankers = {"for_you": {"model": "recommender_for_you/3", "training_set": "abc"}}
    lineage: Any = lineage_of(rankers, {"events": 7, "items": 2})
    assert lineage.model_versions == {"for_you": "recommender_for_you/3"}
    assert lineage.training_sets == {"for_you": "abc"}
    assert lineage.table_versions == {"events": 7, "items": 2}
    assert len(lineage.code_version) == 12


@pytest.mark.parametrize("surface", list(RANKERS))
def test_a_surface_without_drafts_stops_the_publication(built: Recommender, surface: str) -> None:
    draft(built, {surface: RANKERS[surface]})
    (other,) = set(RANKERS) - {surface}
    users = serving_snapshot(built, built.settings, DAY).shape[0]
    expected = f"a draft on {other} for each of {users} users\nFound: {users} users without one"
    with pytest.raises(PublicationCheckError, match=expected):
        drafts_to_publish(built, DAY)


def test_users_without_a_draft_stop_the_publication(built: Recommender) -> None:
    """As after a change of publication.shards in the middle of a run."""
    four = replace(built, settings=settings_of(publication={"shards": 4}))
    for shard in range(3):
        pipeline.score_users(RUN, four, shard, RANKERS)
    pipeline.build_popular_items(RUN, built)
    pipeline.build_similar_items(RUN, built)
    with pytest.raises(PublicationCheckError, match="users without one"):
        drafts_to_publish(four, DAY)
