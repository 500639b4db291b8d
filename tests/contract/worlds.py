"""Rows for every query (nasty landed text, typed and classified rows, what tables hold), and the queries."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from include.recommender.checks.training_set import _broken_features
from include.recommender.expectations import (
    DAYS_TO_ARRIVE,
    EVENT_TYPE,
    NOT_FINITE,
    OCCURRED_AT,
    TOO_LARGE,
    exposure_rules,
    item_rules,
    judge_events,
)
from include.recommender.settings import RecommenderSettings
from include.recommender.sql import sql
from include.recommender.tables import (
    EVENTS,
    EXPOSURES,
    ITEM_SIMILARITIES,
    ITEM_STATS,
    ITEMS,
    POPULAR_ITEMS,
    SIMILAR_ITEMS,
    TRAINING_SET,
    USER_ITEMS,
    USER_RECOMMENDATIONS,
    USER_STATS,
)
from include.retraining.quality.erased import HASHED_REGEX
from include.retraining.quality.row_rules import classify, measured
from include.retraining.tables import BLOCKED_ITEMS, QUARANTINED_ROWS, READMISSIONS
from tests.recommender.small_world import DAY, days_ago, random_catalogue, random_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.warehouse.table import Table

SETTINGS = RecommenderSettings()
SNAPSHOT = days_ago(400)
NOON = datetime(2026, 4, 30, 12, tzinfo=UTC)
PUBLICATION = f"{DAY}-aaaaaaaaaaaa"
TABLES = (
    EVENTS, ITEMS, READMISSIONS, QUARANTINED_ROWS, ITEM_STATS, ITEM_SIMILARITIES, USER_ITEMS, TRAINING_SET,
    USER_RECOMMENDATIONS, POPULAR_ITEMS, SIMILAR_ITEMS, BLOCKED_ITEMS, EXPOSURES, USER_STATS,
)  # fmt: skip
DECAYS = {f"decay_{name}": math.log(2) / days for name, days in SETTINGS.features.half_lives.items()}
STATISTICS = {
    "as_of_date": DAY, "history_days": 60, "timezone": "Asia/Tokyo", "items_snapshot_date": SNAPSHOT,
    "all_positive": False, "positive_event_types": ["like", "view"], **DECAYS,
    "all_users": True, "user_ids": [""], "first_user": "", "last_user": "",
}  # fmt: skip
SOME_USERS = {**STATISTICS, "all_users": False, "user_ids": ["u001", "u003", "nobody"]}
USERS_BETWEEN = {**STATISTICS, "all_users": False, "first_user": "u001", "last_user": "u003"}
DRIFT = {
    "first_day": days_ago(20), "last_day": days_ago(1), "items_snapshot_date": SNAPSHOT, "timezone": "Asia/Tokyo",
    "taste_days": 14,
}  # fmt: skip
ARRIVED = {"as_of_date": DAY, "first_date": days_ago(4)}
IDS = ["u1", " u1 ", "u2", "", None, "mail@example.com", "日替わり"]
MOMENTS = [
    "2026-04-30T12:00:00Z", "2026-04-30 12:00:00", "2026-04-30 23:30:00+09:00", "2026-04-30T12:00:00.123456Z",
    "2026-04-30", "yesterday", "", None, "infinity", "20260-04-30T12:00:00Z", "0001-01-01",
]  # fmt: skip
NUMBERS = [1.0, None, math.nan, math.inf, -math.inf, 1e9, -1.1e9]
VALUES = ["1.5", "-2", "1e3", "abc", "", None, "nan", "inf", " 3 "]


def _landed(columns: dict[str, list[Any]]) -> pa.Table:
    """Columns of text, but for the day."""
    return pa.table({name: pa.array(v, pa.date32() if name == "day" else pa.string()) for name, v in columns.items()})


def landed_events() -> pa.Table:
    count = 60
    return _landed(
        {
            "event_id": [f"e{number // 2}" if number % 3 else None for number in range(count)],
            "user_id": [IDS[number % len(IDS)] for number in range(count)],
            "item_id": [f"i{number % 5}" for number in range(count)],
            "event_type": [("like", "view", " ", None)[number % 4] for number in range(count)],
            "occurred_at": [MOMENTS[number % len(MOMENTS)] for number in range(count)],
            "value": [VALUES[number % len(VALUES)] for number in range(count)],
            "day": [DAY if number % 5 else days_ago(1) for number in range(count)],
            "file": [f"events/{number % 3}.csv" for number in range(count)],
        },
    )


def landed_items() -> pa.Table:
    actives = ["true", "FALSE", "False", "maybe", "", None]
    count = 24
    return _landed(
        {
            "item_id": [f"i{number % 9}" for number in range(count)],
            "category": [("cat", " dog ", None)[number % 3] for number in range(count)],
            "title": [f"Title {number}" for number in range(count)],
            "created_at": [MOMENTS[number % len(MOMENTS)] for number in range(count)],
            "is_active": [actives[number % len(actives)] for number in range(count)],
            "day": [DAY] * count,
            "file": [f"items/{number % 2}.csv" for number in range(count)],
        },
    )


def landed_exposures() -> pa.Table:
    positions = ["1", " 2 ", "2.0", "1.5", "0", "first", "1e9", None]
    count = 40
    return _landed(
        {
            "publication_id": [(PUBLICATION, " ", None)[number % 3] for number in range(count)],
            "surface": [("for_you", "elsewhere", None)[number % 3] for number in range(count)],
            "user_id": [IDS[number % len(IDS)] for number in range(count)],
            "item_id": [f"i{number % 5}" for number in range(count)],
            "position": [positions[number % len(positions)] for number in range(count)],
            "shown_at": [MOMENTS[number % len(MOMENTS)] for number in range(count)],
            "day": [DAY] * count,
            "file": [f"exposures/{number % 2}.csv" for number in range(count)],
        },
    )


def unjudged_exposures() -> pa.Table:
    rows = [
        {"publication_id": name, "surface": surface, "user_id": user, "item_id": "i1", "position": position,
         "shown_at": NOON, "event_date": days_ago(1 - late), "arrival_date": DAY, "readmitted": False}
        for name, surface, user, position, late in (
            (PUBLICATION, "for_you", "u1", 1, 0), (None, "for_you", "u1", 1, 0), (PUBLICATION, None, "u1", 1, 0),
            (PUBLICATION, "x", "u1", 1, 0), (PUBLICATION, "discover", "mail@example.com", 1, 0),
            (PUBLICATION, "discover", "u1", None, 0), (PUBLICATION, "discover", "u1", 3, 1),
        )
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def credit_windows() -> pa.Table:
    """A week, and a part of a day in it again."""
    spans = [(datetime(2026, 4, 24, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)), (NOON, NOON + timedelta(hours=2))]
    instant = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "started_at": pa.array([start for start, _ in spans], instant),
            "ended_at": pa.array([end for _, end in spans], instant),
        }
    )


def hits() -> pa.Table:
    return pa.table(
        {"surface": ["for_you"] * 3, "list_user_id": ["u000", "u000", "*"],
         "rank": pa.array([4, 5, 9], pa.int64())}
    )  # fmt: skip


def readers() -> pa.Table:
    return pa.table({"user_id": [f"u{number:03d}" for number in range(10)]})


def typed_events() -> pa.Table:
    rows = landed_events()
    numbers = range(rows.num_rows)
    return pa.table(
        {
            "row_id": [f"r{number}" for number in numbers],
            "event_key": [f"k{number // 2}" for number in numbers],
            "event_id": rows["event_id"], "user_id": rows["user_id"], "item_id": rows["item_id"],
            "event_type": rows["event_type"],
            "occurred_at": pa.array([NOON if number % 4 else None for number in numbers], pa.timestamp("us", "UTC")),
            "value": pa.array([NUMBERS[number % len(NUMBERS)] for number in numbers]),
            "value_text": rows["value"],
            "event_date": pa.array([days_ago(1 + number % 6) for number in numbers], pa.date32()),
            "arrival_date": rows["day"],
            "readmitted": [number % 7 == 0 for number in numbers],
            "broken_rule": pa.array([None if number % 3 else "too_late" for number in numbers], pa.string()),
        }
    )  # fmt: skip


def events_of_one_date() -> pa.Table:
    """Rows whose keys are shared within a delivery."""
    rows = typed_events()
    day = pa.array([days_ago(1)] * rows.num_rows, pa.date32())
    return rows.set_column(rows.column_names.index("event_date"), "event_date", day)


def classified_items() -> pa.Table:
    return pa.table(
        {
            "snapshot_date": pa.array([DAY] * 4, pa.date32()), "item_id": ["a", "a", "b", None],
            "category": ["x", "y", None, "z"], "title": ["t"] * 4,
            "created_at": pa.array([NOON, None, None, NOON], pa.timestamp("us", "UTC")),
            "created_at_text": ["x", "y", None, "z"], "is_active": [True, True, False, True],
            "is_active_readable": [True, False, True, True], "copy": [2, 1, 1, 1],
            "broken_rule": pa.array([None, None, None, "item_id_missing"], pa.string()),
        }
    )  # fmt: skip


def unjudged_events() -> pa.Table:
    return typed_events().drop_columns(["broken_rule"])


def unjudged_items() -> pa.Table:
    return classified_items().drop_columns(["broken_rule"])


# By file: parameters and inputs. Queries that Python makes stand beside the files.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Callable[[], pa.Table]]]] = {
    "check_arrived_events": (sql("check_arrived_events"), ARRIVED, {}),
    "check_day_volumes": (sql("check_day_volumes"), {"as_of_date": DAY, "first_date": days_ago(30)}, {}),
    "check_items": (sql("check_items"), {"items_snapshot_date": SNAPSHOT}, {}),
    "check_publication_rows": (
        sql("check_publication_rows"),
        {"publication_id": PUBLICATION, "items_snapshot_date": SNAPSHOT, "as_of_date": DAY, "list_size": 3,
         "samples": 2, "surfaces_without_repeats": ["discover"]},
        {},
    ),
    "check_publication_size": (sql("check_publication_size"), {"publication_id": PUBLICATION}, {}),
    "check_publication_surfaces": (sql("check_publication_surfaces"), {"publication_id": PUBLICATION}, {}),
    "check_quarantine": (sql("check_quarantine"), {"as_of_date": DAY, "samples": 2}, {}),
    "check_training_set": (sql("check_training_set"), {"as_of_date": DAY, "surface": "for_you"}, {}),
    "check_unknown_items": (sql("check_unknown_items"), {**ARRIVED, "items_snapshot_date": SNAPSHOT}, {}),
    "deduplicate_events": (
        sql("deduplicate_events"), {"event_dates": [days_ago(1), days_ago(2)]}, {"classified_events": typed_events},
    ),
    "deduplicate_items": (sql("deduplicate_items"), {}, {"classified_items": classified_items}),
    "drift_events": (sql("drift_events"), DRIFT, {}),
    "drift_features": (sql("drift_features"), {"as_of_date": DAY}, {}),
    "drift_lists": (sql("drift_lists"), {"as_of_date": DAY, "publication_id": PUBLICATION}, {}),
    "drift_scores": (sql("drift_scores"), {"as_of_date": DAY, "publication_id": PUBLICATION}, {}),
    "drift_taste": (sql("drift_taste"), DRIFT, {}),
    "hashed_ids": (sql("hashed_ids"), {"event_dates": [days_ago(3), days_ago(2)], "hashed_regex": HASHED_REGEX}, {}),
    "item_stats": (sql("item_stats"), STATISTICS, {}),
    "known_users": (sql("known_users"), STATISTICS, {}),
    "outcome_arms": (sql("outcome_arms"), {"publication_ids": [PUBLICATION], "surface": "for_you"}, {}),
    "outcome_exposures": (
        sql("outcome_exposures"),
        {**STATISTICS, "publication_ids": [PUBLICATION], "day": days_ago(1), "computed_for": DAY},
        {},
    ),
    "outcome_publications": (sql("outcome_publications"), {"publication_ids": [PUBLICATION]}, {}),
    "outcome_segments": (sql("outcome_segments"), {"as_of_date": DAY}, {"readers": readers}),
    "outcome_sources": (sql("outcome_sources"), {"publication_id": PUBLICATION}, {"hits": hits}),
    "outcome_wants": (
        sql("outcome_wants"),
        {**STATISTICS, "publication_id": PUBLICATION, "as_of_date": days_ago(7), "last_date": days_ago(1),
         "computed_for": DAY, "surfaces_without_repeats": ["discover"]},
        {"credit_windows": credit_windows},
    ),
    "pairs_of_users": (
        sql("pairs_of_users"), {"as_of_date": DAY, "first_user": "u001", "last_user": "u010"}, {},
    ),
    "readmitted_dates": (sql("readmitted_dates"), {"event_dates": [days_ago(3), days_ago(2)]}, {}),
    "repeated_ids": (sql("repeated_ids"), {}, {"classified_events": events_of_one_date}),
    "similarities_by_place": (sql("similarities_by_place"), {"as_of_date": DAY, "method": "cosine"}, {}),
    "stored_arrivals": (sql("stored_arrivals"), {"event_dates": [days_ago(3), days_ago(2)]}, {}),
    "targets": (sql("targets"), {**STATISTICS, "first_date": days_ago(8), "end_date": days_ago(1)}, {}),
    "type_events": (
        sql("type_events"), {"timezone": "Asia/Tokyo", "deduplicate": "event_id"}, {"landed_events": landed_events},
    ),
    "type_exposures": (
        sql("type_exposures"), {"timezone": "Asia/Tokyo"}, {"landed_exposures": landed_exposures},
    ),
    "type_items": (sql("type_items"), {}, {"landed_items": landed_items}),
    "touched_pairs": (sql("touched_pairs"), STATISTICS, {}),
    "touched_stored": (sql("touched_stored"), {"as_of_date": DAY}, {}),
    "user_items": (sql("user_items"), STATISTICS, {}),
    "user_items between users": (sql("user_items"), USERS_BETWEEN, {}),
    "user_items of some users": (sql("user_items"), SOME_USERS, {}),
    "user_stats": (sql("user_stats"), STATISTICS, {}),
    "user_stats between users": (sql("user_stats"), USERS_BETWEEN, {}),
    "user_stats of some users": (sql("user_stats"), SOME_USERS, {}),
    "rules of events": (*judge_events(SETTINGS), {"typed_events": unjudged_events}),
    "rules of exposures": (*classify(exposure_rules()), {"typed_events": unjudged_exposures}),
    "rules of items": (*classify(item_rules(SETTINGS)), {"typed_events": unjudged_items}),
    "measures": (
        measured([OCCURRED_AT, EVENT_TYPE, DAYS_TO_ARRIVE, NOT_FINITE, TOO_LARGE]), {}, {"typed_events": typed_events},
    ),
    "broken features": (_broken_features(), {"as_of_date": DAY, "surface": "for_you"}, {}),
    "broken features of no rows": (_broken_features(), {"as_of_date": DAY, "surface": "nowhere"}, {}),
}  # fmt: skip


def stored_rows() -> dict[Table, tuple[dict[str, object], pa.Table]]:
    """Rows of every table that some query reads, and the partitions they fill."""
    events = random_events(1, 1500, users=40, items=25, days=70)
    events = [{**row, "row_id": f"{row['row_id']}#{number}"} for number, row in enumerate(events)]
    events[0]["value"], events[1]["value"] = None, 0.0000005
    events[4]["value"], events[5]["value"] = 1e300, -1.5e9
    events[2]["user_id"], events[3]["user_id"] = "h:0123456789abcdef", "h:0123456789ABCDEF"
    return {
        EVENTS: ({"event_date": sorted({row["event_date"] for row in events})}, _rows(EVENTS, events)),
        ITEMS: ({"snapshot_date": SNAPSHOT}, _rows(ITEMS, random_catalogue(20, SNAPSHOT))),
        READMISSIONS: ({}, _rows(READMISSIONS, [
            _filled(READMISSIONS, row_id=row) for row in (events[3]["row_id"], "x")
        ])),
        QUARANTINED_ROWS: (
            {"arrival_date": DAY, "source": "events"},
            _rows(QUARANTINED_ROWS, [
                _filled(QUARANTINED_ROWS, arrival_date=DAY, source="events", row_id=f"q{n}", reason=f"because {n % 2}")
                for n in range(7)
            ]),
        ),
        TRAINING_SET: (
            {"as_of_date": DAY, "surface": "for_you"},
            _rows(TRAINING_SET, [
                _filled(TRAINING_SET, as_of_date=DAY, surface="for_you", snapshot_date=days_ago(7 + n % 4),
                        user_id=f"u{n}", item_id="i", label=(0, 1, None, 2)[n % 4],
                        **{_feature(n): (None, math.nan, math.inf)[n % 3]})
                for n in range(12)
            ]),
        ),
        USER_RECOMMENDATIONS: ({"publication_id": PUBLICATION}, _rows(USER_RECOMMENDATIONS, [
            _filled(USER_RECOMMENDATIONS, publication_id=PUBLICATION, as_of_date=DAY, surface=surface, user_id=user,
                    rank=rank, item_id=item, score=1 / rank, model_version=model, arm=arm)
            for surface in ("for_you", "discover")
            for user, model, arm in (
                ("*", "baseline:x", None), ("u1", "m/1", "ranker"), ("u2", None, "baseline"), ("u3", "m/1", "ranker"),
                ("u000", "m/1", "ranker"), ("u001", "b", "baseline"),
            )
            for rank, item in ((1, "i1"), (2, "i2"), (4 if user == "u2" else 3, "i1" if user == "u3" else "gone"))
        ] + [
            _filled(USER_RECOMMENDATIONS, publication_id=PUBLICATION, as_of_date=DAY, surface=surface, user_id=user,
                    rank=4 + n, item_id=f"i{n:03d}", score=0.1, sources=["a", "b"][: 1 + n % 2], model_version="m/1",
                    arm="ranker")
            for surface in ("for_you", "discover") for user in ("*", "u000") for n in range(9)
        ])),
        EXPOSURES: ({"arrival_date": DAY}, _rows(EXPOSURES, [
            _filled(EXPOSURES, arrival_date=DAY, row_id=f"{user}-{n}", shown_date=days_ago(1 + n), position=1 + n % 2,
                    publication_id=PUBLICATION, surface="for_you", user_id=user, item_id=f"i{n:03d}",
                    shown_at=datetime.combine(days_ago(1 + n), time(8), UTC))
            for user in ("u000", "u001", "u002") for n in range(6)
        ])),
        USER_STATS: ({"as_of_date": DAY}, _rows(USER_STATS, [
            _filled(USER_STATS, as_of_date=DAY, user_id=f"u{n}", events_7d=2**n - 1, events_28d=4**n - 1)
            for n in range(6)
        ])),
        ITEM_SIMILARITIES: ({"as_of_date": DAY}, _rows(ITEM_SIMILARITIES, [
            _filled(ITEM_SIMILARITIES, as_of_date=DAY, method=method, item_id=item, rank=rank, similar_item_id=similar,
                    score_micros=1000 - rank)
            for method in ("cosine", "basket") for item in ("i001", "i003", "gone")
            for rank, similar in ((1, "i002"), (2, "gone"), (3, "i000"))
        ])),
        POPULAR_ITEMS: ({"publication_id": PUBLICATION}, _rows(POPULAR_ITEMS, [
            _filled(POPULAR_ITEMS, publication_id=PUBLICATION, as_of_date=DAY, segment=segment, rank=rank,
                    item_id=f"i{rank}")
            for segment, rank in (("all", 1), ("all", 3), ("cat", 1))
        ])),
        SIMILAR_ITEMS: ({"publication_id": PUBLICATION}, _rows(SIMILAR_ITEMS, [
            _filled(SIMILAR_ITEMS, publication_id=PUBLICATION, as_of_date=DAY, item_id=item, rank=1,
                    similar_item_id="i1")
            for item in ("i1", "i2")
        ])),
        BLOCKED_ITEMS: ({}, _rows(BLOCKED_ITEMS, [
            _filled(BLOCKED_ITEMS, item_id=item, number=number, kind=kind)
            for item, number, kind in (("i2", 1, "block"), ("i3", 1, "block"), ("i3", 2, "unblock"))
        ])),
    }  # fmt: skip


def _feature(number: int) -> str:
    names = [name for name, kind in TRAINING_SET.columns.items() if kind == "float32"]
    return names[number % 3]


def _filled(table: Table, **values: object) -> dict[str, object]:
    """A row with something in every column."""
    plain = {
        "string": "x",
        "date": days_ago(9),
        "int64": 1,
        "float32": 0.5,
        "float64": 0.5,
        "bool": True,
        "strings": ["x"],
    }
    row = {name: plain.get(kind, NOON) for name, kind in table.columns.items()}
    return {**row, **values}


def _rows(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=table.schema)
