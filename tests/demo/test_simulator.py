"""The simulated days: repeatable, extensible, and true to the documented columns."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.demo.behaviour import Views
from include.demo.catalogue import ITEMS_SCHEMA
from include.demo.event_rows import EVENTS_SCHEMA, events_table
from include.demo.photo_service import PhotoService
from include.demo.randomness import stream
from include.demo.simulator import SimulatedDay, simulate_days


def _same(first: SimulatedDay, second: SimulatedDay) -> bool:
    tables = ("events", "delivered", "items")
    return all(getattr(first, name).equals(getattr(second, name)) for name in tables) and first.users == second.users


def test_same_settings_give_equal_rows(service: PhotoService, days: list[SimulatedDay]) -> None:
    assert all(_same(*pair) for pair in zip(simulate_days(service), days, strict=True))


def test_another_seed_gives_other_rows(service: PhotoService, days: list[SimulatedDay]) -> None:
    other = next(simulate_days(replace(service, seed=service.seed + 1)))
    assert not other.events.equals(days[0].events)


@pytest.mark.parametrize("fewer", [1, 6, 7, 8, 20])
def test_a_day_does_not_depend_on_the_days_after_it(
    service: PhotoService, days: list[SimulatedDay], fewer: int
) -> None:
    shorter = list(simulate_days(replace(service, days=fewer)))
    assert len(shorter) == fewer
    assert all(_same(*pair) for pair in zip(shorter, days, strict=False))


def test_tables_have_the_documented_columns(days: list[SimulatedDay]) -> None:
    for day in days:
        assert day.events.schema == day.delivered.schema == EVENTS_SCHEMA
        assert day.items.schema == ITEMS_SCHEMA


def test_dates_follow_each_other(service: PhotoService, days: list[SimulatedDay]) -> None:
    assert [day.event_date for day in days] == [service.event_date(number) for number in range(21)]
    assert service.until == days[-1].event_date == date(2026, 10, 25)
    assert all((day.arrival_date - day.event_date).days == 1 for day in days)


def test_events_stay_within_their_date_and_in_order(events: pd.DataFrame) -> None:
    assert (events["occurred_at"].dt.date == events["event_date"]).all()
    assert events["occurred_at"].is_monotonic_increasing
    assert events["event_id"].is_unique


def test_views_have_seconds_and_likes_have_none(events: pd.DataFrame) -> None:
    is_view = events["event_type"] == "view"
    assert set(events["event_type"]) == {"view", "like"}
    assert events.loc[is_view, "value"].ge(0).all()
    assert events.loc[~is_view, "value"].isna().all()


def test_ids_look_as_documented(events: pd.DataFrame) -> None:
    assert events["user_id"].str.fullmatch(r"u\d{6}").all()
    assert events["item_id"].str.fullmatch(r"p\d{6}").all()


def test_a_like_follows_a_view_of_the_same_picture(events: pd.DataFrame) -> None:
    views, likes = (events[events["event_type"] == kind] for kind in ("view", "like"))
    pairs = likes.merge(views, on=["user_id", "item_id", "event_date"], suffixes=("_like", "_view"))
    is_after = pairs["occurred_at_like"] >= pairs["occurred_at_view"]
    assert set(pairs.loc[is_after, "event_id_like"]) == set(likes["event_id"])


def test_the_mean_volume_is_the_one_asked_for(service: PhotoService, events: pd.DataFrame) -> None:
    assert len(events) / service.days == pytest.approx(service.events_per_day, rel=0.05)


def test_a_service_with_hardly_anyone_still_runs() -> None:
    tiny = PhotoService(days=12, users=1, items=1, births_per_day=0, daily_arrivals=0, daily_churn=0.5)
    days = list(simulate_days(tiny))
    assert len(days) == 12
    assert days[-1].events.num_rows == 0


def test_a_service_without_chance_extras_runs() -> None:
    never: dict[str, Any] = dict.fromkeys(("weekly_drift", "daily_churn", "daily_deletions", "revisit_share"), 0)
    on_time_and_once: dict[str, Any] = {"late_share": 0, "duplicate_share": 0}
    plain = PhotoService(days=3, users=50, items=50, categories=("cat",), **never, **on_time_and_once)
    for day in simulate_days(plain):
        assert day.delivered.equals(day.events)


def test_each_purpose_and_day_has_its_own_dice() -> None:
    draws = [stream(*key).random() for key in [(1, "views", 0), (1, "views", 1), (1, "users", 0), (2, "views", 0)]]
    assert len(set(draws)) == 4
    assert stream(1, "views", 1).random() == draws[1]


def test_an_id_past_the_millionth_is_longer_and_leaves_the_others_alone() -> None:
    last = np.array([12, 1_234_567])
    none = np.zeros(2, dtype=np.int64)
    views = Views(user=last, item=last[::-1], time=none, seconds=none.astype(np.float64), liked=none.astype(np.bool_))
    table = events_table(views, date(2026, 10, 5))
    assert table["user_id"].to_pylist() == ["u000012", "u1234567"]
    assert table["item_id"].to_pylist() == ["p1234567", "p000012"]
