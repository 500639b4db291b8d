"""Checks of a run's inputs over a small warehouse."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from include.recommender.checks.inputs import STAGE, TOO_FEW, WHAT_TO_DO, check_inputs, what_to_do
from include.recommender.tables import EVENTS, ITEMS
from include.retraining.quality.checks import CheckResult
from include.retraining.quality.verdict import read_results, record, stop_message
from include.retraining.tables import DATA_QUALITY_RESULTS, QUARANTINED_ROWS

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse

DAY = date(2026, 1, 12)
YESTERDAY = DAY - timedelta(days=1)
DAILY = 20
Rows = list[dict[str, Any]]


def event(day: date, number: int, **change: object) -> dict[str, Any]:
    return {
        "event_date": day, "arrival_date": day + timedelta(days=1), "row_id": f"{day}-{number}", "event_id": None,
        "user_id": f"u{number % 7}", "item_id": f"i{number % 5}", "event_type": "view",
        "occurred_at": datetime.combine(day, time(12), UTC), "value": 1.0, **change,
    }  # fmt: skip


def item(number: int, snapshot: date = DAY, **change: object) -> dict[str, Any]:
    row = {"snapshot_date": snapshot, "item_id": f"i{number}", "category": "cats", "is_active": True}
    return {**row, "title": None, "created_at": None, **change}


def quarantined(number: int, reason: str, **change: object) -> dict[str, Any]:
    row = {"arrival_date": DAY, "source": "events", "row_id": f"q{number}", "event_date": None, "reason": reason}
    return {**row, "landed_row": json.dumps({}), "file": "f", **change}


class World:
    """Five weeks of events and a catalogue, to be changed and then checked."""

    def __init__(self, warehouse: LocalWarehouse, settings: RecommenderSettings) -> None:
        self.warehouse, self.settings = warehouse, settings
        self.events: Rows = [event(DAY - timedelta(days=back), n) for back in range(1, 37) for n in range(DAILY)]
        self.items: Rows = [item(n) for n in range(10)]
        self.quarantine: Rows = []

    def check(self) -> str:
        for table, rows in ((EVENTS, self.events), (ITEMS, self.items), (QUARANTINED_ROWS, self.quarantine)):
            if rows:
                partition = {name: sorted({row[name] for row in rows}) for name in table.partition}
                self.warehouse.replace(table, partition, pa.Table.from_pylist(rows, schema=table.schema))
        return check_inputs(self.warehouse, self.settings, DAY)

    def failed(self) -> set[str]:
        results = read_results(self.warehouse, DAY, "inputs")
        assert not [result for result in results if result.outcome == "crashed"]
        return {result.name for result in results if result.outcome == "failed"}


@pytest.fixture
def world(quality_warehouse: LocalWarehouse, quality_settings: RecommenderSettings) -> World:
    return World(quality_warehouse, quality_settings)


def test_a_normal_day_passes_every_check(world: World) -> None:
    assert world.check() == "pass"
    assert world.failed() == set()


def test_a_rerun_records_the_same_results(world: World) -> None:
    world.check()
    first = world.warehouse.read(DATA_QUALITY_RESULTS)
    world.check()
    assert world.warehouse.read(DATA_QUALITY_RESULTS) == first


def test_an_empty_warehouse_stops_and_does_not_crash(world: World) -> None:
    world.events, world.items = [], []
    assert world.check() == "stop"
    assert world.failed() == {"items.catalogue_empty", "items.none_active"}


def test_a_day_that_is_always_closed_passes(world: World) -> None:
    world.events = [row for row in world.events if row["event_date"].weekday() != YESTERDAY.weekday()]
    assert world.check() == "pass"
    assert world.failed() == set()


def test_a_delivery_cut_short_stops(world: World) -> None:
    world.events = [row for row in world.events if row["event_date"] != YESTERDAY or row["row_id"].endswith("-1")]
    assert world.check() == "stop"
    assert world.failed() == {"events.volume_low", "events.volume_far_too_low"}


def test_what_arrives_later_does_not_count(world: World) -> None:
    """Rule 2: a backfill of DAY sees what DAY could see."""
    late = [event(YESTERDAY, n, arrival_date=DAY + timedelta(days=1), item_id="later") for n in range(100, 900)]
    world.events += [*late, *(event(DAY, n, item_id="later") for n in range(50))]
    world.items += [item(n, DAY + timedelta(days=1), is_active=False) for n in range(10)]
    assert world.check() == "pass"
    assert world.failed() == set()


def test_late_rows_are_left_out_of_the_usual_volume(world: World) -> None:
    week = YESTERDAY - timedelta(weeks=1)
    for back in range(4):
        day = week - timedelta(weeks=back)
        world.events += [event(day, n, arrival_date=day + timedelta(days=2)) for n in range(100, 200)]
    assert world.check() == "pass"


@pytest.mark.parametrize(
    ("unknown", "verdict", "failed"),
    [
        (1, "warn", {"events.of_unknown_items.many"}),
        (5, "stop", {"events.of_unknown_items.many", "events.of_unknown_items.far_too_many"}),
    ],
)
def test_events_of_unknown_items(world: World, unknown: int, verdict: str, failed: set[str]) -> None:
    for row in world.events[:unknown]:
        row["item_id"] = "nobody-knows"
    assert world.check() == verdict
    assert world.failed() == failed


@pytest.mark.parametrize(
    ("count", "verdict", "failed"),
    [
        (1, "warn", {"events.quarantined.many"}),
        (2, "stop", {"events.quarantined.many", "events.quarantined.far_too_many"}),
    ],
)
def test_quarantined_rows(world: World, count: int, verdict: str, failed: set[str]) -> None:
    world.quarantine = [quarantined(n, "too_late") for n in range(count)]
    assert world.check() == verdict
    assert world.failed() == {*failed, "events.quarantined.too_late"}
    (noted,) = [
        result
        for result in read_results(world.warehouse, DAY, "inputs")
        if result.name == "events.quarantined.too_late"
    ]
    assert (noted.severity, noted.rows_failed, noted.sample_keys[0]) == ("info", count, "q0")


def test_quarantine_of_items_counts_against_items(world: World) -> None:
    world.quarantine = [quarantined(0, "item_id_looks_personal", source="items", row_id="taro@example.com-1")]
    assert world.check() == "stop"
    assert "items.quarantined.far_too_many" in world.failed()


def test_messages_show_nothing_personal(world: World) -> None:
    """Rule 6: keyed hashes in columns that fail the privacy rule."""
    world.quarantine = [quarantined(0, "item_id_looks_personal", source="items", row_id="taro@example.com-1")]
    world.events[0].update(user_id="hanako@example.com", row_id="+81 90-1234-5678")
    assert world.check() == "stop"
    recorded = str(world.warehouse.read(DATA_QUALITY_RESULTS).to_pylist())
    shown = recorded + str(stop_message(read_results(world.warehouse, DAY, STAGE), WHAT_TO_DO))
    assert "events.user_id_looks_personal [critical]: 1 of 20 rows differ" in shown
    assert "h:" in shown
    assert not [word for word in ("taro", "hanako", "1234-5678") if word in shown]


@pytest.mark.parametrize(
    ("change", "verdict", "name"),
    [
        ({"user_id": " "}, "stop", "events.user_id_missing"),
        ({"event_type": None}, "stop", "events.event_type_missing"),
        ({"value": float("inf")}, "stop", "events.value_not_finite"),
        ({"value": 1.1e9}, "stop", "events.value_too_large"),
        ({"value": 1e9}, "warn", "events.value_out_of_range"),
    ],
)
def test_a_stored_row_that_breaks_a_rule(world: World, change: dict[str, object], verdict: str, name: str) -> None:
    world.events[0].update(change)
    assert world.check() == verdict
    assert name in world.failed()


@pytest.mark.parametrize(
    ("change", "verdict", "failed"),
    [
        ({"is_active": False}, "stop", {"items.none_active"}),
        ({"category": None}, "warn", {"items.category_missing"}),
        ({"snapshot_date": DAY - timedelta(days=3)}, "pass", {"items.snapshot_old"}),
    ],
)
def test_a_poor_catalogue(world: World, change: dict[str, object], verdict: str, failed: set[str]) -> None:
    for row in world.items:
        row.update(change)
    assert world.check() == verdict
    assert world.failed() == failed


@pytest.mark.parametrize(("age", "verdict"), [(2, "pass"), (3, "warn")])
def test_a_daily_catalogue_that_stopped_coming_warns(world: World, age: int, verdict: str) -> None:
    world.items = [item(n, DAY - timedelta(days=back)) for n in range(10) for back in (age, age + 1)]
    assert world.check() == verdict


def test_repeated_ids_stop_and_the_setting_that_helps_is_named(world: World) -> None:
    world.quarantine = [quarantined(n, "event_id_repeated") for n in range(2)]
    assert world.check() == "stop"
    next_step = what_to_do(world.warehouse, DAY)
    assert 'an order id, say, is not an event id; set ingest.deduplicate = "content"' in next_step
    assert next_step.endswith(WHAT_TO_DO)


@pytest.mark.parametrize(
    ("stopping", "told"),
    [
        (["events.volume_far_too_low"], TOO_FEW),
        (["events.quarantined.far_too_many"], WHAT_TO_DO),
        (["events.volume_far_too_low", "events.quarantined.far_too_many"], WHAT_TO_DO),
    ],
)
def test_the_next_step_fits_what_stops(warehouse: LocalWarehouse, stopping: list[str], told: str) -> None:
    warned = CheckResult("events.volume_low", "warning", "failed", "a", "b", 0, 0, ())
    stops = [CheckResult(name, "critical", "failed", "a", "b", 0, 0, ()) for name in stopping]
    record(warehouse, DAY, STAGE, [warned, *stops])
    assert what_to_do(warehouse, DAY) == told
