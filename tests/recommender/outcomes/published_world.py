"""A small world whose publications are known: events, lists, switches, and a landing zone of exposures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from include.recommender.tables import EVENTS, POPULAR_ITEMS, SIMILAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.monitoring.tables import ARM_COMPARISONS, OUTCOME_METRICS
from include.retraining.publication.stage import Lineage, record_publication, stage
from include.retraining.run import Run
from include.retraining.tables import PUBLICATION_SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.workspace import Workspace
    from tests.recommender.small_world import Rows

    Recommender = Workspace[RecommenderSettings]
    Lists = Mapping[str, Sequence[str]]

LINEAGE = Lineage({}, {}, {}, "code")


def run_for(day: date) -> Run:
    return Run(day, f"outcomes {day}", "scheduled", dag_id="recommender_outcomes")


def list_rows(
    as_of_date: date, surface: str, lists: Lists, arm: str | None = "ranker", model: str = "recommender_for_you/1"
) -> list[dict[str, Any]]:
    """Rows of user_recommendations without publication_id, by user."""
    return [
        {
            "as_of_date": as_of_date, "surface": surface, "user_id": user, "rank": rank, "item_id": item,
            "score": 1 / rank, "sources": ["item_knn"] if rank % 2 else ["item_knn", "popularity_7d"],
            "fallback_reason": None, "model_version": model if user != "*" else "baseline/recent_popularity",
            "arm": arm if user != "*" else None,
        }
        for user, items in lists.items() for rank, item in enumerate(items, start=1)
    ]  # fmt: skip


def publish(workspace: Recommender, as_of_date: date, rows: list[dict[str, Any]]) -> str:
    """Stage and record a publication that passed its checks; nobody reads it yet."""
    columns = [name for name in USER_RECOMMENDATIONS.columns if name != "publication_id"]
    lists = pa.Table.from_pylist(rows, schema=USER_RECOMMENDATIONS.schema_of(columns))
    empty = {
        table: table.schema.empty_table().drop_columns(["publication_id"]) for table in (POPULAR_ITEMS, SIMILAR_ITEMS)
    }
    staged = stage(workspace.warehouse, as_of_date, {USER_RECOMMENDATIONS: lists, **empty})
    run = Run(as_of_date, f"daily {as_of_date}", "scheduled")
    record_publication(workspace.warehouse, run, workspace.settings, staged, LINEAGE, "pass")
    return staged.publication_id


def switch(workspace: Recommender, *moves: tuple[str, datetime]) -> None:
    """Readers got these publications at these times."""
    rows, before = [], ""
    for number, (publication_id, when) in enumerate(moves, start=1):
        rows.append(
            {"number": number, "from_publication_id": before, "to_publication_id": publication_id, "kind": "publish",
             "who": "w", "why": "y", "run_id": "r", "switched_at": when}
        )  # fmt: skip
        before = publication_id
    workspace.warehouse.append_once(
        PUBLICATION_SWITCHES, pa.Table.from_pylist(rows, schema=PUBLICATION_SWITCHES.schema)
    )


def happen(workspace: Recommender, events: Rows) -> None:
    """Events are in the table."""
    numbered = [{**row, "row_id": f"{row['row_id']}#{number}"} for number, row in enumerate(events)]
    days = sorted({row["event_date"] for row in numbered})
    workspace.warehouse.replace(EVENTS, {"event_date": days}, pa.Table.from_pylist(numbered, schema=EVENTS.schema))


def at(day: date, hour: int = 3) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def outcomes(workspace: Recommender, computed_for: date, **where: Any) -> list[dict[str, Any]]:
    return workspace.warehouse.read(OUTCOME_METRICS, {"computed_for": computed_for, **where}).to_pylist()


def comparisons(workspace: Recommender, computed_for: date, **where: Any) -> list[dict[str, Any]]:
    return workspace.warehouse.read(ARM_COMPARISONS, {"computed_for": computed_for, **where}).to_pylist()


def days_from(day: date, count: int) -> Iterable[date]:
    return (day + timedelta(days=number) for number in range(count))
