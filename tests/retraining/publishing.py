"""Small publications: a run of a date, staged rows, recorded and switched to."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from include.recommender.tables import POPULAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.erasure import Person, Trace, person_of, record_published, remove, traces_of
from include.retraining.operation import Operation
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.publication.stage import Lineage, Staged, record_publication, stage
from include.retraining.publication.switch import SwitchResult, switch_current
from include.retraining.run import Run
from include.retraining.warehouse.local import LocalWarehouse

FORGET = Operation("forget", "dpo", "asked by letter", dry_run=False)
LINEAGE = Lineage({"for_you": "ranker/1"}, {"for_you": "training"}, {"events": 3}, "code")


def run_of(as_of_date: date, **options: str) -> Run:
    """A manual run."""
    return Run(as_of_date, f"run of {as_of_date}", "manual", **options)  # type: ignore[arg-type]


def lists(as_of_date: date, count: int, score: float | None = None, model_version: str = "ranker/1") -> pa.Table:
    """The list of one user with `count` items; the score is the count unless given."""
    return pa.table(
        {
            "as_of_date": pa.array([as_of_date] * count, pa.date32()),
            "surface": ["for_you"] * count,
            "user_id": ["u1"] * count,
            "rank": list(range(1, count + 1)),
            "item_id": [f"i{rank}" for rank in range(1, count + 1)],
            "score": [float(count if score is None else score)] * count,
            "sources": pa.array([["popularity"]] * count, pa.list_(pa.string())),
            "fallback_reason": pa.array([None] * count, pa.string()),
            "model_version": [model_version] * count,
            "arm": ["ranker"] * count,
        }
    )


def popular(as_of_date: date, count: int) -> pa.Table:
    """Popular items of one segment."""
    return pa.table(
        {
            "as_of_date": pa.array([as_of_date] * count, pa.date32()),
            "segment": ["all"] * count,
            "rank": list(range(1, count + 1)),
            "item_id": [f"i{rank}" for rank in range(1, count + 1)],
            "score": [float(count)] * count,
        }
    )


def stage_lists(warehouse: LocalWarehouse, as_of_date: date, count: int, check_result: str = "pass") -> Staged:
    """Stage and record a publication of two tables with `count` rows each."""
    rows_of = {USER_RECOMMENDATIONS: lists(as_of_date, count), POPULAR_ITEMS: popular(as_of_date, count)}
    staged = stage(warehouse, as_of_date, rows_of)
    record_publication(warehouse, run_of(as_of_date), MachinerySettings(), staged, LINEAGE, check_result)
    return staged


def publish(
    warehouse: LocalWarehouse, as_of_date: date, count: int, after_rollback: str = "hold"
) -> tuple[Staged, SwitchResult]:
    """Stage, record and switch."""
    staged = stage_lists(warehouse, as_of_date, count)
    return staged, switch_current(warehouse, run_of(as_of_date), staged.publication_id, after_rollback)


def traces_of_u1(warehouse: LocalWarehouse) -> tuple[Person, list[Trace]]:
    """The person whose lists are published, and their rows."""
    person = person_of(warehouse, [USER_RECOMMENDATIONS], "u1")
    return person, traces_of(warehouse, [USER_RECOMMENDATIONS], person)


def forget_u1(warehouse: LocalWarehouse) -> None:
    """Take the person out of every publication."""
    person, traces = traces_of_u1(warehouse)
    record_published(warehouse, person, traces, FORGET)
    remove(warehouse, person, traces)
