"""A person is gone from every table and every version of it; everybody else is as before."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.recommender.ingest import ingest_dates
from include.recommender.operations import forget_user, verify_forgotten
from include.recommender.tables import EVENTS, RECOMMENDER_TABLES, TRAINING_SET, USER_RECOMMENDATIONS, USER_STATS
from include.retraining.content_hash import content_hash
from include.retraining.erasure import personal_tables
from include.retraining.errors import ErasureError, StepSkipped
from include.retraining.landing import MARKER
from include.retraining.operation import Operation
from include.retraining.quality.privacy import keyed_hash
from include.retraining.tables import DATA_QUALITY_RESULTS, ERASED_ROWS, ERASURES, QUARANTINED_ROWS, READMISSIONS
from tests.byte_search import files_with

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table
    from include.retraining.workspace import Workspace

DAY, NEXT_DAY = date(2026, 3, 10), date(2026, 3, 11)
GONE, STAYS = "person-0007", "person-0008"
HASH = keyed_hash(GONE, "for tests")
VALUES: dict[str, Any] = {
    "string": "x", "int64": 1, "float32": 1.0, "float64": 1.0, "bool": True, "date": DAY, "strings": ["x"],
    "timestamp": datetime(2026, 3, 10, tzinfo=UTC),
}  # fmt: skip


def manual(dry_run: bool = False, run_id: str = "run 1") -> Operation:
    return Operation(run_id, "dpo", "asked by letter", dry_run)


def row_of(table: Table, **change: Any) -> dict[str, Any]:
    return {name: VALUES[kind] for name, kind in table.columns.items()} | change


def put(warehouse: LocalWarehouse, table: Table, rows: list[dict[str, Any]]) -> None:
    arrow = pa.Table.from_pylist(rows, schema=table.schema)
    if table.partition:
        warehouse.replace(table, {name: sorted({row[name] for row in rows}) for name in table.partition}, arrow)
    else:
        warehouse.append_once(table, arrow)


def quarantined(user_id: str, row_id: str) -> dict[str, Any]:
    landed_row = json.dumps({"user_id": user_id, "item_id": GONE[-4:]})
    return row_of(QUARANTINED_ROWS, arrival_date=NEXT_DAY, source="events", row_id=row_id, landed_row=landed_row)


def fill(warehouse: LocalWarehouse, *user_ids: str) -> None:
    """Each table with a user_id gets a row of each user; the person also has a quarantined and a readmitted one."""
    for table in RECOMMENDER_TABLES:
        if "user_id" in table.columns:
            by_row = "row_id" in table.columns
            named = [{"user_id": user} | ({"row_id": f"row of {user}"} if by_row else {}) for user in user_ids]
            put(warehouse, table, [row_of(table, **change) for change in named])
    put(warehouse, QUARANTINED_ROWS, [quarantined(user, f"late row of {user}") for user in user_ids])
    put(warehouse, READMISSIONS, [row_of(READMISSIONS, row_id=f"late row of {user}") for user in user_ids])
    samples = [f"row of {user}" for user in user_ids] + [f"for_you/{user}/i1" for user in user_ids]
    put(warehouse, DATA_QUALITY_RESULTS, [row_of(DATA_QUALITY_RESULTS, sample_keys=samples)])


def contents(warehouse: LocalWarehouse) -> dict[str, str]:
    tables = [table for table in personal_tables(RECOMMENDER_TABLES) if table is not DATA_QUALITY_RESULTS]
    return {table.name: content_hash(table, warehouse.read(table)) for table in tables}


@pytest.fixture
def recommender(workspace: Workspace[RecommenderSettings]) -> Workspace[RecommenderSettings]:
    fill(workspace.warehouse, GONE, STAYS)
    return workspace


def files_of(recommender: Workspace[RecommenderSettings]) -> Path:
    return recommender.warehouse.folder


def test_the_id_is_found_nowhere_and_everybody_else_is_as_before(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    names = {Path(name).parts[0] for name in files_with(warehouse.folder, GONE)}
    assert names == {table.name for table in personal_tables(RECOMMENDER_TABLES)}, "the search finds what is there"
    report = forget_user(manual(), recommender, f" {GONE} ")
    assert files_with(warehouse.folder, GONE) == []
    after = contents(warehouse)
    for table in RECOMMENDER_TABLES:
        if "user_id" in table.columns:
            assert warehouse.read(table)["user_id"].to_pylist() == [STAYS]
    fill(warehouse, STAYS)
    assert contents(warehouse) == after
    assert HASH in report
    assert GONE not in report
    assert verify_forgotten(manual(), recommender, GONE)


def test_old_versions_and_other_partitions_go_too(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    """A partition that was replaced since still lies on the disk."""
    put(warehouse, USER_STATS, [row_of(USER_STATS, user_id=STAYS)])
    put(warehouse, TRAINING_SET, [row_of(TRAINING_SET, user_id=GONE, as_of_date=NEXT_DAY)])
    forget_user(manual(), recommender, GONE)
    assert files_with(warehouse.folder, GONE) == []


def test_samples_in_check_results_lose_the_person_and_keep_the_others(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    forget_user(manual(), recommender, GONE)
    (row,) = warehouse.read(DATA_QUALITY_RESULTS).to_pylist()
    assert row["sample_keys"] == ["(erased)", f"row of {STAYS}", "(erased)", f"for_you/{STAYS}/i1"]


def test_an_item_of_the_same_id_stays(recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse) -> None:
    put(warehouse, EVENTS, [row_of(EVENTS, event_date=NEXT_DAY, user_id=STAYS, item_id=GONE)])
    forget_user(manual(), recommender, GONE)
    assert warehouse.read(EVENTS, {"item_id": GONE}).num_rows == 1


def test_a_dry_run_says_the_same_and_changes_nothing(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    before = sorted(warehouse.folder.rglob("*"))
    dry = forget_user(manual(dry_run=True), recommender, GONE)
    assert sorted(warehouse.folder.rglob("*")) == before
    assert dry.startswith("Dry run, nothing was changed.")
    counted = [line for line in dry.splitlines() if re.fullmatch(r"- \w+: \d+", line)]
    assert len(counted) == len(personal_tables(RECOMMENDER_TABLES))
    done = forget_user(manual(), recommender, GONE).splitlines()
    assert [line for line in done if re.fullmatch(r"- \w+: \d+", line)] == counted
    with pytest.raises(StepSkipped):
        verify_forgotten(manual(dry_run=True), recommender, GONE)


def test_the_audit_table_says_who_why_and_how_much_without_the_id(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    forget_user(manual(), recommender, GONE)
    forget_user(manual(), recommender, GONE)  # a retry
    rows = warehouse.read(ERASURES).to_pylist()
    assert [(row["kind"], row["user_hash"], row["who"], row["why"]) for row in rows] == [
        ("erased", HASH, "dpo", "asked by letter"),
        ("requested", HASH, "dpo", "asked by letter"),
    ]
    assert json.loads(rows[0]["rows"])["user_recommendations"] == 1


def test_the_keyed_hash_does_instead_of_the_id(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    forget_user(manual(), recommender, HASH)
    assert files_with(warehouse.folder, GONE) == []


def test_a_hash_is_looked_up_without_a_table_of_users_in_memory(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty dates of six million pairs each would take more memory than a machine has."""
    read = warehouse.read

    def read_some(table: Table, where: Any = None, columns: Any = None) -> pa.Table:
        assert where or "user_id" not in table.columns, f"all of {table.name}"
        return read(table, where, columns)

    monkeypatch.setattr(warehouse, "read", read_some)
    assert HASH in forget_user(manual(dry_run=True), recommender, HASH)


