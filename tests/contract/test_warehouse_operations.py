"""Every operation of the warehouse protocol does on BigQuery (an emulator of it) what it does on Delta Lake."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from include.retraining.errors import SettingsError, TableSchemaError, TrainingDataError
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.retention import count_rows
from include.retraining.settings import load_settings
from include.retraining.warehouse.open import open_for_reading
from include.retraining.warehouse.protocol import Pieces, Query, TellsChanges, pieces_of
from include.retraining.warehouse.table import Table
from tests.contract.conftest import environment_for, opened
from tests.retraining.processes import DAY, NOTES, VISITS, visits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.retraining.settings import BigQuery
    from include.retraining.warehouse.bigquery.warehouse import BigQueryWarehouse
    from include.retraining.warehouse.protocol import Warehouse

# A write takes the emulator many statements, and on busy cores seconds each.
pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]

NEXT_DAY = date(2026, 1, 2)
MOMENT = datetime(2026, 1, 1, 23, 59, 59, 123457, tzinfo=UTC)
KINDS = Table(
    "kinds",
    "A column of every type.",
    {
        "day": "date", "name": "string", "count": "int64", "small": "float32", "share": "float64", "good": "bool",
        "moment": "timestamp", "words": "strings",
    },
    key=("day", "name"),
    partition=("day",),
)  # fmt: skip
VALUES = [
    (DAY, "é", -(2**63), 0.1, 0.1, True, MOMENT, ["b", "a"]),
    (DAY, "Z", 2**63 - 1, -1e30, 1e-300, False, MOMENT, []),
    (DAY, "a", None, None, None, None, None, [""]),
    (DAY, "日替わり", 0, 0.0, 2 / 3, None, None, ["'"]),
    (DAY, " ", 1, 1.5, -0.0, True, MOMENT, ["x"]),
]
ROWS = pa.Table.from_pylist([dict(zip(KINDS.columns, row, strict=True)) for row in VALUES], schema=KINDS.schema)


@pytest.fixture(params=["delta", "bigquery"])
def warehouse(request: pytest.FixtureRequest, emulator: str) -> Warehouse:
    """Each warehouse in turn, with two tables. The emulator is named so that its environment stays."""
    opened: Warehouse = request.getfixturevalue(f"on_{request.param}")
    opened.create_tables([VISITS, NOTES])
    return opened


def fill(warehouse: Warehouse, shop: str, count: int, note: str, day: date = DAY) -> Any:
    return warehouse.replace(VISITS, {"shop": shop, "day": day}, visits(shop, count, note, day))


def notes_of(warehouse: Warehouse, shop: str) -> list[str]:
    return [str(note) for note in warehouse.read(VISITS, {"shop": shop}, ["note"])["note"].to_pylist()]


def test_rows_come_back_as_they_were_with_their_types_in_key_order(warehouse: Warehouse) -> None:
    warehouse.create_tables([KINDS])
    warehouse.replace(KINDS, {"day": DAY}, ROWS)
    stored = warehouse.read(KINDS)
    assert stored.schema.equals(KINDS.schema)
    assert stored.to_pylist() == ROWS.sort_by([("name", "ascending")]).to_pylist()
    assert warehouse.read(KINDS, {"name": ["a", "é"]}, ["moment", "words"]).to_pylist() == [
        {"moment": None, "words": [""]},
        {"moment": MOMENT, "words": ["b", "a"]},
    ]


def test_the_state_of_a_table_is_another_after_each_write_and_the_same_until_then(warehouse: Warehouse) -> None:
    assert isinstance(warehouse, TellsChanges)
    states = [warehouse.state(VISITS)]
    for note in ("first", "second", "first"):
        fill(warehouse, "a", 2, note)
        states.append(warehouse.state(VISITS))
    assert len(set(states)) == 4
    warehouse.append_once(NOTES, NOTES.schema.empty_table())
    assert warehouse.state(VISITS) == states[-1]


def test_a_write_replaces_its_partition_and_no_other_and_makes_a_version(warehouse: Warehouse) -> None:
    fill(warehouse, "a", 3, "old")
    fill(warehouse, "b", 2, "kept")
    fill(warehouse, "a", 1, "kept", NEXT_DAY)
    before = warehouse.version(VISITS)
    written = fill(warehouse, "a", 2, "new")
    assert (written.table, written.rows, written.version) == ("visits", 2, warehouse.version(VISITS))
    assert written.version == before + 1
    assert notes_of(warehouse, "a") == ["new", "new", "kept"]
    assert notes_of(warehouse, "b") == ["kept", "kept"]
    assert fill(warehouse, "a", 2, "new").rows == 2
    assert notes_of(warehouse, "a") == ["new", "new", "kept"]


def test_rows_of_a_query_replace_a_partition_checked_like_any_others(warehouse: Warehouse) -> None:
    fill(warehouse, "a", 3, "old")
    before, partition = warehouse.read(VISITS), {"shop": "a", "day": DAY}
    same = Query("SELECT * FROM visits WHERE shop = @shop", {"shop": "a"})
    assert warehouse.replace(VISITS, partition, same).rows == 3
    assert warehouse.read(VISITS).equals(before)
    with pytest.raises(TableSchemaError, match="repeated"):
        warehouse.replace(VISITS, partition, Query("SELECT * FROM visits UNION ALL SELECT * FROM visits", {}))
    with pytest.raises(TableSchemaError, match="outside the partition"):
        warehouse.replace(VISITS, {"shop": "b", "day": DAY}, same)
    assert warehouse.read(VISITS).equals(before)


def test_pieces_in_key_order_replace_a_partition_and_others_are_refused(warehouse: Warehouse) -> None:
    whole, partition = visits("a", 4, "new"), {"shop": "a", "day": DAY}
    assert warehouse.replace(VISITS, partition, Pieces(lambda: iter([whole.slice(0, 1), whole.slice(1)]))).rows == 4
    before = warehouse.read(VISITS)
    assert before.equals(whole.cast(VISITS.schema))
    with pytest.raises(TableSchemaError, match="in the order of"):
        warehouse.replace(VISITS, partition, Pieces(lambda: iter([whole.slice(1), whole.slice(0, 1)])))
    assert warehouse.read(VISITS).equals(before)


@pytest.mark.parametrize("error", [TrainingDataError("a", "b", "c"), MemoryError("no room")])
def test_what_the_making_of_pieces_raises_comes_out_as_it_is_and_nothing_is_written(
    warehouse: Warehouse, error: Exception
) -> None:
    fill(warehouse, "a", 3, "old")
    before = warehouse.read(VISITS)

    def made() -> Iterator[pa.Table]:
        yield visits("a", 2, "new")
        raise error

    with pytest.raises(type(error)) as raised:
        warehouse.replace(VISITS, {"shop": "a", "day": DAY}, Pieces(made))
    assert raised.value is error
    assert warehouse.read(VISITS).equals(before)


def test_several_partitions_are_replaced_together_and_one_without_rows_is_emptied(warehouse: Warehouse) -> None:
    for shop in ("a", "b", "c"):
        fill(warehouse, shop, 2, "old")
    rows = pa.concat_tables([visits("a", 1, "new"), visits("c", 3, "new")])
    warehouse.replace(VISITS, {"shop": ["a", "b", "c"], "day": DAY}, rows)
    assert [notes_of(warehouse, shop) for shop in ("a", "b", "c")] == [["new"], [], ["new"] * 3]
    assert warehouse.replace(VISITS, {"shop": "a", "day": DAY}, VISITS.schema.empty_table()).rows == 0
    assert warehouse.partitions(VISITS) == [{"shop": "c", "day": "2026-01-01"}]


def test_partition_values_are_values_and_never_sql(warehouse: Warehouse) -> None:
    hostile = ["o'clock", "x' OR '1'='1", "'; DROP TABLE visits; --", "back\\slash", "`tick`", "日替わり"]
    fill(warehouse, "bystander", 1, "kept")
    for shop in hostile:
        fill(warehouse, shop, 1, "new")
    assert [row["shop"] for row in warehouse.partitions(VISITS)] == sorted([*hostile, "bystander"])
    assert warehouse.delete(VISITS, {"shop": hostile}).rows == len(hostile)
    assert notes_of(warehouse, "bystander") == ["kept"]


@pytest.mark.parametrize(
    ("partition", "rows"),
    [
        ({"shop": "a", "day": DAY}, visits("b", 1, "n")),
        ({"shop": "", "day": DAY}, visits("", 1, "n")),
        ({"day": DAY}, visits("a", 1, "n")),
        ({"shop": "a", "day": DAY}, pa.concat_tables([visits("a", 1, "n")] * 2)),
    ],
    ids=["outside", "empty text", "half named", "a key twice"],
)
def test_what_is_no_partition_is_refused_and_nothing_is_written(
    warehouse: Warehouse, partition: dict[str, object], rows: pa.Table
) -> None:
    with pytest.raises(TableSchemaError):
        warehouse.replace(VISITS, partition, rows)
    assert warehouse.read(VISITS).num_rows == 0


def test_rule_3_a_key_is_appended_once(warehouse: Warehouse) -> None:
    assert warehouse.append_once(NOTES, pa.table({"number": [2, 1, 2], "who": ["first", "first", "twice"]})).rows == 2
    assert warehouse.append_once(NOTES, pa.table({"number": [2, 1], "who": ["again", "again"]})).rows == 0
    assert warehouse.append_once(NOTES, pa.table({"number": [2, 3], "who": ["second", "second"]})).rows == 1
    assert warehouse.append_once(NOTES, NOTES.schema.empty_table()).rows == 0
    assert warehouse.read(NOTES)["who"].to_pylist() == ["first", "first", "second"]


def test_rows_are_deleted_by_the_values_of_columns(warehouse: Warehouse) -> None:
    fill(warehouse, "a", 3, "n")
    fill(warehouse, "b", 3, "n")
    assert warehouse.delete(VISITS, {"shop": "a", "number": [0, 2, 99]}).rows == 2
    assert warehouse.delete(VISITS, {"shop": ["b"]}).rows == 3
    assert warehouse.delete(VISITS, {"shop": "b"}).rows == 0
    assert warehouse.read(VISITS)["number"].to_pylist() == [1]
    with pytest.raises(TableSchemaError):
        warehouse.delete(VISITS, {})


def test_rows_are_counted_by_the_values_of_columns(warehouse: Warehouse) -> None:
    fill(warehouse, "a", 3, "n")
    fill(warehouse, "a", 2, "n", NEXT_DAY)
    fill(warehouse, "b", 4, "n")
    assert count_rows(warehouse, VISITS, {"day": [DAY], "shop": ["a", "c"]}) == 3
    assert count_rows(warehouse, VISITS, {"day": [DAY, NEXT_DAY]}) == 9


def test_a_query_takes_typed_parameters_tables_and_inputs(warehouse: Warehouse) -> None:
    fill(warehouse, "a", 5, "n")
    fill(warehouse, "b", 5, "n", NEXT_DAY)
    found = warehouse.query(
        "WITH wanted AS (SELECT shop, price FROM prices)\n"
        "SELECT v.shop, SUM(price) AS total, @factor * 2 AS doubled "
        "FROM visits AS v JOIN wanted ON wanted.shop = v.shop "
        "WHERE day IN UNNEST(@days) AND number IN UNNEST(@numbers) AND (@all_of_them OR note = @note) AND day < @until "
        "GROUP BY v.shop ORDER BY v.shop DESC -- a remark",
        {
            "days": [DAY, NEXT_DAY], "numbers": [0, 1, 99], "all_of_them": False, "note": "n", "until": NEXT_DAY,
            "factor": 0.25, "unused": None,
        },
        {"prices": pa.table({"shop": ["a", "b"], "price": [10, 20]})},
    )  # fmt: skip
    assert found.to_pylist() == [{"shop": "a", "total": 20, "doubled": 0.5}]
    assert [field.type for field in found.schema] == [pa.string(), pa.int64(), pa.float64()]


def test_a_query_gives_its_rows_in_pieces_one_of_them_at_least(warehouse: Warehouse) -> None:
    fill(warehouse, "a", 5, "n")
    sql = "SELECT number, COUNT(*) AS visits FROM visits WHERE shop = @shop GROUP BY number"
    rows = pa.concat_tables(pieces_of(warehouse, Query(sql, {"shop": "a"})))
    assert rows.sort_by("number").to_pydict() == {"number": [0, 1, 2, 3, 4], "visits": [1] * 5}
    (nothing,) = pieces_of(warehouse, Query(sql, {"shop": "nobody's"}))
    assert (nothing.num_rows, nothing.schema.names) == (0, ["number", "visits"])


def test_an_input_wins_over_a_table_and_an_unknown_name_is_refused(warehouse: Warehouse) -> None:
    fill(warehouse, "a", 5, "n")
    shops = warehouse.query("SELECT shop FROM visits", {}, {"visits": pa.table({"shop": ["x"]})})
    assert shops.to_pylist() == [{"shop": "x"}]
    with pytest.raises(TableSchemaError, match="visitors"):
        warehouse.query("SELECT * FROM visitors", {})


def test_a_new_nullable_column_is_added_and_every_other_change_refused(warehouse: Warehouse) -> None:
    warehouse.append_once(NOTES, pa.table({"number": [1], "who": ["a"]}))
    wider = Table(
        "notes", "Wider.", {"number": "int64", "who": "string", "labels": "strings", "score": "float64"}, ("number",)
    )
    warehouse.create_tables([wider])
    warehouse.append_once(wider, pa.table({"number": [2], "who": ["b"], "labels": [["x"]], "score": [0.5]}))
    assert warehouse.read(wider, None, ["number", "score"])["score"].to_pylist() == [None, 0.5]
    for columns in ({"number": "int64"}, {"number": "int64", "who": "int64"}):
        with pytest.raises(TableSchemaError, match="keep the old names"):
            warehouse.create_tables([Table("notes", "Changed.", columns, key=("number",))])


def test_an_upgrade_raises_the_schema_version_once_and_an_older_release_is_refused(warehouse: Warehouse) -> None:
    warehouse.append_once(NOTES, pa.table({"number": [1], "who": ["a"]}))
    wider = replace(NOTES, columns={**NOTES.columns, "score": "float64"}, schema_version=2)
    side_by_side([lambda: warehouse.create_tables([wider])] * 4)
    with pytest.raises(TableSchemaError, match="notes in schema version 1 or an earlier one") as refused:
        warehouse.create_tables([NOTES])
    assert "version 2: a newer release wrote it" in str(refused.value)
    warehouse.create_tables([wider])
    warehouse.create_tables([replace(wider, schema_version=3)])
    with pytest.raises(TableSchemaError, match="version 3: a newer release wrote it"):
        warehouse.create_tables([wider])
    assert warehouse.read(wider).to_pylist() == [{"number": 1, "who": "a", "score": None}]


def test_an_older_table_that_cannot_be_migrated_is_named_with_both_versions(warehouse: Warehouse) -> None:
    changed = replace(NOTES, columns={"number": "int64", "who": "int64"}, schema_version=2)
    with pytest.raises(TableSchemaError, match=r"notes with the columns stored .* \(schema version 1\)") as refused:
        warehouse.create_tables([changed])
    assert "schema version 2: changed or dropped: ['who']" in refused.value.found
    warehouse.create_tables([NOTES])


def test_labels_keep_the_schema_version_beside_those_of_others_and_none_counts_as_1(
    on_bigquery: BigQueryWarehouse,
) -> None:
    client, name = on_bigquery.jobs.client, on_bigquery.jobs.table_id("notes")
    on_bigquery.create_tables([NOTES])
    labels = client.get_table(name).labels
    assert labels["schema_version"] == "1"
    stored = client.get_table(name)
    stored.labels = {**dict.fromkeys(labels), "team": "growth"}
    client.update_table(stored, ["labels"])
    assert client.get_table(name).labels == {"team": "growth"}
    on_bigquery.create_tables([NOTES])
    assert client.get_table(name).labels == {**labels, "team": "growth"}
    on_bigquery.create_tables([replace(NOTES, schema_version=2)])
    assert client.get_table(name).labels == {**labels, "team": "growth", "schema_version": "2"}


def test_a_table_that_is_known_to_be_as_declared_is_not_looked_at_again(
    on_bigquery: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task has forty tables and asks for each only where the list of all says that it is another."""
    client, asked = on_bigquery.jobs.client, []
    monkeypatch.setattr(client, "get_table", lambda name: asked.append(name) or type(client).get_table(client, name))
    on_bigquery.create_tables([NOTES, VISITS, KINDS])
    on_bigquery.create_tables([NOTES, VISITS, KINDS])
    asked.clear()
    on_bigquery.create_tables([NOTES, VISITS, KINDS])
    assert asked == []
    wider = replace(NOTES, columns={**NOTES.columns, "score": "float64"})
    on_bigquery.create_tables([wider, VISITS, KINDS])
    assert asked == [on_bigquery.jobs.table_id("notes")]


