"""How much a publication holds, in itself and against the previous one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.recommender.sql import sql
from include.retraining.quality.aggregates import Aggregate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.recommender.settings import RecommenderSettings
    from include.retraining.quality.checks import Severity
    from include.retraining.warehouse.protocol import Warehouse

# Neighbours and categories come and go; the lists of users are what must not shrink unseen.
SEVERITIES: Mapping[str, Severity] = {
    "user_recommendations": "critical",
    "popular_items": "warning",
    "similar_items": "warning",
}


@dataclass(frozen=True)
class Size:
    """Rows of a published table, and the distinct items shown in it."""

    rows: int = 0
    items: int = 0


def sizes_of(warehouse: Warehouse, publication_id: str | None) -> dict[str, Size]:
    """The size of each published table; of no publication, all are empty."""
    parameters = {"publication_id": publication_id or ""}
    found = warehouse.query(sql("check_publication_size"), parameters).to_pylist()
    return {table: Size() for table in SEVERITIES} | {
        row["table_name"]: Size(int(row["places"]), int(row["items"])) for row in found
    }


def size_checks(new: Mapping[str, Size], old: Mapping[str, Size], settings: RecommenderSettings) -> list[Aggregate]:
    """Every table against the previous publication's, and the coverage of items; popular items are never empty."""
    bounds = settings.publication.min_row_ratio, settings.publication.max_row_ratio
    lists, lists_before = new["user_recommendations"], old["user_recommendations"]
    coverage = lists.items / lists_before.items if lists_before.items else None
    least = settings.promotion.min_coverage_ratio
    return [
        Aggregate("popular_items.empty", "critical", new["popular_items"].rows, "rows", 1),
        *(_size_check(table, severity, new[table], old[table], bounds) for table, severity in SEVERITIES.items()),
        Aggregate("user_recommendations.coverage_shrank", "warning", coverage, "times the items shown before", least),
    ]


def _size_check(table: str, severity: Severity, new: Size, old: Size, bounds: tuple[float, float]) -> Aggregate:
    ratio, (low, high) = new.rows / old.rows if old.rows else None, bounds
    return Aggregate(f"{table}.size_unlike_before", severity, ratio, "times the rows before", low, high, new.rows)
