"""Quarantined events are let in by a person: found, refused in words, recorded once, and rebuilt."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.recommender.ingest import ingest_day
from include.recommender.operations import readmit_quarantined_rows
from include.recommender.tables import EVENTS
from include.retraining.errors import ReadmissionError
from include.retraining.landing import MARKER
from include.retraining.operation import Operation
from include.retraining.quality.privacy import keyed_hash
from include.retraining.tables import QUARANTINED_ROWS, READMISSIONS
from tests.recommender.published_lists import put_statistics

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.workspace import Workspace

DAY = date(2026, 3, 10)
LATE = date(2026, 3, 1)


def landed(event_id: str, day: date = DAY - timedelta(days=1), **change: str | None) -> dict[str, str | None]:
    return {
        "event_id": event_id, "user_id": "u1", "item_id": "i1", "event_type": "view",
        "occurred_at": f"{day}T12:00:00Z", "value": "1.5", **change,
    }  # fmt: skip


@pytest.fixture
def recommender(workspace: Workspace[RecommenderSettings]) -> Workspace[RecommenderSettings]:
    """A delivery with one good event, two that came too late, one of somebody's mail address, and one of nobody."""
    folder = workspace.landing.day_folder("events", DAY)
    folder.mkdir(parents=True)
    rows = [
        landed("good"), landed("late 1", LATE), landed("late 2", LATE + timedelta(days=1)),
        landed("mail", user_id="ann@example.org"), landed("nobody", user_id=None),
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), folder / "part.parquet")
    (folder / MARKER).touch()
    ingest_day(workspace.warehouse, workspace.landing, workspace.settings, DAY)
    return workspace


def row_ids(warehouse: LocalWarehouse, rule: str) -> list[str]:
    return list(warehouse.read(QUARANTINED_ROWS, {"reason": rule}, ["row_id"])["row_id"].to_pylist())


def readmit(
    recommender: Workspace[RecommenderSettings],
    row_ids: str | None = None,
    rule: str | None = None,
    arrived_from: str | None = None,
    arrived_until: str | None = None,
    dry_run: bool = False,
) -> str:
    manual = Operation("run", "on-call", "the sender was down", dry_run)
    return readmit_quarantined_rows(manual, recommender, row_ids, rule, arrived_from, arrived_until)


