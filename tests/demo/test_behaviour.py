"""The events show the habits that a recommender is meant to learn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from include.demo.behaviour import like_probability
from include.demo.clock import DAY, SECOND, running_times
from include.demo.photo_service import PhotoService
from include.demo.simulator import SimulatedDay, simulate_days
from include.demo.taste import Taste, kind_prior
from include.demo.viewing_memory import NOTHING, ViewingMemory


@pytest.fixture(scope="module")
def views(days: list[SimulatedDay], events: pd.DataFrame) -> pd.DataFrame:
    """Every view with the category of its picture and whether a like came with it."""
    category = days[-1].items.to_pandas().set_index("item_id")["category"]
    likes = events.loc[events["event_type"] == "like", ["user_id", "item_id", "event_date"]].drop_duplicates()
    found = events[events["event_type"] == "view"].merge(likes.assign(liked=True), how="left")
    return found.assign(category=found["item_id"].map(category), liked=found["liked"].eq(True))


def _top_share(counts: pd.Series, share: float) -> float:
    ordered = counts.sort_values(ascending=False)
    return float(ordered.head(int(len(ordered) * share)).sum() / ordered.sum())


def test_few_pictures_draw_most_views(views: pd.DataFrame) -> None:
    assert _top_share(views["item_id"].value_counts(), 0.1) > 0.3


def test_few_users_make_many_views(views: pd.DataFrame) -> None:
    assert 0.25 < _top_share(views["user_id"].value_counts(), 0.1) < 0.6


def test_weekends_are_busier(events: pd.DataFrame) -> None:
    daily = events.groupby("event_date").size()
    weekend = np.array([day.weekday() >= 5 for day in daily.index])
    assert daily[weekend].mean() > 1.1 * daily[~weekend].mean()


def test_evenings_are_busier_than_nights(events: pd.DataFrame) -> None:
    hour = events["occurred_at"].dt.hour
    assert hour.between(19, 22).sum() > 5 * hour.between(1, 4).sum()


def test_views_come_in_sessions(views: pd.DataFrame) -> None:
    gaps = views.sort_values(["user_id", "occurred_at"]).groupby("user_id")["occurred_at"].diff().dt.total_seconds()
    assert (gaps.dropna() < 120).mean() > 0.6


def test_users_keep_to_their_categories(views: pd.DataFrame) -> None:
    counts = views.groupby(["user_id", "category"]).size().unstack(fill_value=0)
    favourite = counts[counts.sum(axis=1) >= 20].apply(lambda row: row.max() / row.sum(), axis=1)
    overall = counts.sum() / counts.sum().sum()
    assert favourite.mean() > 2 * overall.max()


def test_likes_are_more_frequent_in_the_favourite_category(views: pd.DataFrame) -> None:
    favourite = views.groupby("user_id")["category"].agg(lambda names: names.mode().iloc[0])
    is_favourite = views["category"] == views["user_id"].map(favourite)
    assert views.loc[is_favourite, "liked"].mean() > 1.5 * views.loc[~is_favourite, "liked"].mean()


def test_users_look_longer_at_what_they_like(views: pd.DataFrame) -> None:
    assert views.loc[views["liked"], "value"].mean() > 1.1 * views.loc[~views["liked"], "value"].mean()


def _reopened_share(service: PhotoService) -> float:
    days = [day.events.to_pandas().assign(event_date=day.event_date) for day in simulate_days(service)]
    views = pd.concat(days).query("event_type == 'view'").drop_duplicates(["user_id", "item_id", "event_date"])
    return float(views.duplicated(["user_id", "item_id"]).mean())


def test_users_reopen_pictures(service: PhotoService) -> None:
    with_habit = _reopened_share(replace(service, days=10))
    without_habit = _reopened_share(replace(service, days=10, revisit_share=0.0))
    assert with_habit > without_habit + 0.5 * service.revisit_share


def test_liked_pictures_are_reopened_more(service: PhotoService) -> None:
    alike = replace(service, days=10, categories=("cat",), hidden_styles=1, front_page_share=1.0, revisit_share=0.4)
    seen = pd.concat([day.events.to_pandas().assign(event_date=day.event_date) for day in simulate_days(alike)])
    pairs = seen.groupby(["user_id", "item_id"]).agg(
        liked=("event_type", lambda kinds: "like" in set(kinds)), days=("event_date", "nunique")
    )
    again = pairs["days"].gt(1).groupby(pairs["liked"]).mean()
    assert again[True] > 1.25 * again[False]


def test_users_come_and_go(days: list[SimulatedDay], events: pd.DataFrame) -> None:
    assert days[-1].users > days[0].users
    joined = events.groupby("user_id")["event_date"].min()
    assert (joined[joined.index >= f"u{days[0].users:06d}"] > days[0].event_date).all()


def test_users_leave(service: PhotoService) -> None:
    leaving = list(simulate_days(replace(service, days=15, daily_arrivals=0.0, daily_churn=0.2)))
    first, last = (len(set(day.events["user_id"].to_pylist())) for day in (leaving[0], leaving[-1]))
    assert last < 0.3 * first


def test_like_probability_rises_with_affinity_and_keeps_its_mean() -> None:
    affinity = np.linspace(0, 1, 101)
    chance = like_probability(affinity, np.ones(101, dtype=np.bool_), likes_per_view=0.2)
    assert (np.diff(chance) > 0).all()
    assert chance.mean() == pytest.approx(0.2)


def test_a_reopened_picture_brings_no_like() -> None:
    chance = like_probability(np.array([0.5, 0.5]), np.array([True, False]), likes_per_view=0.2)
    assert chance.tolist() == pytest.approx([0.4, 0.0])


def test_taste_drifts_slowly() -> None:
    rng, users = np.random.default_rng(3), np.arange(500)
    taste = Taste(kind_prior(8), strength=3.0, weekly_drift=0.05)
    taste.welcome(rng, len(users))
    kinds = np.full(len(users), 2)
    before = taste.liking(users, kinds)
    taste.drift(rng)
    after = taste.liking(users, kinds)
    assert not np.array_equal(before, after)
    assert np.corrcoef(before, after)[0, 1] > 0.6


def test_turned_users_like_least_what_they_liked_most_and_the_others_stay() -> None:
    taste = Taste(np.full(6, 1 / 6), strength=3.0, weekly_drift=0.05)
    taste.welcome(np.random.default_rng(3), 4)
    before = np.array([taste.liking(np.arange(4), np.full(4, kind)) for kind in range(6)])
    taste.turn(np.array([1, 3]))
    after = np.array([taste.liking(np.arange(4), np.full(4, kind)) for kind in range(6)])
    assert (after[:, [1, 3]].argmin(axis=0) == before[:, [1, 3]].argmax(axis=0)).all()
    assert (after[:, [0, 2]] == before[:, [0, 2]]).all()


def test_taste_decides_what_is_picked() -> None:
    taste = Taste(np.array([0.5, 0.25, 0.25]), strength=0.0, weekly_drift=0.0)
    taste.welcome(np.random.default_rng(1), 1)
    picked = taste.pick(np.random.default_rng(1), np.zeros(8_000, dtype=np.int64))
    assert np.bincount(picked) / 8_000 == pytest.approx([0.5, 0.25, 0.25], abs=0.02)


def test_memory_recalls_only_what_the_user_saw() -> None:
    memory = ViewingMemory()
    memory.make_room(3)
    memory.remember(np.array([0, 2, 0]), np.array([10, 30, 11]))
    recalled = memory.recall(np.random.default_rng(1), np.repeat([0, 1, 2], 50))
    assert set(recalled[:50]) == {10, 11}
    assert set(recalled[50:100]) == {NOTHING}
    assert set(recalled[100:]) == {30}
    assert memory.holds(np.array([0, 1, 2]), np.array([10, 10, 31])).tolist() == [True, False, False]


def test_memory_forgets_the_oldest() -> None:
    memory = ViewingMemory()
    memory.make_room(1)
    memory.remember(np.zeros(200, dtype=np.int64), np.arange(200))
    assert memory.holds(np.zeros(2, dtype=np.int64), np.array([0, 199])).tolist() == [False, True]


def test_views_follow_each_other_and_end_with_the_day() -> None:
    starts, session = np.array([0, DAY - 5 * SECOND]), np.array([0, 0, 0, 1, 1])
    times = running_times(starts, session, np.array([2.0, 3.0, 1.0, 60.0, 1.0]))
    assert times.tolist() == [0, 2 * SECOND, 5 * SECOND, DAY - 5 * SECOND, DAY - 1]
