"""Every ranking feature, in one place: its name, what it says, how it is computed. Missing is NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates


@dataclass(frozen=True)
class Feature:
    """A column of the ranking matrix; `compute` gives one float64 per candidate pair.

    A `retired` feature is still computed, for a champion that knows it, but no new ranker learns from it.
    """

    name: str
    doc: str
    compute: Callable[[Candidates], NDArray[np.float64]]
    retired: bool = False


def feature_matrix(candidates: Candidates) -> NDArray[np.float32]:
    """All features of the candidates, shape (pairs, features), in the order of FEATURES."""
    matrix = np.empty((len(candidates.user), len(FEATURES)), np.float32)
    for position, feature in enumerate(FEATURES):
        matrix[:, position] = feature.compute(candidates)
    return matrix


def _item(column: str) -> Callable[[Candidates], NDArray[np.float64]]:
    return lambda c: c.snapshot.items[column][c.item]


def _user(column: str) -> Callable[[Candidates], NDArray[np.float64]]:
    return lambda c: c.snapshot.users[column][c.user]


def _pair(column: str, missing: float = np.nan) -> Callable[[Candidates], NDArray[np.float64]]:
    return lambda c: _pair_values(c, column, missing)


def _pair_values(c: Candidates, column: str, missing: float = np.nan) -> NDArray[np.float64]:
    values = c.snapshot.pairs[column]
    known: NDArray[np.float64] = values[c.pair] if len(values) else np.full(len(c.pair), missing)
    return np.asarray(np.where(c.pair >= 0, known, missing))


def _score(source: str) -> Callable[[Candidates], NDArray[np.float64]]:
    return lambda c: c.scores[source]


def _rank(source: str) -> Callable[[Candidates], NDArray[np.float64]]:
    return lambda c: c.ranks[source]


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0))


def _since(side: str, column: str) -> Callable[[Candidates], NDArray[np.float64]]:
    """Days from a date column of `items`, `users` or `pairs` to as_of_date."""
    if side == "pairs":
        return lambda c: np.subtract(c.snapshot.day, _pair_values(c, column))
    position = {"items": "item", "users": "user"}[side]
    return lambda c: (c.snapshot.day - getattr(c.snapshot, side)[column])[getattr(c, position)]


def _source_count(c: Candidates) -> NDArray[np.float64]:
    return np.asarray(np.sum([~np.isnan(ranks) for ranks in c.ranks.values()], axis=0), np.float64)


def _user_ratio(top: str, bottom: str) -> Callable[[Candidates], NDArray[np.float64]]:
    return lambda c: _ratio(c.snapshot.users[top], c.snapshot.users[bottom])[c.user]


def _pair_gap(c: Candidates) -> NDArray[np.float64]:
    span = _pair_values(c, "last_date") - _pair_values(c, "first_date")
    return _ratio(span, _pair_values(c, "active_days") - 1)


def _pair_due(c: Candidates) -> NDArray[np.float64]:
    return _ratio(c.snapshot.day - _pair_values(c, "last_date"), _pair_gap(c))


def _user_gap(c: Candidates) -> NDArray[np.float64]:
    users = c.snapshot.users
    return _ratio(users["last_date"] - users["first_date"], users["active_days"] - 1)[c.user]


def _item_ratio(top: str, bottom: str) -> Callable[[Candidates], NDArray[np.float64]]:
    return lambda c: _ratio(c.snapshot.items[top], c.snapshot.items[bottom])[c.item]


def _category_share(c: Candidates) -> NDArray[np.float64]:
    """Share of the user's recency weight that lies in the item's category; NaN for a user without weight."""
    s = c.snapshot
    width = len(s.category_names)
    cell = s.pair_user * width + s.categories[s.pair_item]
    weights = np.bincount(cell, s.pairs["weight_micros"], minlength=s.shape[0] * width)
    totals = np.bincount(s.pair_user, s.pairs["weight_micros"], minlength=s.shape[0])
    return _ratio(weights[c.user * width + s.categories[c.item]].astype(np.float64), totals[c.user].astype(np.float64))


def _price_gap(c: Candidates) -> NDArray[np.float64]:
    """Item's mean value against the user's: log ratio, NaN where either is not positive."""
    items, users = c.snapshot.items, c.snapshot.users
    item = _ratio(items["value_micros"], items["events"])[c.item]
    user = _ratio(users["value_micros"], users["events"])[c.user]
    usable = (item > 0) & (user > 0)
    return np.where(usable, np.log(np.where(usable, item, 1)) - np.log(np.where(usable, user, 1)), np.nan)


FEATURES: tuple[Feature, ...] = (
    Feature("own_history_score", "recency-weighted count of the user's events with the item", _score("own_history")),
    Feature("own_history_rank", "rank of the item in the user's own history", _rank("own_history")),
    Feature("similar_items_score", "similarity to what the user touched, recency-weighted", _score("similar_items")),
    Feature("similar_items_rank", "rank among items similar to the user's history", _rank("similar_items")),
    Feature("popularity_7d_rank", "rank by users of the last 7 days", _rank("popularity_7d")),
    Feature("popularity_28d_rank", "rank by users of the last 28 days", _rank("popularity_28d")),
    Feature("source_count", "how many sources proposed the item", _source_count),
    Feature("pair_events", "events of the user with the item", _pair("events", 0)),
    Feature("pair_events_7d", "the same in the last 7 days", _pair("events_7d", 0)),
    Feature("pair_events_28d", "the same in the last 28 days", _pair("events_28d", 0)),
    Feature("pair_events_90d", "the same in the last 90 days", _pair("events_90d", 0)),
    Feature("pair_other_events", "events with the item that are not positive ones", _pair("other_events", 0)),
    Feature("pair_active_days", "days on which the user touched the item", _pair("active_days", 0)),
    Feature("pair_days_since_last", "days since the user touched the item", _since("pairs", "last_date")),
    Feature("pair_days_since_first", "days since the user first touched it", _since("pairs", "first_date")),
    Feature("pair_gap", "mean days between the user's returns to the item", _pair_gap),
    Feature("pair_due", "days since the last touch over that mean gap", _pair_due),
    Feature("item_users_1d", "distinct users of the item in the last day", _item("users_1d")),
    Feature("item_users_7d", "the same in 7 days", _item("users_7d")),
    Feature("item_users_28d", "the same in 28 days", _item("users_28d")),
    Feature("item_users_90d", "the same in 90 days", _item("users_90d")),
    Feature("item_trend_1d_7d", "users of the last day over those of 7 days", _item_ratio("users_1d", "users_7d")),
    Feature("item_trend_7d_28d", "users of 7 days over those of 28", _item_ratio("users_7d", "users_28d")),
    Feature("item_trend_28d_90d", "users of 28 days over those of 90", _item_ratio("users_28d", "users_90d")),
    Feature("item_weight", "recency-weighted events of the item (micro-units)", _item("weight_micros")),
    Feature("item_age_days", "days since the item's first event", _since("items", "first_date")),
    Feature("item_days_since_last", "days since the item's last event", _since("items", "last_date")),
    Feature("item_repeat_share", "share of its users who came back another day", _item_ratio("repeat_users", "users")),
    Feature("item_value", "mean value of the item's events (micro-units)", _item_ratio("value_micros", "events")),
    Feature("user_events", "events of the user", _user("events")),
    Feature("user_events_7d", "the same in the last 7 days", _user("events_7d")),
    Feature("user_events_28d", "the same in the last 28 days", _user("events_28d")),
    Feature("user_items", "distinct items of the user", _user("items")),
    Feature("user_active_days", "days on which the user came", _user("active_days")),
    Feature("user_days_since_last", "days since the user came", _since("users", "last_date")),
    Feature("user_gap", "mean days between the user's visits", _user_gap),
    Feature("user_events_per_item", "events per item of the user", _user_ratio("events", "items")),
    Feature("category_share", "share of the user's recent weight in the item's category", _category_share),
    Feature("value_gap", "log ratio of the item's mean value and the user's", _price_gap),
)  # fmt: skip

FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
LEARNED = tuple(feature.name for feature in FEATURES if not feature.retired)
