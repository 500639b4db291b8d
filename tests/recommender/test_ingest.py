"""From landed files to events and items: what lands where, what is turned away, and that nothing is ever lost."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.recommender import ingest as ingest_module
from include.recommender.ingest import Ingested, ingest_dates, ingest_day
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import EVENTS, ITEMS
from include.retraining.content_hash import content_hash
from include.retraining.errors import LandedDataError
from include.retraining.landing import MARKER, LandingZone
from include.retraining.quality.privacy import keyed_hash
from include.retraining.tables import QUARANTINED_ROWS, READMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.retraining.warehouse.local import LocalWarehouse

DAY = date(2026, 3, 10)
Row = dict[str, str | None]


def back(days: int) -> date:
    return DAY - timedelta(days=days)


def row(event_id: str | None, day: date, **change: str | None) -> Row:
    """A landed event at noon UTC."""
    return {
        "event_id": event_id, "user_id": "u1", "item_id": "i1", "event_type": "view",
        "occurred_at": f"{day}T12:00:00Z", "value": "1.5", **change,
    }  # fmt: skip


@dataclass
class Zone:
    """A landing zone and a warehouse, and the few things the tests do with them."""

    warehouse: LocalWarehouse
    landing: LandingZone
    settings: RecommenderSettings

    def land(
        self, day: date, *rows: Row, kind: str = "events", file: str = "part.parquet", closed: bool = True
    ) -> None:
        folder = self.landing.day_folder(kind, day)
        folder.mkdir(parents=True, exist_ok=True)
        if rows:
            write_file(folder / file, list(rows))
        if closed:
            (folder / MARKER).touch()

    def items(self, day: date, *rows: Row, file: str = "items.parquet") -> None:
        self.land(day, *rows, kind="items", file=file)

    def ingest(self, day: date = DAY) -> Ingested:
        return ingest_day(self.warehouse, self.landing, self.settings, day)

    def events(self, *columns: str) -> list[Any]:
        rows = self.warehouse.read(EVENTS).select(list(columns)).to_pylist()
        return [tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in rows]

    def ids(self) -> list[str]:
        return sorted(self.events("event_id"))

    def catalogue(self, day: date = DAY) -> dict[str, dict[str, Any]]:
        return {row["item_id"]: row for row in self.warehouse.read(ITEMS, {"snapshot_date": day}).to_pylist()}

    def quarantine(self) -> list[dict[str, Any]]:
        return self.warehouse.read(QUARANTINED_ROWS).to_pylist()

    def reasons(self) -> list[str]:
        return sorted(row["reason"] for row in self.quarantine())

    def readmit(self, refused: dict[str, Any]) -> None:
        row = {name: refused[name] for name in ("row_id", "arrival_date", "event_date", "reason")}
        row |= {"who": "on-call", "readmitted_at": datetime(2026, 3, 1, tzinfo=UTC)}
        self.warehouse.append_once(READMISSIONS, pa.Table.from_pylist([row], schema=READMISSIONS.schema))

    def hashes(self) -> list[str]:
        return [content_hash(table, self.warehouse.read(table)) for table in (EVENTS, ITEMS, QUARANTINED_ROWS)]


def write_file(path: Path, rows: list[Row]) -> None:
    if path.name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
        return
    text = io.StringIO()
    if ".csv" in path.name:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    else:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def zone(warehouse: LocalWarehouse, settings: RecommenderSettings, tmp_path: Path) -> Zone:
    return Zone(warehouse, LandingZone(tmp_path / "landing"), settings)


@pytest.fixture
def zone_with(zone: Zone) -> Callable[..., Zone]:
    def change(**sections: Any) -> Zone:
        zone.settings = RecommenderSettings(**sections)
        return zone

    return change


def test_an_event_of_yesterday_lands_in_its_own_date_with_every_value(zone: Zone) -> None:
    zone.land(DAY, row("a", back(1), value="2.25"))
    assert zone.ingest() == Ingested(event_dates=4, events=1, quarantined=0, item_snapshots=0)
    (found,) = zone.warehouse.read(EVENTS).to_pylist()
    assert found.pop("row_id")
    assert found == {
        "event_date": back(1), "arrival_date": DAY, "event_id": "a", "user_id": "u1", "item_id": "i1",
        "event_type": "view", "occurred_at": datetime(2026, 3, 9, 12, tzinfo=UTC), "value": 2.25,
    }  # fmt: skip


def test_texts_are_trimmed_and_empty_ones_count_as_missing(zone: Zone) -> None:
    zone.land(DAY, row("  a ", back(1), user_id=" u1 ", value=""), row("b", back(1), item_id="   "))
    zone.ingest()
    assert zone.events("event_id", "user_id", "value") == [("a", "u1", None)]
    assert zone.reasons() == ["item_id_missing"]


def test_a_late_event_lands_in_its_own_date_and_keeps_its_arrival_date(zone: Zone) -> None:
    zone.land(back(1), row("on_time", back(2)))
    zone.land(DAY, row("late", back(2)), row("latest", back(4)))
    zone.ingest()
    assert sorted(zone.events("event_id", "event_date", "arrival_date")) == [
        ("late", back(2), DAY),
        ("latest", back(4), DAY),
        ("on_time", back(2), back(1)),
    ]


def test_an_event_later_than_lookback_days_is_quarantined_as_too_late(zone: Zone) -> None:
    assert zone.settings.ingest.lookback_days == 3
    zone.land(DAY, row("just_in_time", back(4)), row("too_late", back(5)))
    zone.ingest()
    assert zone.ids() == ["just_in_time"]
    (refused,) = zone.quarantine()
    assert (refused["reason"], refused["event_date"], refused["arrival_date"]) == ("too_late", back(5), DAY)
    assert json.loads(refused["landed_row"])["event_id"] == "too_late"
    assert refused["file"] == f"events/{DAY}/part.parquet"


def test_lookback_days_is_a_setting(zone_with: Callable[..., Zone]) -> None:
    zone = zone_with(ingest={"lookback_days": 0})
    zone.land(DAY, row("on_time", back(1)), row("late", back(2)))
    zone.ingest()
    assert (zone.ids(), zone.reasons()) == (["on_time"], ["too_late"])


# Four rows: b twice with another value, one without an id twice, one with the content of a under another id.
COPIES = (
    row("a", DAY - timedelta(days=2)),
    row("b", DAY - timedelta(days=2), value="1"),
    row("b", DAY - timedelta(days=2), value="2"),
    row(None, DAY - timedelta(days=2), value="3"),
    row(None, DAY - timedelta(days=2), value="3"),
    row("c", DAY - timedelta(days=2)),
)


@pytest.mark.parametrize(("by", "kept"), [("event_id", 4), ("content", 4), ("none", 6)])
def test_copies_collapse_by_event_id_by_content_or_not_at_all(
    zone_with: Callable[..., Zone], by: str, kept: int
) -> None:
    zone = zone_with(ingest={"deduplicate": by})
    zone.land(back(1), *COPIES)
    assert zone.ingest().events == kept
    assert zone.events("event_id").count("b") == {"event_id": 1, "content": 2, "none": 2}[by]
    assert zone.events("event_id").count(None) == {"event_id": 1, "content": 1, "none": 2}[by]


@pytest.mark.parametrize(("by", "kept"), [("event_id", 1), ("content", 1), ("none", 2)])
def test_a_copy_in_a_later_delivery_collapses_into_the_first_to_arrive(
    zone_with: Callable[..., Zone], by: str, kept: int
) -> None:
    zone = zone_with(ingest={"deduplicate": by})
    zone.land(back(1), row("a", back(2)))
    zone.ingest(back(1))
    zone.land(DAY, row("a", back(2)))
    zone.ingest()
    arrivals = zone.events("arrival_date")
    assert (len(arrivals), min(arrivals)) == (kept, back(1))


@pytest.mark.parametrize(("by", "kept"), [("event_id", 2), ("content", 2), ("none", 4)])
def test_the_same_file_twice_in_a_delivery_counts_once_unless_copies_are_wanted(
    zone_with: Callable[..., Zone], by: str, kept: int
) -> None:
    zone = zone_with(ingest={"deduplicate": by})
    for file in ("part.parquet", "part-again.parquet"):
        zone.land(DAY, row("a", back(1)), row(None, back(1), value="7"), file=file)
    assert zone.ingest().events == kept
    assert len(set(zone.events("row_id"))) == kept


def order(item_id: str, **change: str | None) -> Row:
    return row("order 1", back(1), **{"item_id": item_id, **change})


def test_rows_of_one_id_that_are_no_copies_are_refused_by_name_and_none_is_lost(zone: Zone) -> None:
    """An order id is not an event id: of an order of three items two would be gone, and nobody told."""
    lines = [order("i1"), order("i2"), order("i3"), order("i1", value="2"), row("b", back(1))]
    zone.land(DAY, *lines)
    assert zone.ingest() == Ingested(event_dates=4, events=2, quarantined=len(zone.quarantine()), item_snapshots=0)
    kept = [item_id for event_id, item_id in zone.events("event_id", "item_id") if event_id == "order 1"]
    refused = {json.loads(refused["landed_row"])["item_id"] for refused in zone.quarantine()}
    assert sorted([*kept, *refused]) == ["i1", "i2", "i3"]
    assert set(zone.reasons()) == {"event_id_repeated"}


@pytest.mark.parametrize("change", [{"user_id": "u2"}, {"event_type": "like"}])
def test_another_user_or_type_is_no_copy_either(zone: Zone, change: dict[str, str]) -> None:
    zone.land(DAY, order("i1"), order("i1", **change))
    zone.ingest()
    assert (zone.ids(), zone.reasons()) == (["order 1"], ["event_id_repeated"])


@pytest.mark.parametrize("by", ["content", "none"])
def test_where_ids_do_not_count_an_order_id_may_repeat(zone_with: Callable[..., Zone], by: str) -> None:
    zone = zone_with(ingest={"deduplicate": by})
    zone.land(DAY, order("i1"), order("i2"), order("i3"))
    zone.ingest()
    assert (zone.ids(), zone.reasons()) == (["order 1"] * 3, [])


def test_rule_3_repeated_ids_are_the_same_rows_in_every_rebuild(zone: Zone) -> None:
    """Also where the delivery that an id came in first is not read any more."""
    for age in range(6):
        late = [row(f"late {age}", back(age + 3), item_id=item_id) for item_id in ("i1", "i2")]
        zone.land(back(age), *late, *(row(f"{age}", back(age + 1), item_id=item_id) for item_id in ("i1", "i2", "i3")))
    zone.ingest()
    at_once = zone.hashes()
    for age in (0, 5, 2, 4, 1, 3):
        zone.ingest(back(age))
    assert zone.hashes() == at_once
    assert len(zone.reasons()) == 6 * 3


def test_two_events_of_equal_content_but_different_ids_are_two_events(zone: Zone) -> None:
    zone.land(DAY, row("a", back(1)), row("b", back(1)))
    zone.ingest()
    assert zone.ids() == ["a", "b"]


@pytest.mark.parametrize("by", ["event_id", "none"])
def test_a_corrected_row_is_taken_although_the_first_one_was_refused(zone_with: Callable[..., Zone], by: str) -> None:
    zone = zone_with(ingest={"deduplicate": by})
    zone.land(back(1), row("a", back(2), user_id=None))
    zone.ingest(back(1))
    assert (zone.ids(), zone.reasons()) == ([], ["user_id_missing"])
    zone.land(DAY, row("a", back(2)))
    zone.ingest()
    assert zone.events("event_id", "arrival_date") == [("a", DAY)]
    assert zone.reasons() == ["user_id_missing"]


BROKEN = {
    "user_id_missing": {"user_id": None},
    "user_id_looks_personal": {"user_id": "jo@example.com"},
    "user_id_reserved": {"user_id": " * "},
    "item_id_missing": {"item_id": ""},
    "item_id_looks_personal": {"item_id": "+44 20 7946 0958"},
    "occurred_at_unreadable": {"occurred_at": "yesterday"},
    "dated_after_arrival": {"occurred_at": f"{DAY}T00:00:00Z"},
    "too_late": {"occurred_at": f"{DAY - timedelta(days=30)}T12:00:00Z"},
    "event_type_missing": {"event_type": None},
    "event_type_unknown": {"event_type": "teleported"},
    "value_unreadable": {"value": "a lot"},
    "value_not_finite": {"value": "nan"},
    "value_too_large": {"value": "1773057600000"},
}


def test_rule_6_bad_rows_are_kept_with_their_reason(zone_with: Callable[..., Zone]) -> None:
    zone = zone_with(ingest={"allowed_event_types": ["view", "like"]})
    zone.land(DAY, row("good", back(1)), *(row(name, back(1), **change) for name, change in BROKEN.items()))
    result = zone.ingest()
    assert (zone.ids(), result.quarantined) == (["good"], len(BROKEN))
    assert {json.loads(refused["landed_row"])["event_id"]: refused["reason"] for refused in zone.quarantine()} == {
        name: name for name in BROKEN
    }


def test_rule_6_a_refused_row_is_kept_as_it_landed(zone: Zone) -> None:
    zone.land(DAY, row("a", back(1), value="1,5", occurred_at="2026-03-09 08:15:00+09:00"))
    zone.ingest()
    (refused,) = zone.quarantine()
    assert json.loads(refused["landed_row"]) == row("a", back(1), value="1,5", occurred_at="2026-03-09 08:15:00+09:00")
    assert (refused["event_date"], refused["source"]) == (date(2026, 3, 8), "events")


BEYOND = [
    "infinity",
    "-infinity",
    "20250-10-01T10:00:00Z",
    "-2000-10-01T10:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01",
]


@pytest.mark.parametrize("timezone", ["Asia/Tokyo", "America/New_York"])
def test_rule_6_a_time_beyond_every_calendar_is_kept_as_it_landed(
    zone_with: Callable[..., Zone], timezone: str
) -> None:
    zone = zone_with(business={"timezone": timezone})
    zone.land(DAY, row("good", back(1)), *(row(time, back(1), occurred_at=time) for time in BEYOND))
    zone.items(DAY, {"item_id": "i1", "created_at": None}, *({"item_id": time, "created_at": time} for time in BEYOND))
    assert zone.ingest().quarantined == len(BEYOND)
    assert (zone.ids(), list(zone.catalogue())) == (["good"], ["i1"])
    kept = [(refused["reason"], json.loads(refused["landed_row"])) for refused in zone.quarantine()]
    assert sorted(landed["occurred_at"] for reason, landed in kept if reason == "occurred_at_unreadable") == sorted(
        BEYOND
    )
    assert sorted(landed["created_at"] for reason, landed in kept if reason == "created_at_unreadable") == sorted(
        BEYOND
    )


def test_rule_6_a_timestamp_of_the_wrong_unit_is_kept_as_duckdb_writes_it(zone: Zone) -> None:
    zone.land(DAY, row("good", back(1)))
    instant = int(datetime(2026, 3, 9, 12, tzinfo=UTC).timestamp())
    micros = pa.array([instant * 10**6], pa.timestamp("ms", "UTC"))
    rows = pa.Table.from_pylist([row("micros as millis", back(1))])
    path = zone.landing.day_folder("events", DAY) / "more.parquet"
    pq.write_table(rows.set_column(rows.column_names.index("occurred_at"), "occurred_at", micros), path)
    zone.ingest()
    (refused,) = zone.quarantine()
    assert (zone.ids(), refused["reason"], refused["event_date"]) == (["good"], "occurred_at_unreadable", None)
    assert json.loads(refused["landed_row"])["occurred_at"].endswith("+00")


def test_rule_6_personal_values_are_keyed_hashes_in_quarantine(zone: Zone) -> None:
    zone.land(DAY, row("a", back(1), user_id="jo@example.com", item_id="ann@example.com"))
    zone.ingest()
    (refused,) = zone.quarantine()
    landed = json.loads(refused["landed_row"])
    assert landed["user_id"] == keyed_hash("jo@example.com", "for tests")
    assert landed["item_id"] == keyed_hash("ann@example.com", "for tests")
    assert "@" not in json.dumps(refused, default=str)


def test_a_readmitted_row_joins_its_date_whatever_date_runs_next(zone: Zone) -> None:
    zone.land(back(19), row("there", back(20)))
    zone.land(DAY, row("too_late", back(20)), row("stays_out", back(20), value="9"))
    zone.ingest()
    refused = {json.loads(row["landed_row"])["event_id"]: row for row in zone.quarantine()}
    zone.readmit(refused["too_late"])
    zone.land(DAY + timedelta(days=9))
    zone.ingest(DAY + timedelta(days=9))
    assert sorted(zone.events("event_id", "event_date", "arrival_date")) == [
        ("there", back(20), back(19)),
        ("too_late", back(20), DAY),
    ]


@pytest.mark.parametrize("rebuilt_by", [DAY, DAY - timedelta(days=18), DAY + timedelta(days=2)])
def test_rule_6_every_rebuild_honours_a_readmission(zone: Zone, rebuilt_by: date) -> None:
    zone.land(back(19), row("there", back(20)))
    zone.land(DAY, row("too_late", back(20)))
    zone.ingest()
    zone.readmit(zone.quarantine()[0])
    zone.ingest()
    zone.ingest(rebuilt_by)
    assert zone.ids() == ["there", "too_late"]


def test_a_readmitted_row_leaves_the_quarantine_of_its_delivery(zone: Zone) -> None:
    zone.land(DAY, row("too_late", back(20)), row("other", back(20), user_id=None))
    zone.ingest()
    zone.readmit(next(row for row in zone.quarantine() if row["reason"] == "too_late"))
    zone.ingest()
    assert zone.reasons() == ["user_id_missing"]


def test_a_row_that_could_break_sums_is_never_readmitted(zone: Zone) -> None:
    zone.land(DAY, row("a", back(1), value="inf"))
    zone.ingest()
    zone.readmit(zone.quarantine()[0])
    zone.ingest()
    assert (zone.ids(), zone.reasons()) == ([], ["value_not_finite"])


def test_an_older_backfill_keeps_rows_that_arrived_later(zone: Zone) -> None:
    zone.land(back(4), row("on_time", back(5)))
    zone.land(back(1), row("late", back(5)))
    zone.ingest(back(1))
    before = zone.hashes()
    zone.ingest(back(4))
    assert zone.ids() == ["late", "on_time"]
    assert zone.hashes() == before


def test_a_delivery_that_no_run_took_in_is_picked_up_later(zone: Zone) -> None:
    for age in (30, 12):
        zone.land(back(age), row(f"of {age}", back(age + 1)))
    zone.land(DAY, row("of 0", back(1)))
    zone.ingest()
    assert zone.ids() == ["of 0", "of 12", "of 30"]


def test_a_delivery_picked_up_later_gives_its_late_rows_too(zone: Zone) -> None:
    zone.land(back(10), row("on_time", back(11)), row("late", back(14)), row("too_late", back(15)))
    zone.ingest()
    assert zone.ids() == ["late", "on_time"]
    assert zone.reasons() == ["too_late"]


def test_a_delivery_closed_after_its_neighbour_is_picked_up_although_its_date_has_rows(zone: Zone) -> None:
    zone.land(back(9), row("late", back(11)))
    zone.ingest(back(9))
    zone.land(back(10), row("on_time", back(11)))
    zone.ingest()
    assert zone.ids() == ["late", "on_time"]


def test_late_rows_are_taken_in_although_the_delivery_of_their_date_never_came(zone: Zone) -> None:
    zone.land(back(1), row("late", back(3)))
    zone.ingest(back(1))
    zone.land(DAY, row("later", back(3)))
    zone.ingest()
    assert zone.events("event_id", "event_date") == [("late", back(3)), ("later", back(3))]


def test_a_delivery_whose_rows_were_all_refused_comes_in_once_the_settings_are_mended(
    zone_with: Callable[..., Zone],
) -> None:
    zone = zone_with(ingest={"allowed_event_types": ["like"]})
    zone.land(back(31), row("liked", back(32), event_type="like"))
    zone.land(back(30), row("viewed", back(31)))
    zone.ingest(back(30))
    assert (zone.ids(), zone.reasons()) == (["liked"], ["event_type_unknown"])
    zone_with(ingest={"allowed_event_types": ["like", "view"]}).ingest()
    assert (zone.ids(), zone.reasons()) == (["liked", "viewed"], [])


@pytest.mark.parametrize("age", [3, 2])
def test_a_date_keeps_its_rows_where_a_delivery_of_them_is_gone(
    zone: Zone, age: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(ingest_module.logger, "warning", lambda text, *values: said.append(text % values))
    zone.land(back(3), row("on_time", back(4)))
    zone.land(back(2), row("late", back(4)))
    zone.ingest(back(2))
    shutil.rmtree(zone.landing.day_folder("events", back(age)))
    zone.land(DAY, row("later", back(4)))
    zone.ingest()
    assert zone.ids() == ["late", "on_time"]
    assert said == [f"events of {back(4)} stay as they are: their deliveries of {back(age)} are not there any more"]


def test_a_delivery_that_is_gone_keeps_its_rows_in_quarantine(zone: Zone) -> None:
    zone.land(back(1), row("bad", back(2), user_id=None))
    zone.ingest(back(1))
    shutil.rmtree(zone.landing.day_folder("events", back(1)))
    zone.land(DAY, row("late", back(2)))
    zone.ingest()
    assert (zone.ids(), zone.reasons()) == (["late"], ["user_id_missing"])


def land_header(zone: Zone, day: date) -> None:
    """A delivery of one file without rows."""
    zone.land(day)
    (zone.landing.day_folder("events", day) / "part.csv").write_text(",".join(row("a", day)) + "\n")


def test_a_delivery_of_a_header_alone_is_not_missing_until_it_gets_rows(zone: Zone) -> None:
    zone.land(back(20), row("first", back(21)))
    land_header(zone, back(10))
    zone.land(DAY, row("last", back(1)))
    zone.ingest()
    assert zone.ingest().event_dates == 4
    zone.land(back(10), row("after all", back(11)))
    assert zone.ingest().event_dates == 8
    assert zone.ids() == ["after all", "first", "last"]


def state_of_old_dates(zone: Zone) -> str:
    return zone.warehouse.state(EVENTS, (back(60), back(5)))


def test_a_delivery_without_an_accepted_row_does_not_have_its_dates_written_again(zone: Zone) -> None:
    zone.land(back(12), row("a", back(13)))
    zone.land(back(11), row("bad", back(12), user_id=None), row("late", back(13)))
    zone.ingest()
    before = state_of_old_dates(zone)
    zone.ingest()
    assert state_of_old_dates(zone) == before
    assert (zone.ids(), zone.reasons()) == (["a", "late"], ["user_id_missing"])


def test_a_readmitted_copy_does_not_have_its_date_written_again(zone: Zone) -> None:
    zone.land(back(19), row("a", back(20)))
    zone.land(DAY, row("a", back(20)))
    zone.ingest()
    before = state_of_old_dates(zone)
    zone.readmit(zone.quarantine()[0])
    zone.ingest()
    assert state_of_old_dates(zone) == before
    assert zone.events("event_id", "arrival_date") == [("a", back(19))]


def test_only_dates_that_change_are_written(zone: Zone) -> None:
    zone.land(back(1), row("a", back(2)))
    zone.land(DAY, row("b", back(1)))
    zone.ingest()
    before = {age: zone.warehouse.state(EVENTS, (back(age), back(age))) for age in (1, 2)}
    zone.land(DAY, row("c", back(1)), file="more.parquet")
    zone.ingest()
    after = {age: zone.warehouse.state(EVENTS, (back(age), back(age))) for age in (1, 2)}
    assert [age for age in before if after[age] != before[age]] == [1]
    assert zone.ids() == ["a", "b", "c"]


def test_rows_that_are_no_longer_delivered_leave_their_date(zone: Zone) -> None:
    zone.land(DAY, row("a", back(1)), row("b", back(1)))
    zone.ingest()
    zone.land(DAY, row("a", back(1)))
    zone.ingest()
    assert zone.ids() == ["a"]
    (zone.landing.day_folder("events", DAY) / "part.parquet").unlink()
    zone.ingest()
    assert zone.ids() == []


def test_a_delivery_after_the_date_of_the_run_is_not_looked_for(zone: Zone) -> None:
    zone.land(DAY + timedelta(days=9), row("future", DAY + timedelta(days=8)))
    zone.land(DAY, row("a", back(1)))
    zone.ingest()
    assert zone.ids() == ["a"]


def test_an_unclosed_delivery_is_left_alone(zone: Zone) -> None:
    zone.land(DAY, row("a", back(1)), closed=False)
    assert zone.ingest().events == 0


def test_a_closed_day_without_files_is_no_error_and_no_rows(zone: Zone) -> None:
    zone.land(back(1), row("a", back(2)))
    zone.land(DAY)
    result = zone.ingest()
    assert (result.events, result.quarantined) == (1, 0)


def test_rule_3_ingesting_twice_gives_the_same_content(zone: Zone) -> None:
    for age in range(8):
        late = row(f"late {age}", back(age + 2))
        zone.land(back(age), *COPIES, row(f"{age}", back(age + 1)), late, row(f"bad {age}", back(1), user_id=None))
        zone.items(back(age), {"item_id": "i1"}, {"item_id": ""})
    zone.ingest()
    first = zone.hashes()
    zone.ingest()
    assert zone.hashes() == first
    assert zone.quarantine()


def test_rule_3_the_order_of_runs_does_not_matter(zone: Zone, tmp_path: Path) -> None:
    for age in range(6):
        zone.land(back(age), row(f"{age}", back(age + 1)), row(f"late {age}", back(age + 3)), row(f"{age}", back(40)))
    zone.ingest()
    at_once = zone.hashes()
    for age in (0, 5, 2, 4, 1, 3):
        zone.ingest(back(age))
    assert zone.hashes() == at_once


def test_many_dates_are_rebuilt_in_chunks_with_equal_content(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    dates = [back(age) for age in range(1, 9)]
    for age in range(8):
        zone.land(back(age), row(f"{age}", back(age + 1)), row(f"late {age}", back(age + 3)), row(f"{age}", back(40)))
    ingest_dates(zone.warehouse, zone.landing, zone.settings, dates, DAY)
    at_once = zone.hashes()
    monkeypatch.setattr(ingest_module, "DAYS_AT_ONCE", 3)
    done: list[int] = []
    result = ingest_dates(zone.warehouse, zone.landing, zone.settings, dates, DAY, done.append)
    assert done == [3, 3, 2]
    assert (result.event_dates, result.events, result.quarantined) == (8, 14, 8)
    assert zone.hashes() == at_once


@pytest.mark.parametrize(("timezone", "expected"), [("UTC", 1), ("Asia/Tokyo", 1), ("America/New_York", 2)])
def test_the_business_timezone_decides_the_event_date(
    zone_with: Callable[..., Zone], timezone: str, expected: int
) -> None:
    zone = zone_with(business={"timezone": timezone})
    zone.land(DAY, row("a", back(1), occurred_at=f"{back(1)}T02:00:00Z"))
    zone.ingest()
    assert zone.events("event_date") == [back(expected)]


def test_a_time_without_offset_is_utc_and_one_with_offset_is_honoured(zone_with: Callable[..., Zone]) -> None:
    zone = zone_with(business={"timezone": "Asia/Tokyo"})
    times = {"naive": f"{back(2)} 16:00:00", "offset": f"{back(1)}T01:00:00+09:00", "utc": f"{back(2)}T16:00:00Z"}
    zone.land(DAY, *(row(name, DAY, occurred_at=time) for name, time in times.items()))
    zone.ingest()
    assert set(zone.events("event_date")) == {back(1)}
    assert len(set(zone.events("occurred_at"))) == 1


def test_columns_may_have_other_names(zone_with: Callable[..., Zone]) -> None:
    mapping = {"user_id": "customer", "occurred_at": 'the "time"'}
    zone = zone_with(ingest={"event_columns": mapping, "item_columns": {"item_id": "sku"}})
    landed = row("a", back(1))
    landed = {mapping.get(name, name): value for name, value in landed.items()} | {"user_id": "not this one"}
    zone.land(DAY, landed)
    zone.items(DAY, {"sku": "i1", "category": "cats"})
    zone.ingest()
    assert zone.events("user_id", "event_date") == [("u1", back(1))]
    assert list(zone.catalogue()) == ["i1"]


def test_event_id_and_value_may_be_missing_altogether(zone: Zone) -> None:
    short = {name: value for name, value in row("a", back(1)).items() if name not in ("event_id", "value")}
    zone.land(DAY, short, short)
    zone.ingest()
    assert zone.events("event_id", "value") == [(None, None)]


def test_a_missing_column_is_refused_by_name(zone: Zone) -> None:
    zone.land(DAY, {name: value for name, value in row("a", back(1)).items() if name != "user_id"})
    with pytest.raises(LandedDataError, match="a column 'user_id'"):
        zone.ingest()


def test_an_unreadable_file_changes_nothing(zone: Zone) -> None:
    zone.land(back(1), row("a", back(2)))
    zone.ingest(back(1))
    before = zone.hashes()
    zone.land(DAY)
    (zone.landing.day_folder("events", DAY) / "part.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(LandedDataError, match=r"part\.parquet"):
        zone.ingest()
    assert zone.hashes() == before


@pytest.mark.parametrize("file", ["part.csv", "part.csv.gz", "part.jsonl", "part.jsonl.gz"])
def test_other_formats_give_what_parquet_gives(zone: Zone, file: str) -> None:
    rows = [row("a", back(1)), row("007", back(1), user_id="0042", value=None)]
    zone.land(DAY, *rows)
    zone.items(DAY, {"item_id": "01", "category": "cats", "is_active": "true"})
    zone.ingest()
    columns = [name for name in EVENTS.columns if name != "row_id"]
    expected = sorted(zone.events(*columns)), zone.catalogue()
    zone.landing.day_folder("events", DAY).joinpath("part.parquet").unlink()
    zone.landing.day_folder("items", DAY).joinpath("items.parquet").unlink()
    zone.land(DAY, *rows, file=file)
    zone.items(DAY, {"item_id": "01", "category": "cats", "is_active": "true"}, file=file.replace("part", "items"))
    zone.ingest()
    assert (sorted(zone.events(*columns)), zone.catalogue()) == expected
    assert sorted(zone.events("user_id")) == ["0042", "u1"]


def test_a_catalogue_row_keeps_its_values_and_is_active_unless_it_says_otherwise(zone: Zone) -> None:
    zone.items(
        DAY,
        {"item_id": "full", "category": "cats", "title": "Tom", "created_at": "2026-01-02T03:04:05Z", "is_active": "1"},
        {"item_id": "bare", "category": None, "title": None, "created_at": None, "is_active": None},
        {"item_id": "gone", "category": "cats", "title": "", "created_at": None, "is_active": "false"},
    )
    assert zone.ingest().item_snapshots == 1
    found = zone.catalogue()
    assert found["full"] == {
        "snapshot_date": DAY, "item_id": "full", "category": "cats", "title": "Tom",
        "created_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "is_active": True,
    }  # fmt: skip
    assert [found[name]["is_active"] for name in ("bare", "gone")] == [True, False]


def test_the_last_file_wins_where_files_repeat_an_item(zone: Zone) -> None:
    zone.items(DAY, {"item_id": "i1", "category": "old"}, {"item_id": "i2", "category": "only"}, file="1.parquet")
    zone.items(DAY, {"item_id": "i1", "category": "new"}, file="2.parquet")
    zone.ingest()
    assert {name: row["category"] for name, row in zone.catalogue().items()} == {"i1": "new", "i2": "only"}
    assert not zone.quarantine()


def test_rule_3_copies_of_an_item_within_a_file_are_chosen_by_content_not_by_order(zone: Zone) -> None:
    copies = [{"item_id": "i1", "category": "cats", "is_active": text} for text in ("true", "false")]
    copies += [{"item_id": "i2", "category": "cats", "is_active": text} for text in ("false", "true")]
    chosen = []
    for rows in (copies, copies[::-1]):
        zone.items(DAY, *rows)
        zone.ingest()
        chosen.append({name: row["is_active"] for name, row in zone.catalogue().items()})
    assert chosen[0] == chosen[1]
    assert chosen[0]["i1"] == chosen[0]["i2"]


def test_rule_6_bad_catalogue_rows_are_kept_with_their_reason(zone: Zone) -> None:
    zone.items(
        DAY,
        {"item_id": "good", "created_at": None, "is_active": None},
        {"item_id": None, "created_at": None, "is_active": None},
        {"item_id": "jo@example.com", "created_at": None, "is_active": None},
        {"item_id": "when", "created_at": "soon", "is_active": None},
        {"item_id": "maybe", "created_at": None, "is_active": "perhaps"},
    )
    zone.ingest()
    assert list(zone.catalogue()) == ["good"]
    assert zone.reasons() == [
        "created_at_unreadable",
        "is_active_unreadable",
        "item_id_looks_personal",
        "item_id_missing",
    ]
    assert {row["source"] for row in zone.quarantine()} == {"items"}
    assert "jo@" not in str(zone.quarantine())


@pytest.mark.parametrize(("bad", "good"), [("1.parquet", "2.parquet"), ("2.parquet", "1.parquet")])
def test_a_good_catalogue_row_counts_although_another_file_has_a_bad_one(zone: Zone, bad: str, good: str) -> None:
    zone.items(DAY, {"item_id": "i1", "category": "cats", "is_active": "perhaps"}, file=bad)
    zone.items(DAY, {"item_id": "i1", "category": "cats", "is_active": "true"}, file=good)
    zone.ingest()
    assert list(zone.catalogue()) == ["i1"]
    assert zone.reasons() == ["is_active_unreadable"]


def test_catalogue_snapshots_up_to_the_date_are_taken_in_once_and_the_newest_again(zone: Zone) -> None:
    for age in (5, 1, 0, -1):
        zone.items(back(age), {"item_id": f"of {age}"})
    assert zone.ingest().item_snapshots == 3
    assert zone.catalogue(back(-1)) == {}
    zone.items(back(5), {"item_id": "changed"})
    zone.items(DAY, {"item_id": "changed"})
    assert zone.ingest().item_snapshots == 1
    assert (list(zone.catalogue(back(5))), list(zone.catalogue())) == (["of 5"], ["changed"])


def test_a_date_whose_files_were_pruned_keeps_its_events(zone: Zone) -> None:
    zone.land(DAY, row("an event", back(1)))
    zone.ingest()
    before = zone.hashes()
    shutil.rmtree(zone.landing.day_folder("events", DAY))
    zone.ingest()
    assert zone.hashes() == before
