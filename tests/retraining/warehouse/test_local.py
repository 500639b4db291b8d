"""The embedded warehouse: whole partitions, appended once, all or nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from tenacity import wait_none

from include.retraining.errors import CommitConflictError, TableSchemaError, TrainingDataError
from include.retraining.warehouse import conditions, local
from include.retraining.warehouse.local import COMMIT_TRIES, SCHEMA_VERSION, LocalWarehouse
from include.retraining.warehouse.protocol import Pieces, Query
from include.retraining.warehouse.table import Table
from tests.retraining.processes import DAY, NOTES, VISITS, visits

NEXT_DAY = date(2026, 1, 2)
HOSTILE = [
    "a*b?[c]",
    "o'clock",
    "x' OR '1'='1",
    "'; DROP TABLE visits; --",
    "back\\slash",
    "a/b=c%2F d",
    "%27",
    "..",
    "日替わり",
    " ",
]


@pytest.fixture
def shops(tmp_path: Path) -> LocalWarehouse:
    warehouse = LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill", "500MB", 1)
    warehouse.create_tables([VISITS, NOTES])
    return warehouse


def fill(warehouse: LocalWarehouse, shop: str, count: int, note: str, day: date = DAY) -> None:
    warehouse.replace(VISITS, {"shop": shop, "day": day}, visits(shop, count, note, day))


def notes_of(warehouse: LocalWarehouse, shop: str) -> list[str]:
    return [str(note) for note in warehouse.read(VISITS, {"shop": shop}, ["note"])["note"].to_pylist()]


def declared(columns: dict[str, str], key: tuple[str, ...] = ("number",), partition: tuple[str, ...] = ()) -> Table:
    return Table("notes", "Another declaration.", columns, key=key, partition=partition)


def test_a_table_may_be_created_twice(shops: LocalWarehouse) -> None:
    fill(shops, "a", 2, "n")
    shops.create_tables([VISITS])
    assert shops.read(VISITS).num_rows == 2


def test_a_new_nullable_column_is_added_and_old_rows_have_null(shops: LocalWarehouse) -> None:
    shops.append_once(NOTES, pa.table({"number": [1], "who": ["a"]}))
    wider = declared({"number": "int64", "who": "string", "labels": "strings", "score": "float64"})
    shops.create_tables([wider])
    shops.append_once(wider, pa.table({"number": [2], "who": ["b"], "labels": [["x"]], "score": [0.5]}))
    assert shops.read(wider).to_pylist() == [
        {"number": 1, "who": "a", "labels": None, "score": None},
        {"number": 2, "who": "b", "labels": ["x"], "score": 0.5},
    ]


@pytest.mark.parametrize(
    "changed",
    [
        declared({"number": "int64", "who": "int64"}),
        declared({"number": "int64"}),
        declared({"number": "int64", "who": "string", "day": "date"}, key=("number", "day")),
        declared({"number": "int64", "who": "string"}, partition=("number",)),
    ],
    ids=["another type", "a column less", "a new key column", "another partition"],
)
def test_every_other_change_of_a_table_is_refused_and_leaves_it_alone(shops: LocalWarehouse, changed: Table) -> None:
    version = shops.version(NOTES)
    with pytest.raises(TableSchemaError, match="keep the old names"):
        shops.create_tables([changed])
    assert shops.version(NOTES) == version


def version_of(shops: LocalWarehouse) -> str | None:
    return DeltaTable(str(shops.folder / NOTES.name)).metadata().configuration.get(SCHEMA_VERSION)


def test_a_table_carries_its_schema_version_and_an_upgrade_raises_it(shops: LocalWarehouse) -> None:
    assert version_of(shops) == "1"
    wider = replace(declared({"number": "int64", "who": "string", "score": "float64"}), schema_version=2)
    shops.create_tables([wider])
    assert version_of(shops) == "2"
    version = shops.version(wider)
    shops.create_tables([wider])
    assert shops.version(wider) == version, "nothing is written twice"


def test_a_table_from_before_versions_were_kept_counts_as_the_first(tmp_path: Path) -> None:
    DeltaTable.create(str(tmp_path / NOTES.name), schema=NOTES.schema)
    warehouse = LocalWarehouse(tmp_path, tmp_path / "spill")
    warehouse.create_tables([NOTES])
    assert warehouse.version(NOTES) == 0, "and is left alone"
    warehouse.create_tables([replace(NOTES, schema_version=2)])
    assert version_of(warehouse) == "2"


def test_a_table_that_a_newer_release_wrote_is_refused_and_left_alone(shops: LocalWarehouse) -> None:
    newer = replace(declared({"number": "int64", "who": "string", "score": "float64"}), schema_version=3)
    shops.create_tables([newer])
    version = shops.version(NOTES)
    with pytest.raises(TableSchemaError, match="notes in schema version 1 or an earlier one") as refused:
        shops.create_tables([NOTES])
    assert "version 3: a newer release wrote it" in str(refused.value)
    assert "restore the backup" in refused.value.next_step
    assert shops.version(NOTES) == version


def test_an_older_table_that_cannot_be_migrated_is_named_with_both_versions(shops: LocalWarehouse) -> None:
    changed = replace(declared({"number": "int64", "who": "int64"}), schema_version=2)
    with pytest.raises(TableSchemaError, match=r"notes with the columns stored .* \(schema version 1\)") as refused:
        shops.create_tables([changed])
    assert "schema version 2: changed or dropped: ['who']" in refused.value.found


def test_a_write_replaces_its_partition_and_no_other(shops: LocalWarehouse) -> None:
    fill(shops, "a", 3, "old")
    fill(shops, "b", 2, "kept")
    fill(shops, "a", 1, "kept", NEXT_DAY)
    written = shops.replace(VISITS, {"shop": "a", "day": DAY}, visits("a", 2, "new"))
    assert (written.table, written.rows, written.version) == ("visits", 2, shops.version(VISITS))
    assert notes_of(shops, "a") == ["new", "new", "kept"]
    assert notes_of(shops, "b") == ["kept", "kept"]


def test_the_state_of_a_restored_table_with_other_writes_since_is_another(
    shops: LocalWarehouse, tmp_path: Path
) -> None:
    shops.replace(VISITS, {"shop": "a", "day": DAY}, visits("a", 2, "kept"))
    stored, backup = shops.folder / VISITS.name, tmp_path / "backup"
    shutil.copytree(stored, backup)
    shops.replace(VISITS, {"shop": "a", "day": DAY}, visits("a", 2, "lost"))
    lost, version = shops.state(VISITS), shops.version(VISITS)
    shutil.rmtree(stored)
    shutil.copytree(backup, stored)
    shops.replace(VISITS, {"shop": "a", "day": DAY}, visits("a", 2, "lost"))
    assert shops.version(VISITS) == version
    assert shops.state(VISITS) != lost


def test_the_state_of_some_dates_tells_of_writes_to_them_alone(shops: LocalWarehouse) -> None:
    days = [DAY - timedelta(days=back) for back in range(3)]
    for day in days:
        shops.replace(VISITS, {"shop": "a", "day": day}, visits("a", 1, "old", day))
    before, asked = shops.state(VISITS), (days[2], days[1])
    of_some = shops.state(VISITS, asked)
    shops.replace(VISITS, {"shop": "b", "day": DAY}, visits("b", 1, "new"))
    assert (shops.state(VISITS) != before, shops.state(VISITS, asked)) == (True, of_some)
    shops.replace(VISITS, {"shop": "b", "day": days[1]}, visits("b", 1, "new", days[1]))
    assert shops.state(VISITS, asked) != of_some


def test_several_partitions_are_replaced_together_and_one_without_rows_is_emptied(shops: LocalWarehouse) -> None:
    for shop in ("a", "b", "c"):
        fill(shops, shop, 2, "old")
    rows = pa.concat_tables([visits("a", 1, "new"), visits("c", 3, "new")])
    version = shops.version(VISITS)
    shops.replace(VISITS, {"shop": ["a", "b", "c"], "day": DAY}, rows)
    assert shops.version(VISITS) == version + 1
    assert [notes_of(shops, shop) for shop in ("a", "b", "c")] == [["new"], [], ["new"] * 3]


def test_rows_are_sorted_and_checked_some_at_a_time(shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = visits("a", 7, "x").take([3, 0, 6, 2, 5, 1, 4])
    shops.replace(VISITS, {"shop": "a", "day": DAY}, rows)
    expected = shops.read(VISITS)
    monkeypatch.setattr("include.retraining.warehouse.table.ROWS_AT_ONCE", 2)
    assert shops.replace(VISITS, {"shop": "a", "day": DAY}, rows).rows == 7
    assert shops.read(VISITS) == expected
    with pytest.raises(TableSchemaError, match="once"):
        shops.replace(VISITS, {"shop": "a", "day": DAY}, pa.concat_tables([rows, rows.slice(2, 1)]))
    with pytest.raises(TableSchemaError, match="outside the partition"):
        shops.replace(VISITS, {"shop": "b", "day": DAY}, rows)
    assert shops.read(VISITS) == expected


def test_no_rows_leave_an_empty_partition(shops: LocalWarehouse) -> None:
    fill(shops, "a", 2, "old")
    fill(shops, "b", 1, "kept")
    assert shops.replace(VISITS, {"shop": "a", "day": DAY}, VISITS.schema.empty_table()).rows == 0
    assert shops.partitions(VISITS) == [{"shop": "b", "day": "2026-01-01"}]


def test_no_rows_in_a_partition_that_never_was_are_fine(shops: LocalWarehouse) -> None:
    shops.replace(VISITS, {"shop": "a", "day": DAY}, VISITS.schema.empty_table())
    assert shops.read(VISITS).num_rows == 0


@pytest.mark.parametrize("rows", [visits("b", 1, "n"), visits("a", 1, "n", NEXT_DAY)], ids=["shop", "day"])
def test_rows_outside_the_partition_are_refused_and_nothing_changes(shops: LocalWarehouse, rows: pa.Table) -> None:
    fill(shops, "a", 2, "old")
    with pytest.raises(TableSchemaError, match="1 of 1 rows outside the partition"):
        shops.replace(VISITS, {"shop": "a", "day": DAY}, rows)
    assert notes_of(shops, "a") == ["old", "old"]
    assert shops.partitions(VISITS) == [{"shop": "a", "day": "2026-01-01"}]


def test_an_empty_partition_value_is_refused_before_it_ruins_the_table(shops: LocalWarehouse) -> None:
    with pytest.raises(TableSchemaError, match="not empty"):
        fill(shops, "", 1, "n")
    assert shops.read(VISITS).num_rows == 0


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_partition_value_never_ends_the_predicate(shops: LocalWarehouse, hostile: str) -> None:
    fill(shops, "bystander", 2, "kept")
    fill(shops, hostile, 3, "old")
    fill(shops, hostile, 1, "new")
    shops.replace(VISITS, {"shop": [hostile, "o'ther"], "day": DAY}, visits(hostile, 2, "newer"))
    assert notes_of(shops, hostile) == ["newer", "newer"]
    assert notes_of(shops, "bystander") == ["kept", "kept"]
    assert {"shop": hostile, "day": "2026-01-01"} in shops.partitions(VISITS)


def test_partitions_come_as_text_in_order_of_the_declared_columns(shops: LocalWarehouse) -> None:
    for shop, day in (("b", DAY), ("a", NEXT_DAY), ("c", DAY), ("a", DAY)):
        fill(shops, shop, 1, "n", day)
    assert [tuple(values.items()) for values in shops.partitions(VISITS)] == [
        (("shop", "a"), ("day", "2026-01-01")),
        (("shop", "a"), ("day", "2026-01-02")),
        (("shop", "b"), ("day", "2026-01-01")),
        (("shop", "c"), ("day", "2026-01-01")),
    ]


def test_rule_3_rows_come_in_key_order_however_they_were_written(shops: LocalWarehouse) -> None:
    backwards = visits("b", 50, "n").take(list(range(49, -1, -1)))
    shops.replace(VISITS, {"shop": "b", "day": DAY}, backwards)
    fill(shops, "a", 3, "n", NEXT_DAY)
    fill(shops, "a", 3, "n")
    keys = shops.read(VISITS).select(["shop", "day", "number"]).to_pylist()
    assert keys == sorted(keys, key=lambda key: (key["shop"], key["day"], key["number"]))
    numbers = shops.read(VISITS, {"shop": "b"}, ["number"])
    assert numbers.column_names == ["number"]
    assert numbers["number"].to_pylist() == list(range(50))


def test_reading_filters_by_value_and_by_list(shops: LocalWarehouse) -> None:
    for shop in ("a", "b", "c"):
        fill(shops, shop, 3, shop)
    assert shops.read(VISITS, {"shop": ["a", "c"], "number": 1})["note"].to_pylist() == ["a", "c"]
    assert shops.read(VISITS, {"shop": []}).num_rows == 0


def test_rule_3_a_key_is_appended_once(shops: LocalWarehouse) -> None:
    first = pa.table({"number": [1, 2], "who": ["first", "first"]})
    assert shops.append_once(NOTES, first).rows == 2
    version = shops.version(NOTES)
    assert shops.append_once(NOTES, first).rows == 0
    again = shops.append_once(NOTES, pa.table({"number": [2, 3], "who": ["second", "second"]}))
    assert again.rows == 1
    assert again.version > version
    assert shops.read(NOTES)["who"].to_pylist() == ["first", "first", "second"]


def test_rule_3_a_key_that_comes_twice_in_one_append_is_there_once(shops: LocalWarehouse) -> None:
    assert shops.append_once(NOTES, pa.table({"number": [2, 1, 2], "who": ["first", "b", "second"]})).rows == 2
    assert shops.read(NOTES).to_pylist() == [{"number": 1, "who": "b"}, {"number": 2, "who": "first"}]


def test_nothing_can_be_appended(shops: LocalWarehouse) -> None:
    assert shops.append_once(NOTES, NOTES.schema.empty_table()).rows == 0


def test_a_query_takes_named_parameters_tables_and_inputs(shops: LocalWarehouse) -> None:
    fill(shops, "a", 5, "n")
    fill(shops, "b", 5, "n", NEXT_DAY)
    prices = pa.table({"shop": ["a", "b"], "price": [10, 20]})
    found = shops.query(
        "SELECT v.shop, SUM(price) AS total FROM visits AS v JOIN prices ON prices.shop = v.shop "
        "WHERE day < @as_of_date AND number IN UNNEST(@numbers) GROUP BY v.shop",
        {"as_of_date": NEXT_DAY, "numbers": [0, 1, 99], "not_used": "x"},
        {"prices": prices},
    )
    assert [(row["shop"], int(row["total"])) for row in found.to_pylist()] == [("a", 20)]


@pytest.mark.parametrize("at_once", [3, 10**6])
def test_rows_of_a_query_come_in_pieces(shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(local, "STREAMED_ROWS", at_once)
    fill(shops, "a", 5, "n")
    query = Query("SELECT number, SUM(number) AS total FROM visits WHERE shop = @shop GROUP BY number", {"shop": "a"})
    pieces = list(shops.stream(query))
    assert len(pieces) > (2 if at_once < 5 else 1)
    assert {piece.schema for piece in pieces} == {pa.schema([("number", pa.int64()), ("total", pa.int64())])}
    rows = pa.concat_tables(pieces).sort_by("number").to_pydict()
    assert rows == {"number": [0, 1, 2, 3, 4], "total": [0, 1, 2, 3, 4]}
    (nothing,) = shops.stream(Query(query.sql, {"shop": "nobody's"}))
    assert (nothing.num_rows, nothing.schema) == (0, pieces[0].schema)


@pytest.mark.parametrize("kept_bytes", [local.KEPT_BYTES, 0], ids=["kept in memory", "read from files"])
def test_a_query_sees_what_was_written_since_the_last_one(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch, kept_bytes: int
) -> None:
    monkeypatch.setattr(local, "KEPT_BYTES", kept_bytes)
    elsewhere = LocalWarehouse(shops.folder, shops.spill_folder, "500MB", 1)
    elsewhere.create_tables([VISITS, NOTES])

    def counted() -> int:
        (row,) = shops.query("SELECT COUNT(*) AS n FROM visits WHERE note = 'new'", {}).to_pylist()
        return int(row["n"])

    fill(shops, "a", 2, "old")
    assert counted() == 0
    fill(shops, "a", 3, "new")
    assert counted() == 3
    fill(elsewhere, "b", 4, "new")  # another process
    assert counted() == 7
    fill(shops, "a", 1, "old")
    assert counted() == 4


def test_a_small_table_is_read_once_per_version_and_a_big_one_never_kept(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> tuple[int, pa.Table] | None:
        shops.query("SELECT COUNT(*) AS n FROM visits", {})
        return shops._kept.get("visits")

    fill(shops, "a", 2, "old")
    first, again = kept(), kept()
    assert first is not None
    assert again is first
    fill(shops, "a", 3, "new")
    second = kept()
    assert second is not None
    assert second[1].num_rows == 3
    monkeypatch.setattr(local, "KEPT_BYTES", 0)
    fill(shops, "b", 1, "new")
    assert kept() is second


def test_small_queries_share_a_duckdb_and_one_over_files_gives_it_back(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shops, "a", 2, "old")
    query = "SELECT COUNT(*) AS n FROM visits"
    shops.query(query, {})
    database = shops._database
    shops.query(query, {})
    assert shops._database is database is not None
    monkeypatch.setattr(local, "KEPT_BYTES", 0)
    shops._kept.clear()
    shops.query(query, {})
    assert shops._database is None


def test_queries_at_once_see_their_own_inputs_and_tables(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share a DuckDB, where a name is one thing for each of them."""
    monkeypatch.setattr(local, "KEPT_BYTES", 0)
    fill(shops, "a", 5, "old")

    def counted(rows: int) -> list[int]:
        given = {"given": pa.table({"n": list(range(rows))})}
        query = "SELECT (SELECT COUNT(*) FROM given) AS given, (SELECT COUNT(*) FROM visits) AS visits"
        return [value for row in shops.query(query, {}, given).to_pylist() for value in row.values()]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(counted, range(40))) == [[rows, 5] for rows in range(40)]