def test_for_a_reader_a_table_that_no_run_made_yet_is_empty_and_is_not_made(warehouse: Any) -> None:
    fill(warehouse, "a", 2, "n")
    later = replace(KINDS, name="later")
    reader = replace(warehouse, only_reads=True, _known={"visits": VISITS, "later": later})
    for _ in range(2):
        nothing = reader.read(later, {"day": DAY}, ["words", "count"])
        assert nothing.schema.equals(later.schema_of(["words", "count"]))
        assert nothing.num_rows == 0
        found = reader.query(
            "SELECT COUNT(*) AS visits, COUNT(later.count) AS later, COUNT(wanted.shop) AS wanted FROM visits\n"
            "LEFT JOIN later ON later.name = visits.shop AND later.day = visits.day AND later.small < 1\n"
            "LEFT JOIN wanted ON wanted.shop = visits.shop",
            {},
            {"wanted": pa.table({"shop": ["a"]})},
        )
        assert found.to_pylist() == [{"visits": 2, "later": 0, "wanted": 2}]
    warehouse.create_tables([later])
    warehouse.replace(later, {"day": DAY}, ROWS)
    assert reader.read(later, None, ["name"]).num_rows == len(VALUES)
    assert reader.query("SELECT COUNT(*) AS later FROM later", {}).to_pylist() == [{"later": len(VALUES)}]


