"""What of the recommender's tables is old enough to go."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.recommender.settings import SURFACES
from include.recommender.tables import (
    CHOSEN_PARAMETERS,
    DRAFT_OF,
    EXPOSURES,
    ITEM_SIMILARITIES,
    ITEM_STATS,
    LIST_EXPLANATIONS,
    PUBLISHED_TABLES,
    RECOMMENDER_TABLES,
    TRAINING_SET,
    USER_ITEMS,
    USER_STATS,
)
from include.retraining.monitoring.tables import DISTRIBUTIONS, DRIFT_METRICS
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.retention import (
    blank_samples,
    count_rows,
    publications_to_keep,
    remove_rows,
    training_sets_to_keep,
    versions_to_keep,
)
from include.retraining.tables import DATA_QUALITY_RESULTS, MACHINERY_TABLES, QUARANTINED_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]
    Expired = Iterator[tuple[Table, dict[str, Sequence[object]]]]

FEATURE_TABLES = (ITEM_STATS, USER_STATS, USER_ITEMS, ITEM_SIMILARITIES, CHOSEN_PARAMETERS)
PUBLICATION, DATE = "publication_id", "as_of_date"


def remove_expired_rows(workspace: Recommender, dry_run: bool) -> str:
    """Remove (or count) what is older than the settings keep, and report it by table."""
    today, verb = _today(workspace), "would go (dry run: nothing did)" if dry_run else "removed"
    count_or_remove = count_rows if dry_run else remove_rows
    lines = []
    for table, where in expired(workspace, today):
        rows = count_or_remove(workspace.warehouse, table, where)
        lines.append(f"  {table.name}: {rows:,} rows; {', '.join(f'{len(where[name])} {name}' for name in where)}")
    first_kept = today - timedelta(days=workspace.settings.retention.quarantine_days)
    if blanked := blank_samples(workspace.warehouse, first_kept, dry_run):
        lines.append(f"  data_quality_results: samples of {blanked:,} checks, whose quarantine is gone")
    kept = ", ".join(sorted(_kept(workspace, today))) or "none yet"
    return "\n".join([f"rows older than [retention] allows {verb}:", *lines, f"kept publications: {kept}"])


def remove_old_files(workspace: Recommender, dry_run: bool) -> str:
    """Remove (or count) files of table versions that are neither young nor named by a kept publication."""
    today = _today(workspace)
    named = versions_to_keep(workspace.warehouse, _kept(workspace, today))
    days, vacuum = workspace.settings.retention.history_days, workspace.warehouse.vacuum
    tables = (*RECOMMENDER_TABLES, *MACHINERY_TABLES)
    removed = [vacuum(table, days, named.get(table.name, ()), dry_run) for table in tables]
    verb = "would go (dry run: nothing did)" if dry_run else "removed"
    total = f"files {verb}: {sum(table.files for table in removed)}, {sum(table.bytes for table in removed):,} bytes"
    lines = [f"  {table.table}: {table.files} files, {table.bytes:,} bytes" for table in removed if table.files]
    return "\n".join([total, *lines])


def expired(workspace: Recommender, today: date) -> Expired:
    """Tables, and the partitions in them that nobody needs: conditions for Warehouse.delete."""
    retention, kept = workspace.settings.retention, _kept(workspace, today)
    explained = {name[:10] for name in kept}
    by_age = {
        **dict.fromkeys(DRAFT_OF.values(), retention.drafts_days),
        **dict.fromkeys(FEATURE_TABLES, retention.features_days),
        DATA_QUALITY_RESULTS: retention.data_quality_days,
        LIST_EXPLANATIONS: retention.publications_days,
    }
    for table in PUBLISHED_TABLES:
        yield from _where(table, PUBLICATION, sorted(_values(workspace.warehouse, table, PUBLICATION) - kept))
    for table, days in by_age.items():
        old = _older(workspace.warehouse, table, DATE, today - timedelta(days=days))
        yield from _where(
            table, DATE, [day for day in old if table is not LIST_EXPLANATIONS or str(day) not in explained]
        )
    arrived_before = today - timedelta(days=retention.quarantine_days)
    arrived = _older(workspace.warehouse, QUARANTINED_ROWS, "arrival_date", arrived_before)
    yield from _where(QUARANTINED_ROWS, "arrival_date", arrived)
    drift_before = today - timedelta(days=retention.drift_days)
    for table, column in ((DISTRIBUTIONS, "day"), (DRIFT_METRICS, DATE)):
        yield from _where(table, column, _older(workspace.warehouse, table, column, drift_before))
    shown_before = today - timedelta(days=retention.exposures_days)
    yield from _where(EXPOSURES, "arrival_date", _older(workspace.warehouse, EXPOSURES, "arrival_date", shown_before))
    yield from _training_sets(workspace, kept, today)


def _training_sets(workspace: Recommender, kept: set[str], today: date) -> Expired:
    needed = training_sets_to_keep(workspace.warehouse, kept, SURFACES, today)
    first_kept = today - timedelta(days=workspace.settings.retention.training_sets_days)
    old = _older(workspace.warehouse, TRAINING_SET, DATE, first_kept)
    for surface in SURFACES:
        for table, where in _where(TRAINING_SET, DATE, [day for day in old if (day, surface) not in needed]):
            yield table, {**where, "surface": [surface]}


def _today(workspace: Recommender) -> date:
    return datetime.now(ZoneInfo(workspace.settings.business.timezone)).date()


def _kept(workspace: Recommender, today: date) -> set[str]:
    every = {name for table in PUBLISHED_TABLES for name in _values(workspace.warehouse, table, PUBLICATION)}
    return publications_to_keep(read_switch_log(workspace.warehouse), every, workspace.settings.retention, today)


def _values(warehouse: Warehouse, table: Table, column: str) -> set[str]:
    return {partition[column] for partition in warehouse.partitions(table)}


def _older(warehouse: Warehouse, table: Table, column: str, first_kept: date) -> list[date]:
    days = {date.fromisoformat(value) for value in _values(warehouse, table, column)}
    return sorted(day for day in days if day < first_kept)


def _where(table: Table, column: str, values: Sequence[object]) -> Expired:
    if values:
        yield table, {column: values}