def test_a_big_table_is_read_from_its_files_with_the_types_of_its_partitions(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shops, "007", 2, "old")
    small = shops.query("SELECT * FROM visits", {})
    monkeypatch.setattr(local, "KEPT_BYTES", 0)
    shops._kept.clear()
    big = shops.query("SELECT * FROM visits", {})
    assert big.schema.equals(small.schema)
    order = [(name, "ascending") for name in small.column_names]
    assert big.sort_by(order).to_pylist() == small.sort_by(order).to_pylist()
    assert big["shop"].unique().to_pylist() == ["007"]


def test_a_partition_is_replaced_by_what_a_query_makes_ordered_and_checked(shops: LocalWarehouse) -> None:
    fill(shops, "a", 3, "old")
    copy = Query("SELECT * FROM visits WHERE shop = @shop", {"shop": "a"})
    before = shops.read(VISITS)
    assert shops.replace(VISITS, {"shop": "a", "day": DAY}, copy).rows == 3
    assert shops.read(VISITS).equals(before)
    twice = Query("SELECT * FROM visits UNION ALL SELECT * FROM visits", {})
    with pytest.raises(TableSchemaError, match="repeated"):
        shops.replace(VISITS, {"shop": "a", "day": DAY}, twice)
    with pytest.raises(TableSchemaError, match="outside the partition"):
        shops.replace(VISITS, {"shop": "b", "day": DAY}, copy)
    with pytest.raises(TableSchemaError, match="missing"):
        shops.replace(VISITS, {"shop": "a", "day": DAY}, Query("SELECT shop FROM visits", {}))
    assert shops.read(VISITS).equals(before)