@pytest.mark.parametrize("given", [HASH, GONE])
def test_a_person_who_is_in_quarantine_only_is_found_by_hash_and_by_id(
    workspace: Workspace[RecommenderSettings], warehouse: LocalWarehouse, given: str
) -> None:
    put(warehouse, QUARANTINED_ROWS, [quarantined(f" {GONE} ", "late row"), quarantined(STAYS, "other row")])
    put(warehouse, READMISSIONS, [row_of(READMISSIONS, row_id=row_id) for row_id in ("late row", "other row")])
    with pytest.raises(ErasureError, match="1 in quarantined_rows, 1 in readmissions"):
        verify_forgotten(manual(), workspace, given)
    forget_user(manual(), workspace, given)
    assert files_with(warehouse.folder, GONE) == []
    assert warehouse.read(QUARANTINED_ROWS)["row_id"].to_pylist() == ["other row"]
    assert warehouse.read(READMISSIONS)["row_id"].to_pylist() == ["other row"]
    assert verify_forgotten(manual(), workspace, given)


def test_what_publications_lose_is_recorded_once(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later try finds nothing of the person in what an earlier one went through."""
    with monkeypatch.context() as once:
        once.setattr(warehouse, "vacuum", die)
        with pytest.raises(KeyboardInterrupt):
            forget_user(manual(), recommender, GONE)
    forget_user(manual(), recommender, GONE)
    put(warehouse, USER_RECOMMENDATIONS, [row_of(USER_RECOMMENDATIONS, user_id=GONE, publication_id="later")])
    forget_user(manual(), recommender, GONE)
    rows = warehouse.read(ERASED_ROWS).to_pylist()
    assert [(row["user_hash"], row["publication_id"], row["table_name"], row["rows"]) for row in rows] == [
        (HASH, "later", "user_recommendations", 1), (HASH, "x", "user_recommendations", 1),
    ]  # fmt: skip


def die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_user_nobody_knows_is_refused_without_a_trace(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    with pytest.raises(ErasureError, match="check the spelling") as error:
        forget_user(manual(), recommender, "person-0009")
    assert "person-0009" not in str(error.value)
    assert warehouse.read(ERASURES).num_rows == 0


@pytest.mark.parametrize("user_id", ["", "  ", "*"])
def test_everybody_is_nobody_to_forget(recommender: Workspace[RecommenderSettings], user_id: str) -> None:
    with pytest.raises(ErasureError, match="the id of one user"):
        forget_user(manual(), recommender, user_id)


def test_who_was_forgotten_before_is_said_in_words(recommender: Workspace[RecommenderSettings]) -> None:
    forget_user(manual(), recommender, GONE)
    assert "was asked for before: erased" in forget_user(manual(run_id="run 2"), recommender, GONE)


def test_rows_that_a_run_wrote_back_are_found(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    forget_user(manual(), recommender, GONE)
    put(warehouse, USER_STATS, [row_of(USER_STATS, user_id=GONE)])
    with pytest.raises(ErasureError, match="1 in user_stats"):
        verify_forgotten(manual(), recommender, GONE)


@pytest.mark.parametrize("killed_at", ["readmissions", "quarantined_rows", "user_stats", "events", "vacuum"])
def test_a_task_killed_on_the_way_goes_on_where_it_ended(
    recommender: Workspace[RecommenderSettings],
    warehouse: LocalWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    killed_at: str,
) -> None:
    """Rule 3."""
    delete = warehouse.delete

    def die(table: Table, *arguments: Any, **named: Any) -> Any:
        if killed_at in (table.name, "vacuum"):
            raise KeyboardInterrupt
        return delete(table, *arguments)

    with monkeypatch.context() as once:
        once.setattr(warehouse, "vacuum" if killed_at == "vacuum" else "delete", die)
        with pytest.raises(KeyboardInterrupt):
            forget_user(manual(), recommender, GONE)
    assert files_with(warehouse.folder, GONE)
    forget_user(manual(), recommender, GONE)
    assert files_with(warehouse.folder, GONE) == []
    assert warehouse.read(READMISSIONS)["row_id"].to_pylist() == [f"late row of {STAYS}"]
    (row,) = warehouse.read(DATA_QUALITY_RESULTS).to_pylist()
    assert f"row of {GONE}" not in row["sample_keys"]
    assert sorted(warehouse.read(ERASURES)["kind"].to_pylist()) == ["erased", "requested"]


def test_a_rebuild_from_landed_files_does_not_bring_the_person_back(
    workspace: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    land(workspace, GONE, STAYS, GONE)
    ingest_dates(warehouse, workspace.landing, workspace.settings, [DAY], NEXT_DAY)
    report = forget_user(manual(), workspace, GONE)
    assert "events/2026-03-11/part.parquet: 2 rows" in report
    ingest_dates(warehouse, workspace.landing, workspace.settings, [DAY], NEXT_DAY)
    assert warehouse.read(EVENTS)["user_id"].to_pylist() == [STAYS]
    assert files_with(warehouse.folder, GONE) == []


def test_a_person_of_landed_files_only_is_left_out_from_then_on(
    workspace: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    land(workspace, GONE, STAYS)
    forget_user(manual(), workspace, GONE)
    ingest_dates(warehouse, workspace.landing, workspace.settings, [DAY], NEXT_DAY)
    assert warehouse.read(EVENTS)["user_id"].to_pylist() == [STAYS]


def test_a_delivery_that_cannot_be_read_is_named_and_stops_nobody(
    recommender: Workspace[RecommenderSettings],
) -> None:
    land(recommender, GONE)
    (recommender.landing.day_folder("events", NEXT_DAY) / "part.parquet").write_bytes(b"torn")
    assert "events/2026-03-11 (cannot be read)" in forget_user(manual(), recommender, GONE)


def land(workspace: Workspace[RecommenderSettings], *user_ids: str) -> None:
    folder = workspace.landing.day_folder("events", NEXT_DAY)
    folder.mkdir(parents=True)
    rows = [
        {
            "event_id": str(number), "user_id": user, "item_id": "i1", "event_type": "view",
            "occurred_at": f"{DAY}T12:00:00Z",
        }
        for number, user in enumerate(user_ids)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), folder / "part.parquet")
    (folder / MARKER).touch()
