"""Every ranking feature, in one place: its name, what it says, how it is computed. Missing is NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.snapshot import Snapshot

    Values = Callable[[Candidates], NDArray[np.float64]]
    State = Callable[[Snapshot], NDArray[np.float64]]


@dataclass(frozen=True)
class Feature:
    """A column of the ranking matrix; `compute` gives one float64 per candidate pair.

    Where it says the same of an item to every user, or of a user for every item, `of_items` or `of_users` gives one
    float64 per item of the snapshot or user of the block instead. A `retired` feature is still computed, for a champion
    that knows it, but no new ranker learns from it.
    """

    name: str
    doc: str
    compute: Values | None = None
    of_items: State | None = None
    of_users: State | None = None
    retired: bool = False


def feature_matrix(candidates: Candidates, names: Sequence[str] | None = None) -> NDArray[np.float32]:
    """The named features (default: all of FEATURES) of the candidates, shape (pairs, features).

    In Fortran order: a feature is written in one go, and XGBoost reads either order alike.
    """
    wanted = FEATURE_NAMES if names is None else tuple(names)
    columns = np.empty((len(wanted), len(candidates.item)), np.float32)
    for name, column in zip(wanted, columns, strict=True):
        _fill(column, FEATURE_OF[name], candidates)
    return columns.T


def _fill(column: NDArray[np.float32], feature: Feature, candidates: Candidates) -> None:
    if feature.compute:
        column[:] = feature.compute(candidates)
    elif feature.of_items:
        np.take(_once(feature, feature.of_items, candidates.snapshot), candidates.item, out=column, mode="clip")
    elif feature.of_users:
        np.take(feature.of_users(candidates.block).astype(np.float32), candidates.row, out=column, mode="clip")


def _once(feature: Feature, of_items: State, snapshot: Snapshot) -> NDArray[np.float32]:
    """What a feature says of each item, made for the first block of candidates and kept for the others."""
    if feature.name not in snapshot.made:
        snapshot.made[feature.name] = of_items(snapshot).astype(np.float32)
    return snapshot.made[feature.name]


def _item(column: str) -> State:
    return lambda s: s.items[column]


def _user(column: str) -> State:
    return lambda s: s.users[column]


def _pair(column: str, missing: float = np.nan) -> Values:
    return lambda c: c.pair_values(column, missing)


def _score(source: str) -> Values:
    return lambda c: c.scores[source] if source in c.scores else np.full(len(c.item), np.nan)


def _rank(name: str) -> Values:
    return lambda c: c.ranks[name] if name in c.ranks else np.full(len(c.item), np.nan)


def _ratio(top: NDArray[Any], bottom: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0))


def _item_since(column: str) -> State:
    """Days from a date column of the items to as_of_date."""
    return lambda s: np.subtract(s.day, s.items[column])


def _user_since(column: str) -> State:
    return lambda s: np.subtract(s.day, s.users[column])


def _pair_since(column: str) -> Values:
    return lambda c: np.subtract(c.snapshot.day, c.pair_values(column))


def _item_ratio(top: str, bottom: str) -> State:
    return lambda s: _ratio(s.items[top], s.items[bottom])


def _user_ratio(top: str, bottom: str) -> State:
    return lambda s: _ratio(s.users[top], s.users[bottom])


def _pair_ratio(top: str, bottom: str) -> Values:
    return lambda c: _ratio(c.pair_values(top), c.pair_values(bottom))


def _source_count(c: Candidates) -> NDArray[np.float64]:
    return np.asarray(np.sum(list(c.proposed.values()), axis=0), np.float64)


def _best_rank(c: Candidates) -> NDArray[np.float64]:
    return np.asarray(np.fmin.reduce([c.ranks[name] for name in c.scores]))


def _mean_rank(c: Candidates) -> NDArray[np.float64]:
    """Mean of the reciprocal ranks: sources that say nothing count as 0."""
    return np.asarray(np.mean([np.nan_to_num(1 / c.ranks[name]) for name in c.scores], axis=0))


def _item_gap(s: Snapshot) -> NDArray[np.float64]:
    """Mean days between a user's returns to the item, drawn to 60 days where there are few returns."""
    return np.asarray((s.items["return_days"] + 5 * 60) / (s.items["returns"] + 5))


