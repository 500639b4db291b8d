"""What the user touched before."""

from include.recommender.arrays import MICROS
from include.recommender.sources.source import Source, profiles

OWN_HISTORY = Source(
    "own_history",
    "recency-weighted count of the user's own events with the item (half-life features.half_life_long_days)",
    personal=lambda snapshot, users: profiles(snapshot, users, snapshot.pairs["weight_micros"] / MICROS),
    repeats_only=True,
)