def test_rows_named_by_id_are_let_in_with_who_and_why(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    ids = row_ids(warehouse, "too_late")
    report = readmit(recommender, "\n".join(ids) + "\n")
    rows = warehouse.read(READMISSIONS).to_pylist()
    assert sorted(row["row_id"] for row in rows) == sorted(ids)
    assert {(row["who"], row["why"], row["reason"]) for row in rows} == {("on-call", "the sender was down", "too_late")}
    assert "event dates to rebuild: 2026-03-01, 2026-03-02" in report
    assert "Trigger recommender_daily with As-of date 2026-03-10" in report


def test_the_next_run_takes_them_in(recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse) -> None:
    readmit(recommender, rule="too_late")
    ingest_day(warehouse, recommender.landing, recommender.settings, DAY)
    assert sorted(warehouse.read(EVENTS)["event_id"].to_pylist()) == ["good", "late 1", "late 2"]


def test_a_dry_run_shows_the_rows_and_writes_none(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    report = readmit(recommender, rule="user_id_looks_personal", dry_run=True)
    assert report.startswith("Dry run, nothing was changed.")
    assert "rows that are let in: 1" in report
    assert "ann@example.org" not in report
    assert '"user_id": "h:' in report
    assert warehouse.read(READMISSIONS).num_rows == 0


def test_a_report_shows_the_user_as_a_hash_and_the_rest_as_landed(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    """Reports stay in Airflow's logs and database, where an erasure does not look."""
    report = readmit(recommender, rule="too_late", dry_run=True)
    assert '"u1"' not in report
    assert f'"user_id": "{keyed_hash("u1", "for tests")}"' in report
    assert '"event_id": "late 1"' in report


def test_a_rule_takes_what_arrived_within_the_dates(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    with pytest.raises(ReadmissionError, match="no event in quarantine for too_late from 2026-03-11 to now"):
        readmit(recommender, rule="too_late", arrived_from="2026-03-11")
    readmit(recommender, rule="too_late", arrived_from="2026-03-10", arrived_until="2026-03-10")
    assert warehouse.read(READMISSIONS).num_rows == 2


def test_what_was_readmitted_before_is_said_and_not_added(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    (first, second) = row_ids(warehouse, "too_late")
    readmit(recommender, first)
    report = readmit(recommender, f"{first} {second}")
    assert "rows that are let in: 1" in report
    assert f"already readmitted, nothing to add: {first} by on-call" in report
    ingest_day(warehouse, recommender.landing, recommender.settings, DAY)
    assert row_ids(warehouse, "too_late") == []
    again = readmit(recommender, first)
    assert again.startswith("Nothing to do"), "known, though it is in quarantine no more"
    assert warehouse.read(READMISSIONS).num_rows == 2


def test_an_unknown_id_is_refused_with_the_nearest_and_nothing_is_written(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    (first, second) = row_ids(warehouse, "too_late")
    with pytest.raises(ReadmissionError) as error:
        readmit(recommender, f"{first} {second[:-3]}")
    assert f"{second[:-3]}; near {second[:-3]}: {second}" in error.value.found
    assert first in error.value.expected
    assert warehouse.read(READMISSIONS).num_rows == 0


def test_many_unknown_ids_are_refused_at_once(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    valid = row_ids(warehouse, "too_late")[0]
    wrong = [f"{valid[:-3]}{number:03}" for number in range(100, 200)]
    with pytest.raises(ReadmissionError) as error:
        readmit(recommender, "\n".join(wrong))
    assert error.value.found.startswith(", ".join(wrong))
    assert error.value.found.count("near ") == 3


def test_a_user_among_the_row_ids_is_told_by_a_hash(recommender: Workspace[RecommenderSettings]) -> None:
    put_statistics(recommender.warehouse, DAY, "u1")
    with pytest.raises(ReadmissionError) as error:
        readmit(recommender, "u1")
    assert error.value.found == f"{(u1 := keyed_hash('u1', 'for tests'))}; {u1}: a user has this id"


@pytest.mark.parametrize(("given", "found"), [({}, "neither"), ({"row_ids": "a", "rule": "too_late"}, "both")])
def test_one_way_to_choose_rows_is_asked_for(
    recommender: Workspace[RecommenderSettings], given: dict[str, str], found: str
) -> None:
    with pytest.raises(ReadmissionError, match=found):
        readmit(recommender, **given)


def test_a_rule_that_does_not_exist_is_answered_with_those_that_do(
    recommender: Workspace[RecommenderSettings],
) -> None:
    with pytest.raises(ReadmissionError, match="too_late, event_type_missing"):
        readmit(recommender, rule="to_late")


def test_what_no_rebuild_would_let_in_is_refused(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    with pytest.raises(ReadmissionError, match="is no event"):
        readmit(recommender, "\n".join(row_ids(warehouse, "too_late") + row_ids(warehouse, "user_id_missing")))
    assert warehouse.read(READMISSIONS).num_rows == 0


def test_rows_of_a_repeated_id_are_refused_with_the_setting_that_lets_them_in(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    folder = recommender.landing.day_folder("events", DAY)
    pq.write_table(pa.Table.from_pylist([landed("good", item_id="i2")]), folder / "order.parquet")
    ingest_day(warehouse, recommender.landing, recommender.settings, DAY)
    with pytest.raises(ReadmissionError, match=r'ingest\.deduplicate = "content"'):
        readmit(recommender, rule="event_id_repeated")


def test_a_row_without_a_readable_time_is_left_out_and_said(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    folder = recommender.landing.day_folder("events", DAY)
    rows = [landed("mail of no time", user_id="bob@example.org", occurred_at="yesterday")]
    pq.write_table(pa.Table.from_pylist(rows), folder / "undated.parquet")
    ingest_day(warehouse, recommender.landing, recommender.settings, DAY)
    quarantined = warehouse.read(QUARANTINED_ROWS, {"reason": "user_id_looks_personal"}).to_pylist()
    (undated,) = [row["row_id"] for row in quarantined if row["event_date"] is None]
    report = readmit(recommender, rule="user_id_looks_personal")
    assert "rows that are let in: 1" in report
    assert "event dates to rebuild: 2026-03-09\n" in report
    assert f"no rebuild lets in a row without a readable time: {undated}" in report
    assert undated not in warehouse.read(READMISSIONS)["row_id"].to_pylist()
    assert readmit(recommender, undated).startswith("Nothing to do")


def test_a_date_that_is_none_is_refused(recommender: Workspace[RecommenderSettings]) -> None:
    with pytest.raises(ReadmissionError, match="YYYY-MM-DD"):
        readmit(recommender, rule="too_late", arrived_from="yesterday")