def _comeback(days: int) -> State:
    """Share of those who had touched the item before the last `days` days who touched it again in them."""

    def share(s: Snapshot) -> NDArray[np.float64]:
        first = s.items[f"first_users_{days}d"]
        return _ratio(s.items[f"users_{days}d"] - first, s.items["users"] - first)

    return share


def _pair_day_share(c: Candidates) -> NDArray[np.float64]:
    return _ratio(c.pair_values("active_days", 0), c.block.users["active_days"][c.row])


def _pair_gap(c: Candidates) -> NDArray[np.float64]:
    span = c.pair_values("last_date") - c.pair_values("first_date")
    return _ratio(span, c.pair_values("active_days") - 1)


def _since_pair(c: Candidates) -> NDArray[np.float64]:
    return np.asarray(c.snapshot.day - c.pair_values("last_date"))


def _pair_due(c: Candidates) -> NDArray[np.float64]:
    return _ratio(_since_pair(c), _pair_gap(c))


def _pair_due_by_item(c: Candidates) -> NDArray[np.float64]:
    return _ratio(_since_pair(c), _item_gap(c.snapshot)[c.item])


def _user_gap(s: Snapshot) -> NDArray[np.float64]:
    return _ratio(s.users["last_date"] - s.users["first_date"], s.users["active_days"] - 1)


def _user_due(s: Snapshot) -> NDArray[np.float64]:
    return _ratio(s.day - s.users["last_date"], _user_gap(s))


