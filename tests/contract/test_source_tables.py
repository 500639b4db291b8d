"""Events and items of the user's own tables on BigQuery (an emulator of it) are ingested like landed files."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from include.recommender.ingest import ingest_day
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import EVENTS, ITEMS
from include.retraining.errors import LandedDataError, SettingsError
from include.retraining.settings import load_settings
from include.retraining.tables import ERASURES, QUARANTINED_ROWS, READMISSIONS
from include.retraining.warehouse.bigquery.source_tables import SourceTables
from include.retraining.warehouse.open import open_deliveries, open_warehouse
from tests.contract.conftest import environment_for, opened

if TYPE_CHECKING:
    from include.retraining.settings import BigQuery

pytestmark = pytest.mark.service

CLICKS = """
CREATE TABLE clicks (customer INT64, sku STRING, what STRING, ts TIMESTAMP, price FLOAT64, loaded DATE);
INSERT INTO clicks VALUES
  (1, 'a', 'buy', TIMESTAMP '2026-01-01 10:00:00.123456+00', 1.5, DATE '2026-01-02'),
  (2, 'b', 'buy', TIMESTAMP '2026-01-02 10:00:00+00', NULL, DATE '2026-01-03'),
  (2, 'a', 'buy', TIMESTAMP '2026-01-01 23:00:00+00', 2, DATE '2026-01-03'),
  (NULL, 'a', 'buy', TIMESTAMP '2026-01-02 11:00:00+00', 2, DATE '2026-01-03'),
  (3, 'a', 'buy', TIMESTAMP '2026-01-03 11:00:00+00', 2, DATE '2026-01-04');
CREATE TABLE products (sku STRING, kind STRING, live BOOL);
INSERT INTO products VALUES ('a', 'cat', TRUE), ('b', NULL, FALSE);
"""
COLUMNS = '{"user_id": "customer", "item_id": "sku", "event_type": "what", "occurred_at": "ts", "value": "price"}'


@pytest.fixture
def shop(own_dataset: BigQuery, monkeypatch: pytest.MonkeyPatch) -> BigQuery:
    """A dataset with tables of somebody's own, and settings that name them."""
    settings = own_dataset
    jobs = opened(settings).jobs
    jobs.run("make a shop", f"{CLICKS} SELECT 1 AS made;")
    variables = environment_for(settings) | {
        "HIGAWARI_INGEST__EVENTS_TABLE": f"{settings.dataset}.clicks",
        "HIGAWARI_INGEST__ITEMS_TABLE": f"{settings.dataset}.products",
        "HIGAWARI_INGEST__ARRIVAL_COLUMN": "loaded",
        "HIGAWARI_INGEST__EVENT_COLUMNS": COLUMNS,
        "HIGAWARI_INGEST__ITEM_COLUMNS": '{"item_id": "sku", "category": "kind", "is_active": "live"}',
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return settings


def source_with(**changes: Any) -> SourceTables:
    settings = load_settings(RecommenderSettings)
    found = open_deliveries(settings)
    assert isinstance(found, SourceTables)
    found.ingest = settings.ingest.model_copy(update=changes)
    return found


def test_a_day_is_ingested_from_tables_by_the_column_mapping(shop: BigQuery) -> None:
    settings, source = load_settings(RecommenderSettings), source_with()
    source.check()
    assert source.ready_days("events") == [date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 4)]
    asked = source_with()
    assert asked.is_ready("events", date(2026, 1, 4))
    assert not asked.is_ready("events", date(2026, 1, 5))
    assert asked.awaited("events", date(2026, 1, 5))[1] == "the newest of 2026-01-04"
    assert asked.awaited("events", date(2026, 3, 5))[1] == "no rows since 2026-02-03"
    warehouse = open_warehouse(settings)
    warehouse.create_tables([EVENTS, ITEMS, QUARANTINED_ROWS, READMISSIONS, ERASURES])
    ingest_day(warehouse, source, settings, date(2026, 1, 3))
    events = warehouse.read(EVENTS, None, ["user_id", "item_id", "arrival_date", "occurred_at", "value"]).to_pylist()
    assert sorted((row["user_id"], row["item_id"], row["arrival_date"].day, row["value"] or 0) for row in events) == [
        ("1", "a", 2, 1.5),
        ("2", "a", 3, 2.0),
        ("2", "b", 3, 0),
    ]
    assert {row["occurred_at"].microsecond for row in events} == {123456, 0}
    assert warehouse.read(QUARANTINED_ROWS)["reason"].to_pylist() == ["user_id_missing"]
    items = warehouse.read(ITEMS, {"snapshot_date": date(2026, 1, 1)}, ["item_id", "category", "is_active"]).to_pylist()
    assert items == [
        {"item_id": "a", "category": "cat", "is_active": True},
        {"item_id": "b", "category": None, "is_active": False},
    ]


def test_without_a_column_for_it_a_row_arrives_the_day_after_it_occurred(shop: BigQuery) -> None:
    source = source_with(arrival_column="")
    assert source.ready_days("events") == [date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 4)]
    assert source.ready_days("items") == [date(2026, 1, 1), date(2026, 1, 4)]


def test_whether_a_day_has_arrived_is_asked_of_the_days_around_it(shop: BigQuery) -> None:
    """The table is looked through as a whole at most once."""
    source = source_with()
    source.is_ready("events", date(2026, 1, 4))
    source.awaited("events", date(2026, 1, 4))
    assert {job.statement for job in source.jobs.spent} == {"look for a day's arrival", "look for the newest arrival"}
    for day in source.ready_days("events"):
        assert source.is_ready("events", day)
        assert source.has_files("items", day) == (day == date(2026, 1, 4))
    assert [job.statement for job in source.jobs.spent].count("list days of arrival") == 1
    assert len(source.jobs.spent) == 3


def test_a_table_elsewhere_is_refused_before_it_is_read(shop: BigQuery) -> None:
    source = source_with()
    source.jobs.settings = source.jobs.settings.model_copy(update={"location": "asia-northeast1"})
    with pytest.raises(SettingsError, match="asia-northeast1"):
        source.check()


def test_what_is_not_there_is_said(shop: BigQuery) -> None:
    with pytest.raises(SettingsError, match=r"ingest\.arrival_column"):
        source_with(arrival_column="sku").check()
    with pytest.raises(SettingsError, match="nowhere"):
        source_with(items_table=f"{shop.dataset}.nowhere").check()
    from include.recommender.ingest import EVENT_COLUMNS, _wanted

    with pytest.raises(LandedDataError, match="a column 'user_id'"):
        source_with().read("events", [date(2026, 1, 2)], _wanted(EVENT_COLUMNS, {}, {"event_id", "value"}))
