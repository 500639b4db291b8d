"""All event dates rebuilt after a change of settings: none keeps the old form, and none loses rows."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.recommender import rebuild
from include.recommender.ingest import ingest_day
from include.recommender.rebuild import rebuild_all
from include.recommender.tables import EVENTS
from include.recommender.user_ids import refuse_mixed_ids
from include.retraining.errors import LandedDataError
from include.retraining.landing import MARKER, LandingZone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse

DAY = date(2026, 3, 10)


def back(days: int) -> date:
    return DAY - timedelta(days=days)


def land(landing: LandingZone, day: date, **events: date) -> None:
    """A delivery of events by id and date, each at 23:30 UTC."""
    folder = landing.day_folder("events", day)
    folder.mkdir(parents=True)
    rows = [
        {"event_id": event_id, "user_id": "u1", "item_id": "i1", "event_type": "view",
         "occurred_at": datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC).isoformat()}
        for event_id, day in events.items()
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), folder / "part.parquet")
    (folder / MARKER).touch()


@pytest.fixture
def landing(tmp_path: Path) -> LandingZone:
    """Two deliveries; of the date of `alone` and of `too_late` no delivery of its own ever came."""
    zone = LandingZone(tmp_path / "var" / "landing")
    land(zone, back(1), on_time=back(2), alone=back(4), too_late=back(6))
    land(zone, DAY, last=back(1))
    return zone


def dates_of(warehouse: LocalWarehouse) -> dict[str, Any]:
    return {row["event_id"]: row["event_date"] for row in warehouse.read(EVENTS).to_pylist()}


def test_dates_of_late_rows_only_are_rebuilt_too(
    warehouse: LocalWarehouse,
    landing: LandingZone,
    settings: RecommenderSettings,
    settings_with: Callable[..., RecommenderSettings],
) -> None:
    ingest_day(warehouse, landing, settings, DAY)
    hashing = settings_with(privacy={"hash_user_ids": True})
    done, left = rebuild_all(warehouse, landing, hashing)
    assert (done.events, left) == (3, [])
    refuse_mixed_ids(warehouse, hash_user_ids=True)


def test_rows_move_to_dates_that_held_none(
    warehouse: LocalWarehouse,
    landing: LandingZone,
    settings: RecommenderSettings,
    settings_with: Callable[..., RecommenderSettings],
) -> None:
    ingest_day(warehouse, landing, settings, DAY)
    assert dates_of(warehouse) == {"alone": back(4), "on_time": back(2), "last": back(1)}
    rebuild_all(warehouse, landing, settings_with(ingest={"lookback_days": 5}))
    assert dates_of(warehouse) == {"too_late": back(6), "alone": back(4), "on_time": back(2), "last": back(1)}
    rebuild_all(warehouse, landing, settings_with(business={"timezone": "America/Los_Angeles"}))
    assert dates_of(warehouse) == {"alone": back(4), "on_time": back(2), "last": back(1)}


def test_dates_whose_deliveries_are_gone_stay_and_are_named(
    warehouse: LocalWarehouse, landing: LandingZone, settings: RecommenderSettings
) -> None:
    ingest_day(warehouse, landing, settings, DAY)
    before = dates_of(warehouse)
    shutil.rmtree(landing.day_folder("events", back(1)))
    done, left = rebuild_all(warehouse, landing, settings)
    assert (dates_of(warehouse), left) == (before, [back(4), back(2)])
    assert done.events == 1


def test_without_deliveries_nothing_is_rebuilt(
    warehouse: LocalWarehouse, settings: RecommenderSettings, tmp_path: Path
) -> None:
    with pytest.raises(LandedDataError, match="deliveries to rebuild events from"):
        rebuild_all(warehouse, LandingZone(tmp_path / "nowhere"), settings)


def test_the_command_says_what_it_left(
    warehouse: LocalWarehouse,
    landing: LandingZone,
    settings: RecommenderSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("HIGAWARI_CONFIG")
    monkeypatch.setenv("HIGAWARI_STORAGE__LANDING", str(landing.folder))
    ingest_day(warehouse, landing, settings, DAY)
    assert rebuild.main([]) == 0
    assert "3 events, 1 rows quarantined" in capsys.readouterr().out
    shutil.rmtree(landing.day_folder("events", back(1)))
    assert rebuild.main([]) == 1
    assert f"2 dates stay as they were, the first of {back(4)}" in capsys.readouterr().err
