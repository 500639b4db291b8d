"""A year of what runs leave behind, simulated: rows of every table that the pages read, laid out as runs do."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

from include.recommender.tables import (
    BLOCKED_LISTS,
    ITEMS,
    LIST_EXPLANATIONS,
    POPULAR_ITEMS,
    SIMILAR_ITEMS,
    USER_ITEMS,
    USER_RECOMMENDATIONS,
    USER_STATS,
)
from include.retraining.monitoring.tables import (
    ARM_COMPARISONS,
    DISTRIBUTIONS,
    DRIFT_METRICS,
    OUTCOME_METRICS,
    REPRODUCTIONS,
)
from include.retraining.tables import (
    BLOCKED_ITEMS,
    DATA_QUALITY_RESULTS,
    EVALUATION_RESULTS,
    PROMOTION_DECISIONS,
    PUBLICATION_SWITCHES,
    PUBLICATIONS,
    QUARANTINED_ROWS,
    RUN_COSTS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table

    Rows = Iterator[dict[str, Any]]

SURFACES = ("for_you", "discover")
STAGES = ("arrivals", "inputs", "training_set", "publication")
CHECKS = 12
CONTENDERS = {"challenger": 0.160, "champion": 0.158, "own_history": 0.140, "recent_popularity": 0.08}
SEGMENTS = (
    "all",
    "1 event",
    "2-9 events",
    "10-49 events",
    "50 events or more",
    "new users",
    "known users",
    "category: cats",
)
PROMOTED = (
    "over the champion +0.0004 [-0.0031, +0.0040]: no worse within the margin",
    "2185 users in 3 weeks are enough to tell a change of 3% or more from chance",
)
METRICS = ("ndcg@10", "recall@20", "hitrate@10", "map@10")
# Groups whose outcomes are told apart, as outcome_metrics has them: arm, model version, level and users.
MEASURED = (
    ("", "", 0.130, 20_200), ("ranker", "", 0.131, 19_000), ("baseline", "", 0.118, 1000),
    ("", "ranker/1", 0.131, 19_000), ("", "baseline/own_history", 0.118, 1000),
)  # fmt: skip
SOURCES = ("own_history", "item_knn", "ease_10d", "popularity_7d", "rising", "liked_categories")
SUBJECTS = {
    "events": ("per user", "category", "type", "hour"),
    "features": tuple(f"feature {number}" for number in range(1, 31)),
    "scores": SURFACES,
    "lists": ("source", "category", "new items"),
}
TASKS = {
    "check_data.ingest": 20, "check_data.check_inputs": 8, "build_features.build_user_items": 14,
    "build_features.build_item_similarities": 45, "build_features.build_training_set": 38,
    "for_you.train_challenger": 30,
    "for_you.evaluate": 55, "discover.train_challenger": 28, "discover.evaluate": 52, "publish.score_users": 40,
    "publish.stage": 12, "publish.check_publication": 6, "publish.switch_current": 2,
}  # fmt: skip
CATEGORIES = ("cats", "dogs", "owls", "otters", "capybaras")
PUBLISHED = (USER_RECOMMENDATIONS, POPULAR_ITEMS, SIMILAR_ITEMS)
LIST_LENGTH = 20
SUDDEN, GRADUAL = 30, 120


@dataclass
class SimulatedHistory:
    """`days` dates up to `last`; the last of them with the lists of some users and items."""

    last: date
    days: int = 365
    users: int = 2000
    items: int = 500
    first_switch: int = 1
    appended_days: int = 2
    shards: int = 1
    luck: random.Random = field(default_factory=lambda: random.Random(20260131))

    @property
    def dates(self) -> list[date]:
        """Oldest first."""
        return [self.last - timedelta(days=back) for back in range(self.days - 1, -1, -1)]

    @property
    def current(self) -> str:
        """The publication that readers see."""
        return publication_id(self.last)

    def write(self, warehouse: LocalWarehouse, only: Collection[Table] = ()) -> None:
        """Fill the tables, or only some. Each partition is a file of its own, old rows of an audit table are in one.

        RUN_COSTS gets its last days by real appends, as between two weeks: a file for each task.
        """
        writers: dict[Table, Callable[[], Iterable[dict[str, Any]]]] = {
            DATA_QUALITY_RESULTS: self._quality, QUARANTINED_ROWS: self._quarantined,
            EVALUATION_RESULTS: self._evaluations,
            PROMOTION_DECISIONS: self._decisions, PUBLICATIONS: self._publications,
            PUBLICATION_SWITCHES: self._switches,
            OUTCOME_METRICS: self._outcomes, ARM_COMPARISONS: self._arms, DISTRIBUTIONS: self._distributions,
            DRIFT_METRICS: self._drift, REPRODUCTIONS: self._reproductions, ITEMS: self._items,
            USER_STATS: self._user_stats, USER_ITEMS: self._user_items, LIST_EXPLANATIONS: self._explanations,
            USER_RECOMMENDATIONS: self._lists, POPULAR_ITEMS: self._popular, SIMILAR_ITEMS: self._similar,
        }  # fmt: skip
        warehouse.create_tables([*writers, RUN_COSTS, BLOCKED_ITEMS, BLOCKED_LISTS])
        for table, rows in writers.items():
            if not only or table in only:
                write_all(warehouse, table, rows())
        if not only or RUN_COSTS in only:
            write_all(warehouse, RUN_COSTS, self._costs(self.dates[: -self.appended_days]))
            for row in self._costs(self.dates[-self.appended_days :]):
                warehouse.append_once(RUN_COSTS, _arrow(RUN_COSTS, [row]))

    def _noise(self, size: float = 1.0) -> float:
        return self.luck.gauss(0, size)

    def _quality(self) -> Rows:
        for day in self.dates:
            bad = self.luck.random()
            for stage in STAGES:
                for number in range(CHECKS):
                    fails = stage == "inputs" and ((bad > 0.9 and number == 3) or (bad > 0.98 and number == 4))
                    yield {
                        "as_of_date": day, "stage": stage, "check_name": f"{stage} check {number}",
                        "severity": "critical" if number == 4 else "warning",
                        "outcome": "failed" if fails else "passed",
                        "expected": "at most 1 % of rows without a user", "rows_checked": 100_000,
                        "observed": "1,412 of 100,000 rows" if fails else "12 of 100,000 rows",
                        "rows_failed": 1412 if fails else 12, "sample_keys": ["r-000012", "r-000977"] if fails else [],
                    }  # fmt: skip

    def _quarantined(self) -> Rows:
        for day in self.dates[-60:]:
            for number in range(self.luck.randint(0, 20)):
                yield {
                    "arrival_date": day, "source": "events", "row_id": f"{day}-{number}", "event_date": day,
                    "reason": self.luck.choice(("user_id_missing", "too_late")), "landed_row": "{}",
                    "file": "events.csv",
                }  # fmt: skip

    def _evaluations(self) -> Rows:
        for at, day in enumerate(self.dates):
            season = 0.01 * ((at % 60) / 60)
            for surface in SURFACES:
                for contender, level in CONTENDERS.items():
                    for metric in METRICS:
                        yield self._measured(day, surface, contender, "", "all", metric, level + season, 0.004)
                    for segment in (*SEGMENTS[1:], f"week {day - timedelta(days=7)}"):
                        yield self._measured(day, surface, contender, "", segment, "ndcg@10", level + season, 0.008)
                    if contender != "challenger":
                        gain = CONTENDERS["challenger"] - level
                        for segment in SEGMENTS:
                            yield self._measured(day, surface, "challenger", contender, segment, "ndcg@10", gain, 0.004)

    def _measured(
        self, day: date, surface: str, contender: str, versus: str, segment: str, metric: str, level: float, half: float
    ) -> dict[str, Any]:
        mean = level + self._noise(0.002)
        return {
            "as_of_date": day, "surface": surface, "contender": contender, "versus": versus, "segment": segment,
            "metric": metric, "model_version": "", "mean": mean, "low": mean - half, "high": mean + half, "users": 2185,
        }  # fmt: skip

    def _decisions(self) -> Rows:
        champion = dict.fromkeys(SURFACES, "")
        for number, day in enumerate(self.dates, 1):
            for surface in SURFACES:
                model = f"recommender_{surface}/{number}"
                promoted = number == 1 or self.luck.random() < 0.15
                told = "promote" if promoted else "keep"
                reason = "ndcg@10 over own_history +0.0192 [+0.0150, +0.0231]" if promoted else (
                    "ndcg@10 over the champion +0.0004 [-0.0031, +0.0040]: it may be worse by 1 %"
                )  # fmt: skip
                row = {
                    "as_of_date": day, "surface": surface, "kind": "decided", "decision_id": f"{surface[0]}{number:06}",
                    "choice": told, "model_version": model, "champion_version": champion[surface],
                    "baseline": "own_history", "reasons": [reason, *(PROMOTED if promoted else ())],
                    "evidence": json.dumps({"weeks": 3, "segments": [{"name": name} for name in SEGMENTS]}),
                    "publication_id": "", "who": "scheduled", "run_id": run_id(day), "recorded_at": moment(day, 4),
                    "answered_at": None,
                }  # fmt: skip
                yield row
                if promoted:
                    champion[surface] = model
                    office = {"kind": "applied", "evidence": "", "reasons": [], "recorded_at": moment(day, 5)}
                    yield row | office | {"publication_id": publication_id(day)}

    def _publications(self) -> Rows:
        for number, day in enumerate(self.dates, 1):
            models = {surface: f"recommender_{surface}/{number}" for surface in SURFACES}
            yield {
                "publication_id": publication_id(day), "as_of_date": day, "model_versions": json.dumps(models),
                "table_versions": '{"events": 6}', "training_set": "{}", "settings_hash": "77800ee9c47b",
                "code_version": "bfed47f185c3", "run_id": run_id(day), "content_hash": "0" * 12, "check_result": "pass",
                "row_counts": json.dumps({table.name: 40_000 for table in PUBLISHED}), "created_at": moment(day, 4),
                "valid_until": moment(day + timedelta(days=1), 6),
            }  # fmt: skip

    def _switches(self) -> Rows:
        before = ""
        for number, day in enumerate(self.dates, self.first_switch):
            yield {
                "number": number, "from_publication_id": before, "to_publication_id": publication_id(day),
                "kind": "publish", "who": "scheduled", "why": "", "run_id": run_id(day), "switched_at": moment(day, 5),
            }  # fmt: skip
            before = publication_id(day)

    def _outcomes(self) -> Rows:
        for day in self.dates:
            for reading, stage, back in (
                ("while_current", "early", 1), ("while_current", "matured", 3), ("held_7_days", "matured", 7),
            ):  # fmt: skip
                made = day - timedelta(days=back)
                for surface in SURFACES:
                    for arm, model, level, users in MEASURED:
                        groups = [("all", "all")]
                        if not model:
                            groups += [("segment", name) for name in SEGMENTS[1:]]
                            groups += [("list_source", name) for name in SOURCES]
                        for dimension, group in groups:
                            for metric in METRICS[:2] if dimension == "all" else METRICS[:1]:
                                mean, half = level + self._noise(0.003), 6 / users + 0.002
                                promise = 0.142 if "ranker" in (arm, model[:6]) else None
                                yield {
                                    "computed_for": day, "publication_id": publication_id(made), "as_of_date": made,
                                    "reading": reading, "stage": stage, "days": back, "surface": surface, "arm": arm,
                                    "model_version": model, "dimension": dimension, "group_name": group,
                                    "metric": metric, "users": users, "mean": mean, "low": mean - half,
                                    "high": mean + half, "offline_mean": promise, "offline_low": promise,
                                    "offline_high": promise,
                                }  # fmt: skip

    def _arms(self) -> Rows:
        for day in self.dates:
            for surface in SURFACES:
                for metric in METRICS[:2]:
                    difference = (0.012 if surface == "for_you" else 0.002) + self._noise(0.001)
                    low, high = difference - 0.005, difference + 0.005
                    yield {
                        "computed_for": day, "surface": surface, "arm": "ranker", "reference_arm": "baseline",
                        "reading": "held_7_days", "metric": metric, "days": 14, "users": 19_000,
                        "reference_users": 1000,
                        "mean": 0.131, "reference_mean": 0.131 - difference, "difference": difference, "low": low,
                        "high": high, "verdict": "better" if low > 0 else "no_difference", "sample_ratio_p": 0.43,
                        "came_ratio_p": 0.51,
                    }  # fmt: skip

    def _distributions(self) -> Rows:
        for as_of_date in self.dates:
            for subject, names in SUBJECTS.items():
                day = as_of_date - timedelta(days=subject == "events")
                for name in names:
                    for number in range(8):
                        share = 1000 - 90 * number + int(self._noise(20))
                        yield {"day": day, "subject": subject, "name": name, "bin": f"bin {number + 1}", "count": share}

    def _drift(self) -> Rows:
        run: dict[tuple[str, str, str], int] = {}
        for back, day in zip(range(self.days - 1, -1, -1), self.dates, strict=True):
            for horizon in ("short", "long"):
                for subject, names in SUBJECTS.items():
                    for name in names:
                        value = abs(0.03 + self._noise(0.01)) + self._change(horizon, subject, name, back)
                        key = (horizon, subject, name)
                        run[key] = run.get(key, 0) + 1 if value > 0.1 else 0
                        yield {
                            "as_of_date": day, "horizon": horizon, "subject": subject, "name": name, "statistic": "psi",
                            "value": value, "threshold": 0.1, "drifted": value > 0.1, "days_in_a_row": run[key],
                            "rows": 30_000, "reference_rows": 120_000, "reference": "the same weekdays of 4 weeks"
                            if horizon == "short" else "what the champion learnt from",
                        }  # fmt: skip

    def _change(self, horizon: str, subject: str, name: str, back: int) -> float:
        """A sudden change of categories some weeks ago, which short drift forgets; a gradual one of a feature."""
        if (subject, name) == ("events", "category") and back < SUDDEN:
            return 0.3 * max(0.0, 1 - (SUDDEN - back) / 28) if horizon == "short" else 0.12
        if (subject, name) == ("features", "feature 7") and back < GRADUAL and horizon == "long":
            return 0.14 * (GRADUAL - back) / GRADUAL
        return 0.0

    def _reproductions(self) -> Rows:
        for number, day in enumerate(self.dates[6::7]):
            for surface in SURFACES:
                yield {
                    "as_of_date": day, "surface": surface, "model_version": f"recommender_{surface}/{number}",
                    "kept_sha256": "ab" * 32, "again_sha256": "ab" * 32, "same_model": True, "users_compared": 2000,
                    "same_lists": 2000, "max_score_difference": 0.0, "verdict": "same", "why": "",
                    "run_id": run_id(day),
                    "recorded_at": moment(day, 9),
                }  # fmt: skip

    def _costs(self, dates: Iterable[date]) -> Rows:
        for day in dates:
            for (task_id, seconds), shard in product(TASKS.items(), range(self.shards)):
                yield {
                    "as_of_date": day, "dag_id": "recommender_daily", "run_id": run_id(day), "task_id": task_id,
                    "map_index": shard, "try_number": 1, "statement": "task",
                    "job_id": f"task:{run_id(day)}/{task_id}/{shard}",
                    "estimated_bytes": None, "billed_bytes": None, "slot_ms": None, "recorded_at": moment(day, 5),
                    "seconds": seconds * (1 + abs(self._noise(0.15))),
                    "peak_memory_bytes": int((300 + 20 * seconds) * 2**20), "rows_written": 40_000,
                    "bytes_written": 2_000_000, "money": seconds * 0.00004,
                }  # fmt: skip

    def _items(self) -> Rows:
        for number in range(self.items):
            yield {
                "snapshot_date": self.last, "item_id": item_id(number),
                "category": CATEGORIES[number % len(CATEGORIES)],
                "title": f"A {CATEGORIES[number % len(CATEGORIES)][:-1]} at dusk, {number}", "is_active": True,
                "created_at": moment(self.dates[0], 0),
            }  # fmt: skip

    def _user_stats(self) -> Rows:
        for number in range(self.users):
            counts = dict.fromkeys(("events_7d", "events_28d", "events_90d", "items", "items_28d", "value_micros"), 3)
            yield counts | {
                "as_of_date": self.last, "user_id": user_id(number), "first_date": self.dates[0],
                "last_date": self.dates[-1], "active_days": 12, "events": 40,
            }  # fmt: skip

    def _user_items(self) -> Rows:
        whole = {name for name, kind in USER_ITEMS.columns.items() if kind == "int64"}
        for number in range(self.users):
            yield dict.fromkeys(whole, 2) | {
                "as_of_date": self.last, "user_id": user_id(number), "item_id": item_id(number % self.items),
                "first_date": self.dates[0], "last_date": self.dates[-1],
            }  # fmt: skip

    def _explanations(self) -> Rows:
        for rank in range(1, LIST_LENGTH + 1):
            for feature, value in (
                ("pair_weight_short_rank", 0.272),
                ("item_age_days", 0.171),
                ("item_trend_7d_28d", -0.1),
            ):
                yield {
                    "as_of_date": self.last, "shard": 0, "surface": "for_you", "user_id": user_id(0), "rank": rank,
                    "item_id": item_id(rank - 1), "score": 2.0, "feature": feature, "value": 1.0, "contribution": value,
                }  # fmt: skip

    def _lists(self) -> Rows:
        for surface in SURFACES:
            for number in range(-1, self.users):
                user = "*" if number < 0 else user_id(number)
                for rank in range(1, LIST_LENGTH + 1):
                    yield {
                        "publication_id": self.current, "as_of_date": self.last, "surface": surface, "user_id": user,
                        "rank": rank, "item_id": item_id((max(number, 0) + rank - 1) % self.items),
                        "score": 2.0 - 0.05 * rank, "sources": ["own_history", "ease_10d"] if rank % 3 else ["rising"],
                        "fallback_reason": "no_history" if number < 0 else None,
                        "model_version": f"recommender_{surface}/{self.days}",
                    }  # fmt: skip

    def _popular(self) -> Rows:
        for rank in range(1, LIST_LENGTH + 1):
            yield self._ranked(rank) | {"segment": "all", "item_id": item_id(rank)}

    def _similar(self) -> Rows:
        for number in range(self.items):
            for rank in range(1, 11):
                other = item_id((number + rank) % self.items)
                yield self._ranked(rank) | {"item_id": item_id(number), "similar_item_id": other}

    def _ranked(self, rank: int) -> dict[str, Any]:
        return {"publication_id": self.current, "as_of_date": self.last, "rank": rank, "score": 1 / rank}


def publication_id(day: date) -> str:
    """As a publication of that date is named."""
    return f"{day}-{day.toordinal():012x}"


def run_id(day: date) -> str:
    """As the scheduler names a run."""
    return f"scheduled__{day}T03:00:00+00:00"


def moment(day: date, hour: int) -> datetime:
    """An hour of a date."""
    return datetime.combine(day, time(hour), UTC)


def item_id(number: int) -> str:
    """As the demo names items."""
    return f"p{number:06}"


def user_id(number: int) -> str:
    """As the demo names users."""
    return f"u{number:06}"


def write_all(warehouse: LocalWarehouse, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Rows of any number of partitions in one commit: a run writes one at a time, which takes hours for a year."""
    from deltalake import write_deltalake

    conformed = table.conform(_arrow(table, rows)).sort_by([(name, "ascending") for name in table.key])
    write_deltalake(str(warehouse.folder / table.name), conformed, mode="append", partition_by=list(table.partition))


def _arrow(table: Table, rows: Iterable[dict[str, Any]]) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=table.schema)
