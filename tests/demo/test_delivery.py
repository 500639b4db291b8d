"""Arrival: the day after, late, or twice."""

import pandas as pd
import pytest

from include.demo.photo_service import PhotoService
from include.demo.simulator import SimulatedDay


def test_rows_arrive_the_day_after_or_up_to_three_days_later(service: PhotoService, delivered: pd.DataFrame) -> None:
    assert set(delivered["days_late"]) == {0, 1, 2, 3}
    assert (delivered["days_late"] > 0).mean() == pytest.approx(service.late_share, rel=0.2)


def test_duplicates_are_the_same_event_under_the_same_id(service: PhotoService, delivered: pd.DataFrame) -> None:
    twice = delivered[delivered.duplicated("event_id", keep=False)]
    content = ["user_id", "item_id", "event_type", "occurred_at", "value"]
    assert delivered["event_id"].duplicated().mean() == pytest.approx(service.duplicate_share, rel=0.2)
    assert (twice.groupby("event_id").size() == 2).all()
    assert (twice.groupby("event_id")[content].nunique() <= 1).all(axis=None)


def test_a_copy_may_arrive_on_another_day(delivered: pd.DataFrame) -> None:
    assert delivered.groupby("event_id")["arrival_date"].nunique().max() == 2


def test_nothing_is_lost_but_what_arrives_after_the_last_day(
    service: PhotoService, events: pd.DataFrame, delivered: pd.DataFrame
) -> None:
    missing = events[~events["event_id"].isin(delivered["event_id"])]
    assert set(delivered["event_id"]) <= set(events["event_id"])
    assert 0 < len(missing) < 0.1 * service.events_per_day * 3
    assert missing["event_date"].min() >= service.event_date(service.days - 3)


def test_delivered_rows_occurred_before_their_arrival(days: list[SimulatedDay]) -> None:
    for day in days:
        assert day.delivered["occurred_at"].to_pandas().dt.date.max() < day.arrival_date
