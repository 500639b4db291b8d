"""The command line with default settings on other domains: ratings, where a ranker wins, and chance, where none can."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from include.recommender.settings import SURFACES
from include.retraining.tables import PROMOTION_DECISIONS, PUBLICATIONS
from include.retraining.warehouse.local import LocalWarehouse
from tests.ratings_world import RatingsSettings, random_interactions, ratings, write

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
DAY = date(2024, 4, 15)
SMALL = RatingsSettings(residents=600, visitors=900, old_items=700, releases=600)


@dataclass(frozen=True)
class Published:
    """What a backtest of DAY left behind."""

    source: Path
    lists: dict[str, pa.Table]
    warehouse: LocalWarehouse

    def decisions(self) -> dict[str, str]:
        rows = self.warehouse.read(PROMOTION_DECISIONS, {"kind": "decided"}).to_pylist()
        return {row["surface"]: row["choice"] for row in rows}


def backtest(folder: Path, events: pa.Table, items: pa.Table) -> Published:
    source, out, home = folder / "source", folder / "lists", folder / "home"
    write(source, events, items)
    command = [sys.executable, "-m", "include.recommender.backtest", "--source", str(source), "--as-of", str(DAY)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIGAWARI_")}
    subprocess.run([*command, "--out", str(out), "--keep", str(home)], check=True, env=environment, timeout=500)
    lists = {surface: pq.read_table(out / f"{surface}.parquet") for surface in SURFACES}
    return Published(source, lists, LocalWarehouse(home / "warehouse", home / "spill", "1GB", 2))


def history_and_week(source: Path) -> tuple[dict[str, set[str]], dict[str, set[str]], Counter[str]]:
    """What each user had rated before DAY, what known users rate in the week from it, and raters of the last 3 days."""
    before: dict[str, set[str]] = {}
    after: dict[str, set[str]] = {}
    recent: Counter[str] = Counter()
    for row in pq.read_table(source / "events.parquet").to_pylist():
        day = row["occurred_at"].date()
        if day < DAY:
            before.setdefault(row["user_id"], set()).add(row["item_id"])
            recent[row["item_id"]] += day >= DAY - timedelta(days=3)
        elif day < DAY + timedelta(days=7):
            after.setdefault(row["user_id"], set()).add(row["item_id"])
    return before, {user: items for user, items in after.items() if user in before}, recent


def ndcg(lists: dict[str, list[str]], wanted: dict[str, set[str]]) -> float:
    """Mean NDCG@10, binary gain."""
    discount = 1 / np.log2(np.arange(2, 12))
    values = []
    for user, items in wanted.items():
        hits = np.array([item in items for item in lists[user][:10]])
        values.append(hits @ discount[: len(hits)] / discount[: min(len(items), 10)].sum())
    return float(np.mean(values))


def as_lists(rows: pa.Table) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for row in rows.sort_by([("user_id", "ascending"), ("rank", "ascending")]).to_pylist():
        lists.setdefault(row["user_id"], []).append(row["item_id"])
    return lists


@pytest.fixture(scope="module")
def of_ratings(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return backtest(tmp_path_factory.mktemp("ratings"), *ratings(7, SMALL))


def test_on_ratings_both_rankers_are_promoted_with_default_settings(of_ratings: Published) -> None:
    assert of_ratings.decisions() == dict.fromkeys(SURFACES, "promote")


@pytest.mark.parametrize("surface", SURFACES)
def test_on_ratings_the_lists_beat_the_popularity_of_the_last_days(of_ratings: Published, surface: str) -> None:
    before, wanted, recent = history_and_week(of_ratings.source)
    popular = [item for item, _ in recent.most_common()]
    rule = {user: [item for item in popular if item not in before[user]] for user in wanted}
    assert len(wanted) > 100
    assert ndcg(as_lists(of_ratings.lists[surface]), wanted) > 1.05 * ndcg(rule, wanted)


def test_without_repeats_no_list_on_discover_shows_what_the_user_rated(of_ratings: Published) -> None:
    before, _, _ = history_and_week(of_ratings.source)
    lists = as_lists(of_ratings.lists["discover"])
    assert len(lists) > 1000
    assert not [user for user, items in lists.items() if before.get(user, set()) & set(items)]


def test_where_everything_is_chance_popularity_is_published(tmp_path: Path) -> None:
    published = backtest(tmp_path, *random_interactions(11, users=700, items=400, events=25_000))
    assert published.decisions() == dict.fromkeys(SURFACES, "keep")
    (row,) = published.warehouse.read(PUBLICATIONS).to_pylist()
    assert row["model_versions"].count("baseline/recent_popularity") == len(SURFACES)