def test_a_partition_is_replaced_by_pieces_in_key_order_all_or_nothing(shops: LocalWarehouse) -> None:
    whole = visits("a", 5, "new")
    cut = [whole.slice(0, 2), whole.slice(2, 0), whole.slice(2)]
    assert shops.replace(VISITS, {"shop": "a", "day": DAY}, Pieces(lambda: iter(cut))).rows == 5
    before = shops.read(VISITS)
    assert before.equals(whole.cast(VISITS.schema))
    for wrong, told in (
        ([whole.slice(2), whole.slice(0, 2)], "in the order of"),
        ([whole.slice(0, 3), whole.slice(2)], "repeated"),
        ([whole, visits("b", 1, "new")], "outside the partition"),
    ):
        with pytest.raises(TableSchemaError, match=told):
            shops.replace(VISITS, {"shop": "a", "day": DAY}, Pieces(lambda wrong=wrong: iter(wrong)))
        assert shops.read(VISITS).equals(before)


@pytest.mark.parametrize("error", [TrainingDataError("a", "b", "c"), MemoryError("no room")])
def test_what_the_making_of_pieces_raises_comes_out_as_it_is_and_nothing_is_written(
    shops: LocalWarehouse, error: Exception
) -> None:
    def made() -> Iterator[pa.Table]:
        yield visits("a", 2, "new")
        raise error

    fill(shops, "a", 3, "old")
    before = shops.read(VISITS)
    with pytest.raises(type(error)) as raised:
        shops.replace(VISITS, {"shop": "a", "day": DAY}, Pieces(made))
    assert raised.value is error
    assert shops.read(VISITS).equals(before)


