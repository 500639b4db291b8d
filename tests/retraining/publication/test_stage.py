"""Rules 3 and 4: the id is the content, and a publication is never rewritten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from include.recommender.tables import POPULAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.errors import TableSchemaError
from include.retraining.publication import put_by
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.publication.stage import is_recorded, publication_hash, record_publication, stage
from include.retraining.tables import PUBLICATIONS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.protocol import Pieces
from include.retraining.warehouse.table import Table
from tests.retraining.publishing import LINEAGE, lists, popular, run_of, stage_lists

DAY = date(2026, 3, 10)


def rows_of(count: int = 3, model_version: str = "ranker/1") -> dict[object, pa.Table]:
    return {USER_RECOMMENDATIONS: lists(DAY, count, 1.0, model_version), POPULAR_ITEMS: popular(DAY, count)}


def versions(warehouse: LocalWarehouse) -> list[int]:
    return [warehouse.version(table) for table in (USER_RECOMMENDATIONS, POPULAR_ITEMS)]


def test_rule_4_an_id_is_the_date_and_the_hash_of_the_content(warehouse: LocalWarehouse) -> None:
    staged = stage(warehouse, DAY, rows_of())
    assert staged.publication_id == f"2026-03-10-{staged.content_hash[:12]}"
    assert staged.row_counts == {"user_recommendations": 3, "popular_items": 3}
    for table in (USER_RECOMMENDATIONS, POPULAR_ITEMS):
        assert warehouse.partitions(table) == [{"publication_id": staged.publication_id}]
    where = {"publication_id": staged.publication_id}
    read_back = {table: warehouse.read(table, where) for table in (USER_RECOMMENDATIONS, POPULAR_ITEMS)}
    assert publication_hash(read_back) == staged.content_hash


def test_rule_3_another_model_version_or_row_order_is_the_same_publication(warehouse: LocalWarehouse) -> None:
    first = stage(warehouse, DAY, rows_of())
    turned = {table: rows.take([2, 0, 1]) for table, rows in reversed(rows_of(model_version="ranker/9").items())}
    assert stage(warehouse, DAY, turned) == first


@pytest.mark.parametrize("changed", ["rows", "score", "date"])
def test_rule_3_other_content_is_another_publication(warehouse: LocalWarehouse, changed: str) -> None:
    first = stage(warehouse, DAY, rows_of())
    other = rows_of(2 if changed == "rows" else 3)
    if changed == "score":
        other[USER_RECOMMENDATIONS] = lists(DAY, 3, 1.5)
    if changed == "date":
        other[USER_RECOMMENDATIONS] = lists(date(2026, 3, 9), 3, 1.0)
    second = stage(warehouse, DAY, other)
    assert second.publication_id != first.publication_id
    assert warehouse.read(USER_RECOMMENDATIONS, {"publication_id": first.publication_id}).num_rows == 3


def test_rule_4_a_complete_publication_is_left_alone(warehouse: LocalWarehouse) -> None:
    staged = stage_lists(warehouse, DAY, 3)
    before = versions(warehouse)
    assert stage_lists(warehouse, DAY, 3) == staged
    assert versions(warehouse) == before
    assert warehouse.read(PUBLICATIONS).num_rows == 1


def test_rules_3_and_4_a_stage_killed_half_way_ends_the_same_when_rerun(
    warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = LocalWarehouse.replace

    def killed(self: LocalWarehouse, table: object, *arguments: object) -> object:
        if table is POPULAR_ITEMS:
            raise KeyboardInterrupt
        return replace(self, table, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(LocalWarehouse, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            stage(warehouse, DAY, rows_of())
    (partition,) = warehouse.partitions(USER_RECOMMENDATIONS)
    assert not is_recorded(warehouse, partition["publication_id"])
    assert warehouse.partitions(POPULAR_ITEMS) == []
    staged = stage(warehouse, DAY, rows_of())
    assert staged.publication_id == partition["publication_id"]
    where = {"publication_id": staged.publication_id}
    read_back = {table: warehouse.read(table, where) for table in (USER_RECOMMENDATIONS, POPULAR_ITEMS)}
    assert publication_hash(read_back) == staged.content_hash


def in_twos(rows: pa.Table) -> Pieces:
    return Pieces(lambda: (rows.slice(at, 2) for at in range(0, rows.num_rows, 2)))


def test_rule_3_rows_in_pieces_are_the_same_publication_and_nothing_is_left_in_the_folder(
    warehouse: LocalWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(put_by, "ROWS_AT_ONCE", 2)
    whole = stage(warehouse, DAY, rows_of(5))
    where = {"publication_id": whole.publication_id}
    before = {table: warehouse.read(table, where) for table in rows_of()}
    for table in before:
        warehouse.replace(table, where, table.schema.empty_table())
    folder = tmp_path / "by"
    pieces = {table: in_twos(rows.drop_columns(["publication_id"])) for table, rows in before.items()}
    assert stage(warehouse, DAY, pieces, folder) == whole
    assert {table: warehouse.read(table, where) for table in before} == before
    assert list(folder.iterdir()) == []


FORECASTS = Table(
    "forecasts", "d", {"publication_id": "string", "item": "string", "units": "int64", "model": "string"},
    key=("publication_id", "item"), partition=("publication_id",), unhashed=("publication_id", "model"),
)  # fmt: skip


def test_whole_tables_may_have_columns_with_nulls(warehouse: LocalWarehouse) -> None:
    warehouse.create_tables([FORECASTS])
    rows = pa.table({"item": ["b", "a"], "units": pa.array([1, None], pa.int64()), "model": ["m", "m"]})
    staged = stage(warehouse, DAY, {FORECASTS: rows})
    stored = warehouse.read(FORECASTS, {"publication_id": staged.publication_id})
    assert stored["units"].to_pylist() == [None, 1]
    assert publication_hash({FORECASTS: stored}) == staged.content_hash


def test_a_key_that_is_no_content_is_refused(warehouse: LocalWarehouse) -> None:
    loose = replace(FORECASTS, key=("publication_id", "model", "item"))
    with pytest.raises(TableSchemaError, match="a key of forecasts that is content"):
        stage(warehouse, DAY, {loose: pa.table({"item": ["a"], "units": [1], "model": ["m"]})})


def test_pieces_out_of_order_are_refused(warehouse: LocalWarehouse) -> None:
    rows = lists(DAY, 3, 1.0).sort_by([("rank", "descending")])
    with pytest.raises(TableSchemaError, match="order"):
        stage(warehouse, DAY, {USER_RECOMMENDATIONS: Pieces(lambda: iter([rows]))})


def test_a_staged_publication_is_complete_once_it_is_recorded(warehouse: LocalWarehouse) -> None:
    staged = stage(warehouse, DAY, rows_of())
    assert not is_recorded(warehouse, staged.publication_id)
    record_publication(warehouse, run_of(DAY), MachinerySettings(), staged, LINEAGE, "pass")
    assert is_recorded(warehouse, staged.publication_id)


def test_rule_8_the_record_leads_to_models_training_sets_settings_code_and_run(warehouse: LocalWarehouse) -> None:
    staged = stage_lists(warehouse, DAY, 3, "warn")
    (row,) = warehouse.read(PUBLICATIONS).to_pylist()
    assert json.loads(row["model_versions"]) == {"for_you": "ranker/1"}
    assert json.loads(row["training_set"]) == {"for_you": "training"}
    assert json.loads(row["table_versions"]) == {"events": 3}
    assert json.loads(row["row_counts"]) == staged.row_counts
    assert (row["publication_id"], row["content_hash"]) == (staged.publication_id, staged.content_hash)
    assert (row["settings_hash"], row["code_version"]) == (MachinerySettings().hash, "code")
    assert (row["run_id"], row["check_result"]) == ("run of 2026-03-10", "warn")
    assert json.loads(row["experiment"]) == {"hold_back_share": 0.05, "salt": "higawari"}


def test_valid_until_is_midnight_in_the_business_timezone(
    warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAWARI_BUSINESS__TIMEZONE", "Asia/Tokyo")
    stage_lists(warehouse, DAY, 3)
    (row,) = warehouse.read(PUBLICATIONS).to_pylist()
    assert row["valid_until"] == datetime(2026, 3, 11, 15, tzinfo=UTC)


def test_rule_3_another_check_result_is_another_row_and_the_same_adds_nothing(warehouse: LocalWarehouse) -> None:
    for result in ("stop", "pass", "pass"):
        stage_lists(warehouse, DAY, 3, result)
    assert warehouse.read(PUBLICATIONS)["check_result"].to_pylist() == ["pass", "stop"]


@pytest.mark.parametrize("lost", ["some rows", "a table", "a file"])
def test_what_was_lost_of_a_recorded_publication_is_written_again(warehouse: LocalWarehouse, lost: str) -> None:
    staged = stage_lists(warehouse, DAY, 3)
    where = {"publication_id": staged.publication_id}
    rows = warehouse.read(USER_RECOMMENDATIONS, where)
    if lost == "a file":
        next((warehouse.folder / "user_recommendations").rglob("*.parquet")).unlink()
    else:
        warehouse.replace(USER_RECOMMENDATIONS, where, rows.slice(0, 1 if lost == "some rows" else 0))
    assert stage_lists(warehouse, DAY, 3) == staged
    assert warehouse.read(USER_RECOMMENDATIONS, where).equals(rows)
