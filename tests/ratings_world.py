"""Simulated film ratings and coin tosses: domains other than the demo's, on which the default settings are tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from include.demo.arrays import Flags, Floats, Ints

MOMENT = pa.timestamp("us", tz="UTC")
EVENTS_SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("occurred_at", MOMENT, nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
ITEMS_SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("created_at", MOMENT),
        pa.field("is_active", pa.bool_(), nullable=False),
    ]
)
GENRES = (
    "action", "adventure", "animation", "comedy", "crime", "documentary", "drama", "family", "fantasy", "history",
    "horror", "musical", "romance", "thriller", "western",
)  # fmt: skip
SECOND = np.timedelta64(1, "s")
DAY = 86_400
LONGEST_SESSION = 20


@dataclass(frozen=True)
class RatingsSettings:
    """The size and the habits of the world. Pulls are in units of log odds, half-lives and stays in days."""

    start: date = date(2023, 12, 1)
    days: int = 152
    residents: int = 1200
    visitors: int = 1800
    resident_rate: float = 0.07
    visitor_rate: float = 0.3
    visitor_stay: tuple[int, int] = (7, 21)
    session_size: float = 7.0
    old_items: int = 1500
    releases: int = 1000
    evergreens: int = 25
    evergreen_heat: float = 1.5
    days_between_releases: int = 2
    release_heat: float = 3.3
    release_half_life: tuple[float, float] = (2.0, 10.0)
    release_spread: float = 0.7
    tail_spread: float = 1.0
    genre_pull: float = 2.1
    taste_drift: float = 0.6
    factors: int = 8
    factor_pull: float = 0.8


class _Films:
    """What can be rated: a flat tail, evergreens, and releases that begin hot and cool down to the tail."""

    def __init__(self, rng: np.random.Generator, world: RatingsSettings) -> None:
        self.count = world.old_items + world.releases
        # Shuffled, so that an id tells nothing about age.
        place = rng.permutation(self.count)
        nth_release = place - world.old_items
        self.is_release = nth_release >= 0
        batches = -(-world.days // world.days_between_releases)
        self.released_on = np.where(
            self.is_release, nth_release * batches // world.releases * world.days_between_releases, 0
        )
        self.genre = rng.integers(len(GENRES), size=self.count)
        self.factors = rng.standard_normal((self.count, world.factors)) / np.sqrt(world.factors)
        self.quality = rng.standard_normal(self.count)
        self._tail = np.exp(world.tail_spread * self.quality + world.evergreen_heat * (place < world.evergreens))
        heat = np.exp(world.release_heat + world.release_spread * self.quality)
        self._heat = np.where(self.is_release, heat, 0)
        self._half_life = world.release_half_life[0] * np.power(
            world.release_half_life[1] / world.release_half_life[0], rng.random(self.count)
        )

    def attraction(self, day: int) -> Floats:
        """How much each film draws on a day; 0 before its release."""
        age = np.maximum(day - self.released_on, 0)
        return np.where(day >= self.released_on, self._tail + self._heat * 0.5 ** (age / self._half_life), 0)

    def table(self, rng: np.random.Generator, world: RatingsSettings) -> pa.Table:
        """The catalogue; of every second old film it is not known when it was made."""
        age = np.where(self.is_release, -self.released_on, rng.integers(30, 9000, self.count))
        unknown = ~self.is_release & (rng.random(self.count) < 0.5)
        return _items(self.genre, np.datetime64(world.start, "s") - age * DAY * SECOND, unknown)


class _Audience:
    """Who rates: residents who stay, visitors who leave after a few weeks."""

    def __init__(self, rng: np.random.Generator, world: RatingsSettings) -> None:
        self.count = world.residents + world.visitors
        resident = rng.permutation(self.count) < world.residents
        activity = rng.lognormal(-0.32, 0.8, self.count)
        self._rate = np.where(resident, world.resident_rate * activity, world.visitor_rate)
        stay = rng.integers(world.visitor_stay[0], world.visitor_stay[1] + 1, self.count)
        self._first = np.where(resident, 0, rng.integers(-world.visitor_stay[1], world.days, self.count))
        self._last = np.where(resident, world.days, self._first + stay - 1)
        self._likes_first, self._likes_last = (self._likes(rng) for _ in range(2))
        self._drift = world.taste_drift / world.days
        self._factors = rng.standard_normal((self.count, world.factors))
        self._genre_pull, self._factor_pull = world.genre_pull, world.factor_pull

    def _likes(self, rng: np.random.Generator) -> Floats:
        """1 for the two to four genres that a user likes, and something for the others."""
        ranks = rng.random((self.count, len(GENRES))).argsort(axis=1)
        liked = ranks < rng.integers(2, 5, (self.count, 1))
        return np.where(liked, 1.0, rng.uniform(-0.5, 0.3, ranks.shape))

    def visiting(self, rng: np.random.Generator, day: int) -> Ints:
        """The users who have a session on a day."""
        here = (self._first <= day) & (day <= self._last)
        return np.flatnonzero(here & (rng.random(self.count) < self._rate))

    def liking(self, users: Ints, films: _Films, day: int) -> Floats:
        """How much each of the users likes each film, in log odds."""
        moved = self._drift * day
        genres = (1 - moved) * self._likes_first[users] + moved * self._likes_last[users]
        hidden = self._factors[users] @ films.factors.T
        liking: Floats = self._genre_pull * genres[:, films.genre] + self._factor_pull * hidden
        return liking


def ratings(seed: int, settings: RatingsSettings | None = None) -> tuple[pa.Table, pa.Table]:
    """Return events and items of a world with tastes, releases that cool down, and no rating twice."""
    world = settings or RatingsSettings()
    rng = np.random.default_rng(seed)
    films, audience = _Films(rng, world), _Audience(rng, world)
    unseen = np.ones((audience.count, films.count), dtype=bool)
    days = [_day(rng, world, films, audience, unseen, day) for day in range(world.days)]
    users, items, seconds, values = (np.concatenate(column) for column in zip(*days, strict=True))
    events = _events(world.start, users, items, seconds, values)
    return events, films.table(rng, world)


def _day(
    rng: np.random.Generator,
    world: RatingsSettings,
    films: _Films,
    audience: _Audience,
    unseen: Flags,
    day: int,
) -> tuple[Ints, Ints, Ints, Floats]:
    """One session of every visiting user: user, film, seconds since the start and rating; marks what was seen."""
    users = audience.visiting(rng, day)
    liking = audience.liking(users, films, day)
    weight = films.attraction(day) * np.exp(liking) * unseen[users]
    # The smallest of exponential clocks are a draw without replacement, in proportion to the weights.
    clock = np.full(weight.shape, np.inf)
    np.divide(rng.standard_exponential(weight.shape), weight, out=clock, where=weight > 0)
    chosen = np.argpartition(clock, LONGEST_SESSION, axis=1)[:, :LONGEST_SESSION]
    chosen = np.take_along_axis(chosen, np.take_along_axis(clock, chosen, axis=1).argsort(axis=1), axis=1)
    size = np.clip(2 + rng.geometric(1 / (world.session_size - 2), len(users)), 3, LONGEST_SESSION)
    row, nth = np.nonzero(np.arange(LONGEST_SESSION) < size[:, None])
    items = chosen[row, nth]
    possible = weight[row, items] > 0
    row, nth, items = row[possible], nth[possible], items[possible]
    unseen[users[row], items] = False
    begins = rng.integers(6 * 3600, 23 * 3600, len(users))
    seconds = day * DAY + begins[row] + 60 * nth + rng.integers(60, size=len(row))
    opinion = 2.7 + 0.5 * liking[row, items] + 0.3 * films.quality[items] + 0.6 * rng.standard_normal(len(row))
    return users[row], items, seconds, np.clip(np.round(2 * opinion) / 2, 0.5, 5.0)


def random_interactions(
    seed: int,
    *,
    start: date = date(2023, 12, 1),
    days: int = 152,
    users: int = 1500,
    items: int = 600,
    events: int = 60_000,
) -> tuple[pa.Table, pa.Table]:
    """Return events and items of a world in which every pair is as likely as any other: nothing beats chance."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(users * items, events, replace=False)
    values = rng.integers(1, 11, events) / 2
    happened = _events(start, pairs // items, pairs % items, rng.integers(days * DAY, size=events), values)
    created_at = np.datetime64(start - timedelta(days=30), "s") - rng.integers(9000 * DAY, size=items) * SECOND
    return happened, _items(rng.integers(len(GENRES), size=items), created_at, rng.random(items) < 0.5)


def write(folder: Path, events: pa.Table, items: pa.Table) -> None:
    """Write `events.parquet` and `items.parquet` to a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(events, folder / "events.parquet")
    pq.write_table(items, folder / "items.parquet")


def _events(start: date, users: Ints, items: Ints, seconds: Ints, values: Floats) -> pa.Table:
    """Ratings in order of time."""
    order = np.lexsort((items, users, seconds))
    columns = [
        pa.array([f"u{user:05d}" for user in users[order]]),
        pa.array([f"m{item:05d}" for item in items[order]]),
        pa.repeat("rating", len(order)),
        pa.array(np.datetime64(start, "s") + seconds[order] * SECOND).cast(MOMENT),
        pa.array(values[order]),
    ]
    return pa.table(columns, schema=EVENTS_SCHEMA)


def _items(genres: Ints, created_at: np.ndarray, unknown: Flags) -> pa.Table:
    """A catalogue in which nothing is withdrawn."""
    columns = [
        pa.array([f"m{item:05d}" for item in range(len(genres))]),
        pa.array([GENRES[genre] for genre in genres]),
        pa.array([f"Film {item} ({GENRES[genre]})" for item, genre in enumerate(genres)]),
        pa.array(created_at, mask=unknown).cast(MOMENT),
        pa.repeat(pa.scalar(True), len(genres)),
    ]
    return pa.table(columns, schema=ITEMS_SCHEMA)