def test_an_appended_row_is_seen_by_the_next_query(shops: LocalWarehouse) -> None:
    for number in (1, 2):
        shops.append_once(NOTES, pa.table({"number": [number], "who": ["a"]}))
        assert shops.query("SELECT COUNT(*) AS n FROM notes", {}).to_pylist() == [{"n": number}]


def test_an_input_wins_over_a_table_of_the_same_name(shops: LocalWarehouse) -> None:
    fill(shops, "a", 5, "n")
    assert shops.query("SELECT shop FROM visits", {}, {"visits": pa.table({"shop": ["x"]})}).to_pylist() == [
        {"shop": "x"}
    ]


def test_a_parameter_is_a_value_and_never_sql(shops: LocalWarehouse) -> None:
    fill(shops, "a", 2, "n")
    found = shops.query("SELECT COUNT(*) AS n FROM visits WHERE shop = @shop", {"shop": "x' OR '1'='1"})
    assert found.to_pylist() == [{"n": 0}]


def test_a_query_of_an_undeclared_table_is_refused(shops: LocalWarehouse) -> None:
    with pytest.raises(TableSchemaError) as refused:
        shops.query("SELECT * FROM visitors", {})
    assert refused.value.expected == "one of ['notes', 'visits']"
    assert refused.value.found == "visitors"