def test_a_reader_makes_nothing_and_does_not_take_a_missing_dataset_for_an_empty_one(
    own_dataset: BigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = own_dataset
    for name, value in environment_for(settings).items():
        monkeypatch.setenv(name, value)
    reader = open_for_reading(load_settings(MachinerySettings), [NOTES])
    assert reader.read(NOTES).num_rows == 0
    assert reader.query("SELECT who FROM notes", {}).num_rows == 0
    client = opened(settings).jobs.client
    assert list(client.list_tables(f"{settings.project}.{settings.dataset}")) == []
    assert list(client.list_tables(f"{settings.project}.{settings.work_dataset}")) == []
    client.delete_dataset(f"{settings.project}.{settings.dataset}")
    with pytest.raises(SettingsError, match="create_dataset"):
        open_for_reading(load_settings(MachinerySettings)).read(NOTES)


def test_concurrent_writers_of_a_partition_leave_the_rows_of_one(warehouse: Warehouse) -> None:
    """The first write of a partition has nothing to delete: without a lock both would insert."""
    side_by_side([lambda note=note: fill(warehouse, "a", 3, note) for note in ("one", "two", "three")])
    notes = notes_of(warehouse, "a")
    assert len(notes) == 3
    assert len(set(notes)) == 1
    assert warehouse.version(VISITS) == 3


def test_rule_3_concurrent_appends_of_a_key_add_one_row(warehouse: Warehouse) -> None:
    added: list[int] = []

    def append(who: str) -> None:
        added.append(warehouse.append_once(NOTES, pa.table({"number": [1], "who": [who]})).rows)

    side_by_side([lambda who=who: append(who) for who in ("one", "two", "three")])
    assert sorted(added) == [0, 0, 1]
    assert warehouse.read(NOTES).num_rows == 1


def test_a_missing_dataset_is_a_setting_to_mend(on_bigquery: BigQueryWarehouse) -> None:
    warehouse, settings = on_bigquery, on_bigquery.jobs.settings
    warehouse.jobs.client.delete_dataset(f"{settings.project}.{settings.work_dataset}")
    with pytest.raises(SettingsError, match="create_dataset"):
        warehouse.create_tables([NOTES])


def side_by_side(writes: list[Callable[[], Any]]) -> None:
    """Run all at once; an error of any is an error."""
    failed: list[BaseException] = []

    def run(write: Callable[[], Any]) -> None:
        try:
            write()
        except BaseException as error:  # noqa: BLE001 (a thread's error would be lost)
            failed.append(error)

    threads = [threading.Thread(target=run, args=(write,)) for write in writes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
