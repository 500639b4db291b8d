"""Small histories in memory, and what they become: rows, a warehouse without a disk, snapshots, fake models."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from include.recommender.contenders import candidate_settings
from include.recommender.features import FEATURE_NAMES
from include.recommender.past_date import PastDate
from include.recommender.settings import RecommenderSettings
from include.recommender.snapshot import Snapshot
from include.recommender.tables import EVENTS, ITEMS
from include.retraining.registry import RegisteredModel
from include.retraining.warehouse.local import LocalWarehouse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from include.recommender.ranker import Ranker
    from include.retraining.warehouse.table import Table

DAY = date(2026, 5, 1)
LONG_AGO = DAY - timedelta(days=400)
Rows = list[dict[str, Any]]


def days_ago(days: int, day: date = DAY) -> date:
    return day - timedelta(days=days)


def event(user: str, item: str, age: int, *, late: int = 0, day: date = DAY, **change: Any) -> dict[str, Any]:
    """A row of `events` that happened `age` days before `day` and arrived the next day, or `late` days after that."""
    event_date = days_ago(age, day)
    row = {
        "event_date": event_date,
        "arrival_date": event_date + timedelta(days=1 + late),
        "event_id": None,
        "user_id": user,
        "item_id": item,
        "event_type": "view",
        "occurred_at": datetime.combine(event_date, time(12), UTC),
        "value": 1.0,
        **change,
    }
    return {**row, "row_id": row.get("row_id") or "-".join(str(value) for value in row.values())}


def catalogue(item_ids: Iterable[str], snapshot: date = LONG_AGO, **change: Any) -> Rows:
    """Rows of `items`: one snapshot."""
    row = {"snapshot_date": snapshot, "category": "cat", "title": None, "created_at": None, "is_active": True}
    return [{**row, "item_id": item_id, **change} for item_id in item_ids]


@cache
def one_duckdb() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"memory_limit": "500MB", "threads": 1})
    connection.execute("SET GLOBAL timezone = 'UTC'")
    return connection


@dataclass
class WarehouseInMemory(LocalWarehouse):
    """Events and items as Arrow tables; queries run as they do in the embedded warehouse, and nothing is written."""

    tables: dict[str, pa.Table] = field(default_factory=dict)

    def _result(
        self, sql: str, parameters: Mapping[str, object], inputs: Mapping[str, pa.Table]
    ) -> AbstractContextManager[duckdb.DuckDBPyRelation]:
        return super()._result(sql, parameters, {**self.tables, **inputs})

    def _connect(self) -> duckdb.DuckDBPyConnection:
        return one_duckdb().cursor()  # starting one takes longer than these queries do

    def state(self, table: Table, dates: tuple[date, date] | None = None) -> str:
        first, last = dates or (date.min, date.max)
        (name,) = table.partition
        return str([row for row in self.tables[table.name].to_pylist() if first <= row[name] <= last])

    def partitions(self, table: Table) -> list[dict[str, str]]:
        (name,) = table.partition
        return [{name: str(value)} for value in sorted(set(self.tables[table.name][name].to_pylist()))]


def warehouse_of(spill: Path, events: Rows, items: Rows) -> WarehouseInMemory:
    numbered = [{**row, "row_id": f"{row['row_id']}#{number}"} for number, row in enumerate(events)]
    tables = {
        "events": pa.Table.from_pylist(numbered, schema=EVENTS.schema),
        "items": pa.Table.from_pylist(items, schema=ITEMS.schema),
    }
    return WarehouseInMemory(spill, spill, "500MB", 1, tables=tables)


def random_events(seed: int, count: int, users: int, items: int, days: int, day: date = DAY) -> Rows:
    """Events of users with a taste (a few items each), some late, some likes, some without a value."""
    rng = np.random.default_rng(seed)
    taste = rng.integers(0, items, (users, 6))
    rows = []
    for _ in range(count):
        user = int(rng.integers(0, users) * rng.random())
        item = int(rng.choice(taste[user]) if rng.random() < 0.7 else rng.integers(0, items) * rng.random())
        rows.append(
            event(
                f"u{user:03d}", f"i{item:03d}", int(rng.integers(1, days + 1)), late=int(rng.choice([0, 0, 0, 1, 2])),
                day=day, event_type=str(rng.choice(["view", "like"])),
                value=None if rng.random() < 0.1 else round(float(rng.normal(5, 2)), 2),
            )
        )  # fmt: skip
    return rows


def random_catalogue(items: int, snapshot: date = LONG_AGO) -> Rows:
    """Items of three categories; every eleventh is inactive, every thirteenth has no category."""
    rows = catalogue([f"i{number:03d}" for number in range(items)], snapshot)
    for number, row in enumerate(rows):
        row["category"] = None if number % 13 == 7 else ("cat", "dog", "bird")[number % 3]
        row["is_active"] = number % 11 != 5
    return rows


def snapshot_from(spill: Path, events: Rows, items: Rows, settings: RecommenderSettings, day: date = DAY) -> Snapshot:
    return PastDate(warehouse_of(spill, events, items), settings, day, day).of_everybody()


@dataclass
class FakeRegistry:
    """The registry's calls over models in a dict; keeps the tags and the champion it was given."""

    models: dict[str, tuple[RegisteredModel, bytes]] = field(default_factory=dict)
    tagged: dict[str, dict[str, str]] = field(default_factory=dict)
    crowned: list[str] = field(default_factory=list)

    def add(
        self, ranker: Ranker, settings: RecommenderSettings, surface: str = "for_you", **tags: str
    ) -> RegisteredModel:
        version = str(len(self.models) + 1)
        own = {
            "feature_names": json.dumps(ranker.feature_names),
            "candidate_settings": candidate_settings(settings),
            "model_sha256": ranker.sha256,
            "training_set": f"training-set-{version}",
            "learnt_until": str(LONG_AGO),
        }
        model = RegisteredModel(f"recommender_{surface}", version, own | tags)
        self.models[model.label] = (model, ranker.model)
        return model

    def get(self, name: str, version: str) -> RegisteredModel:
        return self.models[f"{name}/{version}"][0]

    def load(self, model: RegisteredModel) -> bytes:
        return self.models[model.label][1]

    def tag(self, model: RegisteredModel, tags: Mapping[str, str]) -> None:
        self.tagged.setdefault(model.label, {}).update(tags)

    def crown(self, model: RegisteredModel) -> None:
        self.crowned.append(model.label)

    def uncrown(self, name: str) -> None:
        self.crowned.append(f"{name}/none")


