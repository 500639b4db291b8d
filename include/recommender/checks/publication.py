"""Checks of a staged publication, before any reader sees it. Stage `publication`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.recommender.checks.publication_size import size_checks, sizes_of
from include.recommender.settings import ALLOWS_REPEATS, SURFACES
from include.recommender.sql import sql
from include.recommender.statistics import items_snapshot
from include.retraining.quality.aggregates import Aggregate, check_aggregates, none_of
from include.retraining.quality.checks import SAMPLES
from include.retraining.quality.privacy import hash_key, keyed_hash, safe_to_show
from include.retraining.quality.verdict import record

if TYPE_CHECKING:
    from datetime import date

    from include.recommender.settings import RecommenderSettings
    from include.retraining.quality.checks import CheckResult
    from include.retraining.warehouse.protocol import Warehouse

STAGE = "publication"
# Names in check_publication_rows.sql, and what each of them counts.
ROW_CHECKS = {
    "lists.length_wrong": "lists",
    "lists.ranks_with_holes": "lists",
    "lists.item_repeated": "lists",
    "lists.item_not_new": "items",
    "popular_items.ranks_with_holes": "segments",
    "similar_items.item_like_itself": "items",
    "items.not_in_catalogue": "items",
    "items.inactive": "items",
    "items.blocked": "items",
}


def check_publication(
    warehouse: Warehouse,
    settings: RecommenderSettings,
    as_of_date: date,
    publication_id: str,
    previous_publication_id: str | None,
) -> list[CheckResult]:
    """Check the tables of a staged publication, also against the previous one; record and return the results."""
    sizes, sizes_before = sizes_of(warehouse, publication_id), sizes_of(warehouse, previous_publication_id)
    rows = sum(size.rows for size in sizes.values())
    aggregates = [
        *_row_checks(warehouse, settings, as_of_date, publication_id, rows),
        *_surface_checks(warehouse, settings, publication_id),
        *size_checks(sizes, sizes_before, settings),
    ]
    results = check_aggregates(aggregates)
    record(warehouse, as_of_date, STAGE, results)
    return results


def _row_checks(
    warehouse: Warehouse, settings: RecommenderSettings, as_of_date: date, publication_id: str, rows: int
) -> list[Aggregate]:
    parameters = {
        "publication_id": publication_id,
        "as_of_date": as_of_date,
        "items_snapshot_date": items_snapshot(warehouse, as_of_date, as_of_date),
        "list_size": settings.publication.list_size,
        "surfaces_without_repeats": [name for name, repeats in ALLOWS_REPEATS.items() if not repeats],
        "samples": SAMPLES,
    }
    broken = warehouse.query(sql("check_publication_rows"), parameters).to_pylist()
    counts = {row["check_name"]: int(row["broken"]) for row in broken}
    return [
        none_of(name, "critical", counts.get(name, 0), unit, rows, _keys(broken, name))
        for name, unit in ROW_CHECKS.items()
    ]


def _keys(broken: list[dict[str, Any]], name: str) -> list[str]:
    return [_key(row) for row in broken if row["check_name"] == name]


def _key(row: dict[str, Any]) -> str:
    """Where a rule is broken: surface or segment, user as a keyed hash, item."""
    user = keyed_hash(row["user_id"], hash_key()) if row["user_id"] else None
    item = safe_to_show(row["item_id"]) if row["item_id"] else None
    return "/".join(part for part in (row["place"], user, item) if part)


def _surface_checks(warehouse: Warehouse, settings: RecommenderSettings, publication_id: str) -> list[Aggregate]:
    found = warehouse.query(sql("check_publication_surfaces"), {"publication_id": publication_id}).to_pylist()
    have = {row["surface"] for row in found if row["lists_for_everybody"]}
    without = [surface for surface in SURFACES if surface not in have]
    return [
        none_of("lists.none_for_everybody", "critical", len(without), "surfaces", len(SURFACES), without),
        *(_variation(row, settings.publication.min_varied_share) for row in found),
    ]


def _variation(surface: dict[str, Any], least: float) -> Aggregate:
    """In how many lists of a model its scores differ: all equal, the order says nothing."""
    ranked, varied = int(surface["ranked_lists"]), int(surface["varied_lists"])
    name, share = f"lists.scores_all_equal.{surface['surface']}", varied / ranked if ranked else None
    return Aggregate(name, "critical", share, "of the model's lists vary", least, None, ranked, ranked - varied)