def _of_pairs(s: Snapshot, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of `values` (one per pair of the block) over the pairs of each user."""
    return _ratio(np.bincount(s.pair_user, values, minlength=s.shape[0]), np.diff(s.pair_start).astype(np.float64))


def _user_repeat_share(s: Snapshot) -> NDArray[np.float64]:
    return _of_pairs(s, (s.pairs["active_days"] > 1).astype(np.float64))


def _user_popularity(s: Snapshot) -> NDArray[np.float64]:
    return _of_pairs(s, np.log1p(s.items["users_90d"][s.pair_item]))


def _popularity_gap(c: Candidates) -> NDArray[np.float64]:
    return np.asarray(np.log1p(c.snapshot.items["users_90d"][c.item]) - _user_popularity(c.block)[c.row])


def _user_novelty(s: Snapshot) -> NDArray[np.float64]:
    """Share of the user's items that were first touched by anybody less than 30 days before the user did."""
    return _of_pairs(s, (s.pairs["first_date"] - s.items["first_date"][s.pair_item] < 30).astype(np.float64))


def _category_share(column: str) -> Values:
    """Share of the user's weight that lies in the item's category; NaN for a user without weight."""

    def share(c: Candidates) -> NDArray[np.float64]:
        s = c.block
        width = len(s.category_names)
        cell = s.pair_user * width + s.categories[s.pair_item]
        weights = np.bincount(cell, s.pairs[column], minlength=s.shape[0] * width).astype(np.float64)
        totals = np.bincount(s.pair_user, s.pairs[column], minlength=s.shape[0]).astype(np.float64)
        return _ratio(weights[c.row * width + s.categories[c.item]], totals[c.row])

    return share


def _since_category(c: Candidates) -> NDArray[np.float64]:
    """Days since the user touched the item's category."""
    s = c.block
    width = len(s.category_names)
    last = np.full(s.shape[0] * width, np.nan)
    np.fmax.at(last, s.pair_user * width + s.categories[s.pair_item], s.pairs["last_date"])
    return np.asarray(s.day - last[c.row * width + s.categories[c.item]])


def _share_in_category(s: Snapshot) -> NDArray[np.float64]:
    """Share of the item in the users of its category in the last 28 days."""
    totals = np.bincount(s.categories, s.items["users_28d"], minlength=len(s.category_names)).astype(np.float64)
    return _ratio(s.items["users_28d"], totals[s.categories])


def _value_gap(c: Candidates) -> NDArray[np.float64]:
    """Item's mean value against the user's: log ratio, NaN where either is not positive."""
    items, users = c.snapshot.items, c.block.users
    item = _ratio(items["value_micros"][c.item], items["events"][c.item])
    user = _ratio(users["value_micros"], users["events"])[c.row]
    usable = (item > 0) & (user > 0)
    return np.where(usable, np.log(np.where(usable, item, 1)) - np.log(np.where(usable, user, 1)), np.nan)


def _of_item(name: str, doc: str, state: State) -> Feature:
    return Feature(name, doc, of_items=state)


def _of_user(name: str, doc: str, state: State) -> Feature:
    return Feature(name, doc, of_users=state)


FEATURE_GROUPS: Mapping[str, tuple[Feature, ...]] = {
    "sources": (
        *(Feature(f"{source.name}_score", f"score: {source.doc}", _score(source.name)) for source in SOURCES),
        *(Feature(f"{source.name}_rank", f"rank by: {source.doc}", _rank(source.name)) for source in SOURCES),
        Feature("source_count", "how many sources proposed the item", _source_count),
        Feature("best_rank", "the best rank that any source gives the item", _best_rank),
        Feature("mean_reciprocal_rank", "mean of 1 / rank over the sources; 0 where one says nothing", _mean_rank),
    ),
    "pair": (
        Feature("pair_events", "events of the user with the item", _pair("events", 0)),
        Feature("pair_events_7d", "events of the user with the item in 7 days", _pair("events_7d", 0)),
        Feature("pair_events_28d", "events of the user with the item in 28 days", _pair("events_28d", 0)),
        Feature("pair_events_90d", "events of the user with the item in 90 days", _pair("events_90d", 0)),
        Feature("pair_other_events", "events with the item that are not positive ones", _pair("other_events", 0)),
        Feature("pair_weight_short", "events with it, short half-life (micros)", _pair("weight_short_micros", 0)),
        Feature("pair_weight_medium", "events with it, medium half-life (micros)", _pair("weight_medium_micros", 0)),
        Feature("pair_active_days", "days on which the user touched the item", _pair("active_days", 0)),
        Feature("pair_visit_share", "share with it of days since the first", _pair_ratio("active_days", "first_visit")),
        Feature("pair_day_share", "share of all the user's days that were with the item", _pair_day_share),
        Feature("pair_visits_since_last", "user's days since the last with it (1: latest)", _pair("last_visit")),
        Feature("pair_days_since_last", "days since the user touched the item", _since_pair),
        Feature("pair_days_since_first", "days since the user first touched the item", _pair_since("first_date")),
        Feature("pair_gap", "mean days between the user's returns to the item", _pair_gap),
        Feature("pair_due", "days since the last touch over the user's mean gap with the item", _pair_due),
        Feature("pair_due_by_item", "days since the last touch over all users' gap", _pair_due_by_item),
        Feature("pair_recency_rank", "rank by last touch among the candidates", _rank("pair_recency")),
        Feature("pair_weight_short_rank", "rank by events, short half-life", _rank("pair_weight_short")),
        Feature("pair_weight_medium_rank", "rank by events, medium half-life", _rank("pair_weight_medium")),
        Feature("pair_visit_share_rank", "rank by share of days with the item", _rank("pair_visit_share")),
    ),
    "item": (
        _of_item("item_users_14d", "distinct users of the item in 14 days", _item("users_14d")),
        _of_item("item_users_90d", "distinct users of the item in 90 days", _item("users_90d")),
        _of_item("item_users", "distinct users of the item ever", _item("users")),
        _of_item("item_trend_1d_7d", "item's users of 1 day over those of 7", _item_ratio("users_1d", "users_7d")),
        _of_item("item_trend_3d_7d", "item's users of 3 days over those of 7", _item_ratio("users_3d", "users_7d")),
        _of_item("item_trend_7d_28d", "item's users of 7 days over those of 28", _item_ratio("users_7d", "users_28d")),
        _of_item("item_trend_28d_90d", "item's users of 28 days over 90", _item_ratio("users_28d", "users_90d")),
        _of_item("item_trend_28d_all", "item's users of 28 days over all it had", _item_ratio("users_28d", "users")),
        _of_item("item_first_users_7d", "users who first touched the item in 7 days", _item("first_users_7d")),
        _of_item("item_first_users_28d", "users who first touched the item in 28 days", _item("first_users_28d")),
        _of_item("item_first_share_28d", "share of first users in 28 days",
                 _item_ratio("first_users_28d", "users_28d")),
        _of_item("item_weight", "recency-weighted events of the item (micro-units)", _item("weight_micros")),
        _of_item("item_age_days", "days since the item's first event", _item_since("first_date")),
        _of_item("item_days_since_last", "days since the item's last event", _item_since("last_date")),
        _of_item("item_repeat_share", "share of the item's users who came back", _item_ratio("repeat_users", "users")),
        _of_item("item_comeback_7d", "share of earlier users who came back in 7 days", _comeback(7)),
        _of_item("item_comeback_28d", "share of earlier users who came back in 28 days", _comeback(28)),
        _of_item("item_gap", "mean days between a user's returns to the item, over all users", _item_gap),
        _of_item("item_share_in_category", "share of the users of its category", _share_in_category),
        Feature("popularity_gap", "popularity of the item beyond that of the user's items (log)", _popularity_gap),
    ),
    "user": (
        _of_user("user_events", "events of the user", _user("events")),
        _of_user("user_events_7d", "events of the user in 7 days", _user("events_7d")),
        _of_user("user_events_28d", "events of the user in 28 days", _user("events_28d")),
        _of_user("user_items", "distinct items of the user", _user("items")),
        _of_user("user_active_days", "days on which the user came", _user("active_days")),
        _of_user("user_items_per_day", "items per day of the user", _user_ratio("items", "active_days")),
        _of_user("user_days_since_last", "days since the user came", _user_since("last_date")),
        _of_user("user_days_since_first", "days since the user first came", _user_since("first_date")),
        _of_user("user_gap", "mean days between the user's visits", _user_gap),
        _of_user("user_due", "days since the user came over the mean gap between visits", _user_due),
        _of_user("user_events_per_item", "events per item of the user", _user_ratio("events", "items")),
        _of_user("user_repeat_share", "share of the user's items touched on several days", _user_repeat_share),
        _of_user("user_popularity", "mean popularity of the user's items (log users of 90 days)", _user_popularity),
        _of_user("user_novelty", "share of the user's items that were new when touched", _user_novelty),
    ),
    "category": (
        Feature("category_share", "user's share in the item's category", _category_share("weight_medium_micros")),
        Feature("category_share_long", "the same share with the long half-life", _category_share("weight_micros")),
        Feature("category_days_since_last", "days since the user touched the item's category", _since_category),
    ),
    "value": (
        Feature("pair_value", "value of the user's events with the item (micro-units)", _pair("value_micros")),
        _of_item("item_value", "mean value of the item's events (micro-units)", _item_ratio("value_micros", "events")),
        _of_user("user_value", "mean value of the user's events (micro-units)", _user_ratio("value_micros", "events")),
        Feature("value_gap", "log ratio of the item's mean value and the user's", _value_gap),
    ),
}  # fmt: skip

FEATURES = tuple(feature for group in FEATURE_GROUPS.values() for feature in group)
FEATURE_OF = {feature.name: feature for feature in FEATURES}
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
LEARNED = tuple(feature.name for feature in FEATURES if not feature.retired)