def quick_ranker(favourite: str, rows: int = 600) -> Ranker:
    """A small ranker that scores by one feature: the higher, the better."""
    import xgboost

    from include.recommender.ranker import Ranker

    rng = np.random.default_rng(0)
    features = rng.normal(0, 100, (rows, len(FEATURE_NAMES))).astype(np.float32)
    target = features[:, FEATURE_NAMES.index(favourite)]
    matrix = xgboost.DMatrix(features, target, feature_names=list(FEATURE_NAMES))
    booster = xgboost.train({"max_depth": 3, "eta": 0.5, "nthread": 1, "seed": 1}, matrix, 5)
    return Ranker(bytes(booster.save_raw("ubj")), FEATURE_NAMES, snapshots=2, rounds=5, validation_ndcg=0.5)


def applied_decision(label: str, as_of_date: date, surface: str = "for_you") -> pa.Table:
    """A row of `promotion_decisions`: the model took office on that date."""
    from include.retraining.tables import PROMOTION_DECISIONS

    row = dict.fromkeys(PROMOTION_DECISIONS.columns, "") | {
        "as_of_date": as_of_date, "surface": surface, "kind": "applied", "decision_id": f"{label}@{as_of_date}",
        "choice": "promote", "model_version": label, "reasons": [], "recorded_at": datetime(2026, 1, 1, tzinfo=UTC),
        "answered_at": None,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=PROMOTION_DECISIONS.schema)


def evaluation_rows(
    day: date,
    gain: float,
    champion_gain: float | None = None,
    users: int = 100,
    coverage: float = 0.5,
    *,
    surface: str = "for_you",
    segments: Mapping[str, float] | None = None,
    novelty: float = 8.0,
) -> pa.Table:
    """Rows of `evaluation_results` of two weeks in which the challenger gains so much over the others.

    Over every baseline, over the champion (None: there is none), and in `segments` over the one in office. The champion
    has a coverage of 0.5 and a novelty of 8 bits, the challenger those given.
    """
    from include.recommender.baselines import baselines_of
    from include.retraining.tables import EVALUATION_RESULTS

    def row(contender: str, versus: str, segment: str, metric: str, mean: float) -> dict[str, Any]:
        return {
            "as_of_date": day, "surface": surface, "contender": contender, "versus": versus, "segment": segment,
            "metric": metric, "model_version": contender, "mean": mean, "low": mean - 0.001, "high": mean + 0.001,
            "users": users, "wanted": "any event",
        }  # fmt: skip

    means = {name: 0.1 + 0.1 * (name == "own_history") for name in baselines_of(surface)}
    best = max(means, key=lambda name: means[name])
    gains = dict.fromkeys(means, gain)
    ours = {"challenger": (coverage, novelty)}
    if champion_gain is not None:
        means["champion"], gains["champion"], ours["champion"] = means[best], champion_gain, (0.5, 8.0)
    incumbent = best if champion_gain is None else "champion"
    means["challenger"] = means[best] + gain
    weeks, groups = [f"week {days_ago(age, day)}" for age in (7, 14)], segments or {}
    rows = [row(name, "", part, "ndcg@10", mean) for name, mean in means.items() for part in ("all", *weeks, *groups)]
    rows += [row("challenger", name, part, "ndcg@10", over) for name, over in gains.items() for part in ("all", *weeks)]
    rows += [row("challenger", incumbent, part, "ndcg@10", over) for part, over in groups.items()]
    for name, (covered, bits) in ours.items():
        rows += [row(name, "", "all", "coverage@20", covered), row(name, "", "all", "novelty@20", bits)]
    if "champion" in ours:
        more = zip(("coverage@20", "novelty@20"), ours["challenger"], ours["champion"], strict=True)
        rows += [row("challenger", "champion", "all", metric, own - other) for metric, own, other in more]
    return pa.Table.from_pylist(rows, schema=EVALUATION_RESULTS.schema)
