"""A small service, simulated once for all tests."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService
from include.demo.simulator import SimulatedDay, simulate_days


@pytest.fixture(scope="session")
def service() -> PhotoService:
    """Three weeks from a Monday, with enough late rows, duplicates and deletions to count."""
    return PhotoService(
        start=date(2026, 10, 5),
        days=21,
        users=800,
        items=400,
        events_per_day=2_000,
        late_share=0.05,
        duplicate_share=0.04,
        daily_deletions=0.005,
    )


@pytest.fixture(scope="session")
def days(service: PhotoService) -> list[SimulatedDay]:
    """The simulated days."""
    return list(simulate_days(service))


@pytest.fixture(scope="session")
def events(days: list[SimulatedDay]) -> pd.DataFrame:
    """Every event once, with its event_date."""
    tables: list[pd.DataFrame] = [day.events.to_pandas().assign(event_date=day.event_date) for day in days]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="session")
def delivered(days: list[SimulatedDay]) -> pd.DataFrame:
    """Every delivered row with its arrival_date and the days it took beyond the usual one."""
    tables: list[pd.DataFrame] = [day.delivered.to_pandas().assign(arrival_date=day.arrival_date) for day in days]
    rows = pd.concat(tables)
    took = pd.to_datetime(rows["arrival_date"], utc=True) - rows["occurred_at"].dt.floor("D")
    return rows.assign(days_late=took.dt.days - 1).reset_index(drop=True)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A landing zone of five days, arriving on 2026-10-06 to 2026-10-10."""
    write_landing_zone(
        PhotoService(start=date(2026, 10, 5), days=5, users=200, items=100, events_per_day=600), tmp_path
    )
    return tmp_path
