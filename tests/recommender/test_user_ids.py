"""With privacy.hash_user_ids, ids are keyed hashes from ingest on; both kinds never stand side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.recommender.ingest import ingest_dates, ingest_day
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import EVENTS
from include.recommender.user_ids import refuse_mixed_ids, users_among
from include.retraining.errors import SettingsError
from include.retraining.landing import MARKER, LandingZone
from include.retraining.quality.privacy import keyed_hash
from include.retraining.tables import QUARANTINED_ROWS
from include.retraining.warehouse.local import LocalWarehouse
from tests.byte_search import files_with
from tests.recommender.published_lists import put_statistics
from tests.recommender.small_world import event

DAY, EVENT_DAY = date(2026, 3, 10), date(2026, 3, 9)
MAIL = "ann@example.org"


@pytest.fixture
def landing(tmp_path) -> LandingZone:
    zone = LandingZone(tmp_path / "landing")
    folder = zone.day_folder("events", DAY)
    folder.mkdir(parents=True)
    rows = [
        {"event_id": f"{user}{item}", "user_id": user, "item_id": item, "event_type": "view",
         "occurred_at": f"{EVENT_DAY}T12:00:00Z"}
        for user, item in [("person-1", "i1"), ("person-2", "i1"), (MAIL, "i1"), ("person-2", "")]
    ]  # fmt: skip
    for number, row in enumerate(rows):
        row["event_id"] = str(number)
    pq.write_table(pa.Table.from_pylist(rows), folder / "part.parquet")
    (folder / MARKER).touch()
    return zone


@pytest.fixture
def hashing(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(privacy={"hash_user_ids": True})


def test_ids_are_kept_as_keyed_hashes_everywhere(
    warehouse: LocalWarehouse, landing: LandingZone, hashing: RecommenderSettings
) -> None:
    ingest_day(warehouse, landing, hashing, DAY)
    wanted = {keyed_hash(user, "for tests") for user in ("person-1", "person-2", MAIL)}
    assert set(warehouse.read(EVENTS)["user_id"].to_pylist()) == wanted
    (refused,) = warehouse.read(QUARANTINED_ROWS).to_pylist()
    assert json.loads(refused["landed_row"])["user_id"] == keyed_hash("person-2", "for tests")
    assert files_with(warehouse.folder, "person-") == files_with(warehouse.folder, MAIL) == []


@pytest.mark.parametrize("hashed_first", [True, False])
def test_a_changed_setting_is_refused_until_all_is_rebuilt(
    hashed_first: bool,
    warehouse: LocalWarehouse,
    landing: LandingZone,
    hashing: RecommenderSettings,
    settings: RecommenderSettings,
) -> None:
    before, after = (hashing, settings) if hashed_first else (settings, hashing)
    ingest_day(warehouse, landing, before, DAY)
    with pytest.raises(SettingsError, match="rebuild all events"):
        ingest_day(warehouse, landing, after, DAY)
    ingest_dates(warehouse, landing, after, [EVENT_DAY], DAY)
    refuse_mixed_ids(warehouse, after.privacy.hash_user_ids)
    ingest_day(warehouse, landing, after, DAY)


@pytest.mark.parametrize("others", range(3))
def test_one_date_of_the_other_kind_is_refused_wherever_it_lies_once_all_were_rebuilt(
    warehouse: LocalWarehouse, others: int
) -> None:
    days = [EVENT_DAY - timedelta(days=age) for age in (2, 1, 0)]
    for number, day in enumerate(days):
        person = "person-1" if number == others else keyed_hash("person-1", "for tests")
        rows = pa.Table.from_pylist([event(person, "i1", 0, day=day)], schema=EVENTS.schema)
        warehouse.replace(EVENTS, {"event_date": day}, rows)
    with pytest.raises(SettingsError, match=f"ids of 1 of 3 dates as landed, the first of {days[others]}"):
        refuse_mixed_ids(warehouse, hash_user_ids=True, every_date=True)
    with pytest.raises(SettingsError, match="ids of 2 of 3 dates as keyed hashes"):
        refuse_mixed_ids(warehouse, hash_user_ids=False, every_date=True)


def test_an_empty_table_fits_both(warehouse: LocalWarehouse) -> None:
    refuse_mixed_ids(warehouse, hash_user_ids=True)
    refuse_mixed_ids(warehouse, hash_user_ids=False)


def test_users_are_known_by_the_newest_statistics_however_ids_are_kept(warehouse: LocalWarehouse) -> None:
    hashed = keyed_hash("person-2", "for tests")
    names = ["person-1", "person-2", "person-3", "i1"]
    assert users_among(warehouse, names) == frozenset()
    put_statistics(warehouse, EVENT_DAY, "person-3")
    put_statistics(warehouse, DAY, "person-1", hashed)
    assert users_among(warehouse, names) == {"person-1", "person-2"}
    assert users_among(warehouse, [hashed]) == {hashed}
