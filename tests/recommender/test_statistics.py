"""SQL that reduces events to aggregates: golden values, counted a second time in pandas."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from include.recommender.statistics import items_snapshot, positive_parameters, statistics_at, targets_between
from include.recommender.tables import ITEM_STATS, USER_ITEMS, USER_STATS
from include.retraining.errors import TrainingDataError
from tests.recommender.small_world import (
    DAY,
    Rows,
    catalogue,
    days_ago,
    event,
    random_catalogue,
    random_events,
    warehouse_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.table import Table

    SettingsWith = Callable[..., RecommenderSettings]
    Stats = Callable[..., pd.DataFrame]

USER_WINDOWS = (7, 28, 90)
ITEM_WINDOWS = (1, 3, 7, 14, 28, 90)
BORDERS = (1, 2, 3, 4, 7, 8, 14, 15, 28, 29, 90, 91)


@pytest.fixture
def stats(tmp_path: Path, settings: RecommenderSettings) -> Stats:
    """Rows of one statistics table as of DAY, indexed by its ids."""

    def run(table: Table, events: Rows, items: Rows | None = None, using: RecommenderSettings = settings) -> Any:
        items = items or catalogue(sorted({row["item_id"] for row in events}))
        frame = statistics_at(warehouse_of(tmp_path, events, items), using, table, DAY, DAY).to_pandas()
        assert (frame.pop("as_of_date") == DAY).all()
        return frame.set_index([name for name in table.key if name != "as_of_date"]).sort_index()

    return run


def visible(events: Rows, settings: RecommenderSettings) -> pd.DataFrame:
    """The events a run for DAY may see, with what pandas can tell about each."""
    frame = pd.DataFrame(events)
    age = frame["event_date"].map(lambda day: (DAY - day).days)
    seen = (age > 0) & (frame["arrival_date"] <= DAY) & (age <= settings.features.history_days)
    types = settings.business.positive_event_types

    def weight(half_life: float) -> pd.Series:
        return age.map(lambda days: math.floor(1e6 * 0.5 ** (days / half_life) + 0.5))

    return frame.assign(
        age=age,
        positive=frame["event_type"].isin(types) if types else True,
        **{name: weight(half_life) for name, half_life in settings.features.half_lives.items()},
        value_micros=frame["value"].map(lambda value: 0 if pd.isna(value) else round(value * 1e6)),
    )[seen]


def expected_items(events: Rows, items: Rows, settings: RecommenderSettings) -> dict[str, dict[str, Any]]:
    seen = visible(events, settings)
    seen = seen[seen["positive"]]
    result = {}
    for row in items:
        own = seen[seen["item_id"] == row["item_id"]]
        by_user = own.groupby("user_id")["event_date"].nunique()
        ages = own.groupby("user_id")["age"]
        result[row["item_id"]] = {
            "category": row["category"],
            "is_active": row["is_active"],
            "first_date": own["event_date"].min() if len(own) else None,
            "last_date": own["event_date"].max() if len(own) else None,
            "events": len(own),
            "users": own["user_id"].nunique(),
            **{f"users_{days}d": own[own["age"] <= days]["user_id"].nunique() for days in ITEM_WINDOWS},
            **{f"first_users_{days}d": int((ages.max() <= days).sum()) for days in (7, 28)},
            "repeat_users": int((by_user > 1).sum()),
            "returns": int((by_user - 1).sum()),
            "return_days": int((ages.max() - ages.min()).sum()),
            "weight_micros": int(own["long"].sum()),
            "value_micros": int(own["value_micros"].sum()),
        }
    return result


def expected_users(events: Rows, settings: RecommenderSettings) -> dict[str, dict[str, Any]]:
    return {
        user: {
            "first_date": own["event_date"].min(),
            "last_date": own["event_date"].max(),
            "active_days": own["event_date"].nunique(),
            "events": len(own),
            **{f"events_{days}d": int((own["age"] <= days).sum()) for days in USER_WINDOWS},
            "items": own["item_id"].nunique(),
            "items_28d": own[own["age"] <= 28]["item_id"].nunique(),
            "value_micros": int(own["value_micros"].sum()),
        }
        for user, own in visible(events, settings).groupby("user_id")
    }


def expected_pairs(events: Rows, settings: RecommenderSettings) -> dict[tuple[str, str], dict[str, Any]]:
    seen = visible(events, settings)
    days = {user: sorted(own["event_date"].unique(), reverse=True) for user, own in seen.groupby("user_id")}
    return {
        (user, item): {
            "first_date": own["event_date"].min(),
            "last_date": own["event_date"].max(),
            "last_visit": days[user].index(own["event_date"].max()) + 1,
            "first_visit": days[user].index(own["event_date"].min()) + 1,
            "active_days": own["event_date"].nunique(),
            "events": int(own["positive"].sum()),
            **{f"events_{days}d": int((own["positive"] & (own["age"] <= days)).sum()) for days in USER_WINDOWS},
            "other_events": int((~own["positive"].astype(bool)).sum()),
            "weight_short_micros": int(own["short"][own["positive"]].sum()),
            "weight_medium_micros": int(own["medium"][own["positive"]].sum()),
            "weight_micros": int(own["long"][own["positive"]].sum()),
            "value_micros": int(own["value_micros"].sum()),
        }
        for (user, item), own in seen.groupby(["user_id", "item_id"])
    }


def assert_equal(found: pd.DataFrame, expected: dict[Any, dict[str, Any]]) -> None:
    assert list(found.index) == sorted(expected)
    for key, row in expected.items():
        values = found.loc[key]
        assert {name: None if pd.isna(values[name]) else values[name] for name in row} == row, key


@pytest.fixture(params=[(), ("like",)], ids=["all types are positive", "only likes are positive"])
def chosen_types(request: pytest.FixtureRequest, settings_with: SettingsWith) -> RecommenderSettings:
    business = {"positive_event_types": request.param}
    return settings_with(
        business=business, features={"history_days": 120, "half_life_long_days": 45, "half_life_short_days": 3}
    )


EVENTS_OF_A_SEASON = [
    *random_events(seed=1, count=500, users=12, items=20, days=130),
    event("u000", "i000", 0, late=-1),  # on DAY itself, and already there
    event("u000", "i001", 1, late=1),  # arrives a day too late for this run
]


def test_item_stats_equal_an_independent_count(stats: Stats, chosen_types: RecommenderSettings) -> None:
    items = random_catalogue(20)
    found = stats(ITEM_STATS, EVENTS_OF_A_SEASON, items, chosen_types)
    assert_equal(found, expected_items(EVENTS_OF_A_SEASON, items, chosen_types))


def test_user_stats_equal_an_independent_count_of_every_event_type(
    stats: Stats, chosen_types: RecommenderSettings
) -> None:
    found = stats(USER_STATS, EVENTS_OF_A_SEASON, using=chosen_types)
    assert_equal(found, expected_users(EVENTS_OF_A_SEASON, chosen_types))


def test_user_items_equal_an_independent_count(stats: Stats, chosen_types: RecommenderSettings) -> None:
    found = stats(USER_ITEMS, EVENTS_OF_A_SEASON, using=chosen_types)
    assert_equal(found, expected_pairs(EVENTS_OF_A_SEASON, chosen_types))


def test_a_window_of_n_days_reaches_back_exactly_n_days(stats: Stats) -> None:
    events = [event(f"u{age}", "i", age) for age in BORDERS]
    row = stats(ITEM_STATS, events).loc["i"]
    assert [row[f"users_{days}d"] for days in ITEM_WINDOWS] == [1, 3, 5, 7, 9, 11]
    assert [row[f"first_users_{days}d"] for days in (7, 28)] == [5, 9]
    one_user = [event("u", f"i{age}", age) for age in BORDERS]
    user = stats(USER_STATS, one_user).loc["u"]
    assert [user["events_7d"], user["events_28d"], user["events_90d"], user["items_28d"]] == [5, 9, 11, 9]
    pair = stats(USER_ITEMS, [event("u", "i", age) for age in BORDERS]).loc[("u", "i")]
    assert [pair["events_7d"], pair["events_28d"], pair["events_90d"]] == [5, 9, 11]


def test_history_days_is_the_oldest_age_that_counts(stats: Stats, settings_with: SettingsWith) -> None:
    using = settings_with(features={"history_days": 100})
    events = [event("u", "i", 100), event("u", "i", 101)]
    for table in (ITEM_STATS, USER_STATS, USER_ITEMS):
        assert stats(table, events, using=using).iloc[0]["events"] == 1


def test_an_event_weighs_half_a_million_micro_units_after_one_half_life(stats: Stats) -> None:
    events = [event("u", "i", 90), event("u", "i", 180), event("v", "i", 1)]
    pair = stats(USER_ITEMS, events).loc[("u", "i")]
    assert pair["weight_micros"] == 500_000 + 250_000
    assert pair["weight_medium_micros"] == 125_000 + round(1e6 * 0.5**6)
    assert pair["weight_short_micros"] == round(1e6 * 0.5 ** (90 / 7))
    assert stats(ITEM_STATS, events).loc["i", "weight_micros"] == 750_000 + round(1e6 * 0.5 ** (1 / 90))


def test_rule_2_events_of_the_date_itself_and_later_arrivals_are_not_seen(stats: Stats) -> None:
    base = [event("u", "i", 3)]
    unseen = [event("u", "i", 0, late=-1), event("u", "i", -1), event("u", "i", 2, late=2), event("w", "i", 1, late=1)]
    assert unseen[2]["arrival_date"] > DAY
    items = catalogue(["i"])
    for table in (ITEM_STATS, USER_STATS, USER_ITEMS):
        pd.testing.assert_frame_equal(stats(table, base + unseen, items), stats(table, base, items))


def test_a_late_event_counts_once_it_has_arrived(stats: Stats) -> None:
    arrives_on_day = event("u", "i", 3, late=2)
    assert arrives_on_day["arrival_date"] == DAY
    assert stats(USER_ITEMS, [arrives_on_day]).loc[("u", "i"), "events"] == 1


def test_an_item_created_later_is_hidden_until_it_is_there(stats: Stats) -> None:
    midnight = datetime.combine(DAY, datetime.min.time(), UTC)
    items = [
        *catalogue(["there"], created_at=midnight - timedelta(seconds=1)),
        *catalogue(["not_yet"], created_at=midnight),
        *catalogue(["not_yet_but_seen"], created_at=midnight),
        *catalogue(["undated"], created_at=None),
    ]
    found = stats(ITEM_STATS, [event("u", "not_yet_but_seen", 1)], items)
    assert list(found.index) == ["not_yet_but_seen", "there", "undated"]


def test_created_date_is_a_date_of_the_business_timezone(stats: Stats, settings_with: SettingsWith) -> None:
    late_evening_utc = datetime.combine(days_ago(1), datetime.min.time(), UTC) + timedelta(hours=20)
    items = catalogue(["i"], created_at=late_evening_utc) + catalogue(["seen"])
    events = [event("u", "seen", 1)]
    assert stats(ITEM_STATS, events, items).loc["i", "created_date"] == days_ago(1)
    tokyo = settings_with(business={"timezone": "Asia/Tokyo"})
    assert list(stats(ITEM_STATS, events, items, tokyo).index) == ["seen"]


def test_an_inactive_item_and_one_without_events_keep_their_rows(stats: Stats) -> None:
    items = catalogue(["gone"], is_active=False) + catalogue(["quiet"])
    found = stats(ITEM_STATS, [event("u", "gone", 1)], items)
    assert not found.loc["gone", "is_active"]
    assert found.loc["gone", "users"] == 1
    assert found.loc["quiet", "events"] == found.loc["quiet", "weight_micros"] == 0
    assert found.loc["quiet", "first_date"] is None


def test_an_item_outside_the_catalogue_has_no_statistics_but_its_pairs_are_kept(stats: Stats) -> None:
    events = [event("u", "unknown", 1), event("u", "known", 1)]
    assert list(stats(ITEM_STATS, events, catalogue(["known"])).index) == ["known"]
    assert list(stats(USER_ITEMS, events, catalogue(["known"])).index) == [("u", "known"), ("u", "unknown")]


def test_visits_are_the_days_of_the_user_counted_back_from_the_latest(stats: Stats) -> None:
    events = [event("u", "i", 30), event("u", "i", 9), event("u", "other", 9), event("u", "other", 2)]
    found = stats(USER_ITEMS, [*events, event("v", "i", 1), event("u", "other", 2)])
    assert found[["last_visit", "first_visit"]].to_dict("index") == {
        ("u", "i"): {"last_visit": 2, "first_visit": 3},
        ("u", "other"): {"last_visit": 1, "first_visit": 2},
        ("v", "i"): {"last_visit": 1, "first_visit": 1},
    }


def test_a_return_is_a_later_day_of_the_same_user_with_the_item(stats: Stats) -> None:
    events = [event("u", "i", age) for age in (30, 30, 20, 5)] + [event("v", "i", 8), event("v", "i", 8)]
    row = stats(ITEM_STATS, events).loc["i"]
    assert (row["repeat_users"], row["returns"], row["return_days"]) == (1, 2, 25)


def test_statistics_do_not_depend_on_the_order_of_events(stats: Stats) -> None:
    shuffled = random.Random(3).sample(EVENTS_OF_A_SEASON, len(EVENTS_OF_A_SEASON))
    items = random_catalogue(20)
    for table in (ITEM_STATS, USER_STATS, USER_ITEMS):
        pd.testing.assert_frame_equal(stats(table, EVENTS_OF_A_SEASON, items), stats(table, shuffled, items))


@pytest.mark.parametrize("sign", [1, -1])
def test_of_a_value_at_most_a_billion_counts_and_no_sum_is_too_large(stats: Stats, sign: int) -> None:
    """Events stored before a value had to be at most so large, or readmitted, stop no run."""
    events = [event("u", "much", 1, value=sign * 1e9), event("u", "too much", 1, value=sign * 1e300)]
    events += [event("v", "often", age % 9 + 1, value=sign * 999_999_999.0) for age in range(10_000)]
    items, users, pairs = (stats(table, events)["value_micros"] for table in (ITEM_STATS, USER_STATS, USER_ITEMS))
    assert items.to_dict() == {"much": sign * 10**15, "too much": sign * 10**15, "often": sign * 9 * 10**18}
    assert users.to_dict() == {"u": 2 * sign * 10**15, "v": sign * 9 * 10**18}
    assert pairs["v", "often"] == sign * 9 * 10**18


def targets(tmp_path: Path, settings: RecommenderSettings, events: Rows, first: int, end: int, known: int) -> Any:
    warehouse = warehouse_of(tmp_path, events, [])
    rows = targets_between(warehouse, settings, days_ago(first), days_ago(end), days_ago(known))
    return [(row["user_id"], row["item_id"]) for row in rows.to_pylist()]


def test_targets_are_the_distinct_pairs_of_the_window(tmp_path: Path, settings: RecommenderSettings) -> None:
    events = [
        event("u", "before", 15), event("u", "first", 14), event("u", "first", 10), event("u", "last", 8),
        event("a", "last", 9), event("u", "end", 7),
    ]  # fmt: skip
    assert targets(tmp_path, settings, events, 14, 7, 0) == [("a", "last"), ("u", "first"), ("u", "last")]


def test_rule_2_targets_are_what_is_known_on_the_date_of_the_run(tmp_path: Path, settings: RecommenderSettings) -> None:
    events = [event("u", "known", 8, late=7), event("u", "not_known", 8, late=8)]
    events.append(event("u", "today", 0, late=-1))  # already there, yet of the date itself
    assert targets(tmp_path, settings, events, 14, -7, 0) == [("u", "known")]


def test_targets_are_positive_events_only(tmp_path: Path, settings_with: SettingsWith) -> None:
    events = [event("u", "viewed", 8), event("u", "liked", 8, event_type="like")]
    likes = settings_with(business={"positive_event_types": ["like"]})
    assert targets(tmp_path, likes, events, 14, 7, 0) == [("u", "liked")]
    assert len(targets(tmp_path, settings_with(), events, 14, 7, 0)) == 2


def test_no_positive_event_type_named_means_all(settings_with: SettingsWith) -> None:
    assert positive_parameters(settings_with())["all_positive"] is True
    some = positive_parameters(settings_with(business={"positive_event_types": ["like", "buy"]}))
    assert some == {"all_positive": False, "positive_event_types": ["like", "buy"]}


@pytest.mark.parametrize(
    ("snapshots", "as_of", "known_until", "chosen"),
    [
        ((10, 5, 2), 0, 0, 2),
        ((10, 5, 2), 5, 0, 5),
        ((10, 5, 2), 6, 0, 10),
        ((5, 2), 30, 0, 5),  # stands in for the missing, earlier one
        ((5, 2), 30, 3, 5),
        ((10, 2), 3, 3, 10),
    ],
)
def test_the_newest_snapshot_up_to_the_date_counts_else_the_earliest_known(
    tmp_path: Path, snapshots: tuple[int, ...], as_of: int, known_until: int, chosen: int
) -> None:
    items = [row for age in snapshots for row in catalogue(["i"], days_ago(age))]
    found = items_snapshot(warehouse_of(tmp_path, [], items), days_ago(as_of), days_ago(known_until))
    assert found == days_ago(chosen)


def test_rule_2_a_catalogue_known_only_later_is_none_at_all(tmp_path: Path) -> None:
    warehouse = warehouse_of(tmp_path, [], catalogue(["i"], date(2026, 6, 1)))
    with pytest.raises(TrainingDataError, match="an empty catalogue"):
        items_snapshot(warehouse, DAY, DAY)