def test_timestamps_of_a_query_are_in_utc(shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    found = shops.query("SELECT CAST(TIMESTAMP '2026-01-01 20:00:00+00' AS DATE) AS day", {})
    assert found.to_pylist() == [{"day": DAY}]


def test_a_write_that_always_loses_the_race_is_a_conflict(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def lose(*_: object, **__: object) -> None:
        tries.append(1)
        raise CommitFailedError("somebody else")

    monkeypatch.setattr("deltalake.write_deltalake", lose)
    monkeypatch.setattr("tenacity.wait_random_exponential", lambda **_: wait_none())
    with pytest.raises(CommitConflictError, match=f"within {COMMIT_TRIES} tries"):
        fill(shops, "a", 1, "n")
    assert len(tries) == COMMIT_TRIES


def test_a_literal_of_a_predicate_is_of_its_columns_type() -> None:
    values = {"a": DAY, "b": 3, "c": ["x", "y'z"]}
    assert [conditions._condition(name, value) for name, value in values.items()] == [
        "a = '2026-01-01'",
        "b = 3",
        "c IN ('x', 'y''z')",
    ]


def test_rule_4_a_data_file_without_a_commit_is_never_read(shops: LocalWarehouse) -> None:
    fill(shops, "a", 2, "old")
    (written,) = (shops.folder / "visits" / "shop=a" / "day=2026-01-01").glob("*.parquet")
    (written.parent / "part-99999-orphan.parquet").write_bytes(written.read_bytes())
    (shops.folder / "visits" / "_delta_log" / "_commit_tmp.json").write_text(json.dumps({"half": "written"}))
    assert notes_of(shops, "a") == ["old", "old"]
