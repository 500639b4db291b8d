"""Rule 2 as a property: whatever happens on the date of a run or arrives later changes nothing that is made for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.recommender.baselines import baselines_of
from include.recommender.candidates import propose
from include.recommender.contenders import baseline
from include.recommender.drafts import lists_of, popular_items, similar_items
from include.recommender.settings import SURFACES, RecommenderSettings
from include.recommender.similarities import compute_similarities
from include.recommender.snapshot import similarity_rows, snapshot_of
from include.recommender.statistics import statistics_at
from include.recommender.tables import (
    CHOSEN_PARAMETERS,
    DRAFT_POPULAR_ITEMS,
    DRAFT_SIMILAR_ITEMS,
    DRAFT_USER_RECOMMENDATIONS,
    ITEM_SIMILARITIES,
    ITEM_STATS,
    TRAINING_SET,
    USER_ITEMS,
    USER_STATS,
)
from include.recommender.training_set import build_training_sets
from include.recommender.tuning import choose_parameters
from include.retraining.content_hash import content_hash
from tests.recommender.small_world import DAY, Rows, days_ago, event, random_catalogue, random_events, warehouse_of

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = random_catalogue(15)
SMALL: dict[str, Any] = {
    "training": {"snapshots": [2], "snapshot_step_days": 4, "label_days": 4, "holdout_days": 4, "threads": 1},
    "evaluation": {"weeks": 1},
    "tuning": {"weeks": 1},
    "ease": {"regularisation": [3.0, 30.0]},
    "publication": {"list_size": 5},
}


@cache
def history(seed: int) -> tuple[dict[str, Any], ...]:
    return tuple(random_events(seed, count=160, users=8, items=15, days=35))


def made_for(spill: Path, day: date, events: Rows, items: Rows) -> dict[str, str]:
    """Content hashes of all that is made for a date."""
    using = RecommenderSettings(**SMALL)
    warehouse = warehouse_of(spill, events, items)
    statistics = {
        table: statistics_at(warehouse, using, table, day, day) for table in (ITEM_STATS, USER_STATS, USER_ITEMS)
    }
    aggregates = snapshot_of(day, statistics[ITEM_STATS], statistics[USER_STATS], [statistics[USER_ITEMS]])
    snapshot = replace(aggregates, similarities=compute_similarities(aggregates, using))
    everyone = np.arange(snapshot.shape[0])
    rules = {surface: baseline(baselines_of(surface)[-1], using) for surface in SURFACES}
    rows_of = statistics | {
        ITEM_SIMILARITIES: pa.concat_tables(similarity_rows(snapshot, sorted(snapshot.similarities.items()))),
        CHOSEN_PARAMETERS: choose_parameters(warehouse, using, day),
        TRAINING_SET: pa.concat_tables(build_training_sets(warehouse, using, day).values()),
        DRAFT_USER_RECOMMENDATIONS: lists_of(snapshot, rules, 5, everyone, 0, everybody=True),
        DRAFT_POPULAR_ITEMS: popular_items(snapshot, using),
        DRAFT_SIMILAR_ITEMS: similar_items(snapshot, using),
    }
    assert all(rows.num_rows for rows in rows_of.values())
    assert {row["surface"] for row in rows_of[TRAINING_SET].select(["surface"]).to_pylist()} == set(SURFACES)
    hashes = {table.name: content_hash(table, rows) for table, rows in rows_of.items()}
    for surface in SURFACES:
        blocks = [block.features.tobytes() for block in propose(snapshot, everyone, using, surface)]
        hashes[f"candidates {surface}"] = sha256(b"".join(blocks)).hexdigest()
    return hashes


known: dict[tuple[int, date], dict[str, str]] = {}


def made_without_the_future(spill: Path, seed: int, day: date) -> dict[str, str]:
    """The same from a history that ends with the day before, of rows that have arrived."""
    if (seed, day) not in known:
        seen = [row for row in history(seed) if row["event_date"] < day and row["arrival_date"] <= day]
        known[seed, day] = made_for(spill, day, seen, ITEMS)
    return known[seed, day]


users, items = st.sampled_from(["u000", "u001", "u003", "a stranger"]), st.sampled_from(["i000", "i001", "i004", "new"])
today_or_later = st.builds(
    # Whenever it arrived, even before it happened.
    lambda user, item, days, late: event(user, item, -days, late=late),
    users, items, st.integers(0, 40), st.sampled_from([0, -1, -60]),
)  # fmt: skip
arrives_later = st.builds(
    # It happened `age` days before the date, and arrives 1 to 9 days after it.
    lambda user, item, age, days: event(user, item, age, late=age - 1 + days),
    users, items, st.integers(1, 30), st.integers(1, 9),
)  # fmt: skip
later_catalogue = st.builds(
    lambda days, active: [
        {**row, "is_active": active, "category": "new"} for row in random_catalogue(20, days_ago(-days))
    ],
    st.integers(1, 30),
    st.booleans(),
)


def moved(row: dict[str, Any], days: int) -> dict[str, Any]:
    dates = {name: row[name] - timedelta(days=days) for name in ("event_date", "arrival_date", "occurred_at")}
    return {**row, **dates}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.sampled_from([1, 2]),
    back=st.sampled_from([0, 6]),
    future=st.lists(today_or_later | arrives_later, min_size=5, max_size=30),
    catalogue=later_catalogue | st.just([]),
)
def test_rule_2_the_future_changes_nothing(
    tmp_path: Path, quality_settings: object, seed: int, back: int, future: Rows, catalogue: Rows
) -> None:
    day = days_ago(back)
    events = [*history(seed), *(moved(row, back) for row in future)]
    catalogue = [{**row, "snapshot_date": row["snapshot_date"] - timedelta(days=back)} for row in catalogue]
    assert all(row["event_date"] >= day or row["arrival_date"] > day for row in events[len(history(seed)) :])
    assert made_for(tmp_path, day, events, ITEMS + catalogue) == made_without_the_future(tmp_path, seed, day)


COUNTED = {
    "item_stats", "user_stats", "user_items", "item_similarities", "draft_user_recommendations",
    "candidates for_you", "candidates discover",
}  # fmt: skip


@pytest.mark.parametrize(
    ("late", "changed"),
    [
        # Known on the date: it counts in all that is made for it.
        (0, COUNTED),
        (4, COUNTED),
        (5, set()),
    ],
)
def test_an_event_of_five_days_ago_counts_from_its_arrival(
    tmp_path: Path, quality_settings: object, late: int, changed: set[str]
) -> None:
    events = [*history(1), *(event("u001", "i004", 5, late=late) for _ in range(3))]
    before, after = made_without_the_future(tmp_path, 1, DAY), made_for(tmp_path, DAY, events, ITEMS)
    differing = {name for name, digest in after.items() if digest != before[name]}
    assert differing >= changed
    assert bool(differing) is bool(changed)
