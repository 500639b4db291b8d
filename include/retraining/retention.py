"""What may go: partitions older than the settings say, but never what a rollback, lineage or a champion needs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from include.retraining.promotion.decisions import champion_version
from include.retraining.publication.switch_log import as_of_date_of
from include.retraining.quality.history import recorded_dates, rewrite_results
from include.retraining.tables import DATA_QUALITY_RESULTS, PROMOTION_DECISIONS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from typing import Any

    from include.retraining.publication.switch_log import SwitchLog
    from include.retraining.settings import Retention
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

ID = "publication_id"


def publications_to_keep(log: SwitchLog, every: Iterable[str], retention: Retention, today: date) -> set[str]:
    """The current one, the last that readers saw (`keep_publications` of them), and all that are young enough."""
    oldest = today - timedelta(days=retention.publications_days)
    rejected = {switch.from_publication_id for switch in log.switches if switch.kind == "auto_revert"}
    seen = [switch.to_publication_id for switch in reversed(log.switches) if switch.to_publication_id]
    good = [name for name in dict.fromkeys(seen) if name not in rejected]
    kept = {log.current, *good[: retention.keep_publications]} - {None}
    return {name for name in every if name in kept or as_of_date_of(name) >= oldest}


def training_sets_to_keep(
    warehouse: Warehouse, kept: set[str], surfaces: Sequence[str], now: date
) -> set[tuple[date, str]]:
    """(as_of_date, surface) of what kept publications' models and today's champions were trained on."""
    publications = [row for row in _publications(warehouse) if row[ID] in kept]
    models = {model for row in publications for model in json.loads(row["model_versions"]).values()}
    models |= {champion_version(warehouse, surface, now + timedelta(days=1)) for surface in surfaces}
    decided = warehouse.read(PROMOTION_DECISIONS, None, ["as_of_date", "surface", "model_version"]).to_pylist()
    return {(row["as_of_date"], row["surface"]) for row in decided if row["model_version"] in models}


def versions_to_keep(warehouse: Warehouse, kept: set[str]) -> dict[str, list[int]]:
    """Table versions that kept publications name, by table."""
    versions: dict[str, set[int]] = {}
    for row in _publications(warehouse):
        for name, version in json.loads(row["table_versions"]).items() if row[ID] in kept else ():
            versions.setdefault(name, set()).add(version)
    return {name: sorted(found) for name, found in versions.items()}


def count_rows(warehouse: Warehouse, table: Table, where: Mapping[str, Sequence[object]]) -> int:
    """Rows whose columns are among the given values, counted where they lie."""
    condition = " AND ".join(f"{name} IN UNNEST(@{name})" for name in where)
    counted = warehouse.query(f"SELECT COUNT(*) AS found FROM {table.name} WHERE {condition}", where)  # noqa: S608
    return int(counted["found"][0].as_py())


def remove_rows(warehouse: Warehouse, table: Table, where: Mapping[str, Sequence[object]]) -> int:
    """Delete them; the number of rows removed."""
    return warehouse.delete(table, where).rows


def blank_samples(warehouse: Warehouse, first_kept: date, dry_run: bool) -> int:
    """Take (or count) the samples of rows in check results older than a date; the number of results that had some.

    Once the quarantine of that time is gone nothing tells whose rows these were, and no erasure would find them.
    """
    old = [day for day in recorded_dates(warehouse) if day < first_kept]
    rows = warehouse.read(DATA_QUALITY_RESULTS, {"as_of_date": old}).to_pylist() if old else []
    blanked = [row | {"sample_keys": []} for row in rows if row["sample_keys"]]
    if not dry_run:
        rewrite_results(warehouse, blanked)
    return len(blanked)


def _publications(warehouse: Warehouse) -> list[dict[str, Any]]:
    return list(warehouse.read(PUBLICATIONS, None, [ID, "model_versions", "table_versions"]).to_pylist())
