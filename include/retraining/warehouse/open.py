"""Opens the warehouse that the settings name. The only place that knows which ones there are."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from include.retraining.errors import SettingsError
from include.retraining.landing import LandingZone
from include.retraining.warehouse.local import LocalWarehouse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.retraining.deliveries import Deliveries
    from include.retraining.settings import RetrainingSettings
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table


def open_warehouse(settings: RetrainingSettings) -> Warehouse:
    """The warehouse that the settings name."""
    return _open(settings, ())


def open_for_reading(settings: RetrainingSettings, tables: Iterable[Table] = ()) -> Warehouse:
    """The same for a reader, who makes and migrates nothing; queries may name the given tables.

    A table that is not there yet is empty: an application may be upgraded before the run that makes the table.
    SettingsError where there is no warehouse, as an empty answer would look like no data.
    """
    folder = settings.storage.warehouse_folder
    if settings.warehouse == "local" and not folder.is_dir():
        raise SettingsError(
            f"a warehouse at {folder}",
            "no such folder",
            "set HIGAWARI_HOME to the home that the daily run writes to; before its first run there is none",
        )
    return _open(settings, tables, only_reads=True)


def open_deliveries(settings: RetrainingSettings) -> Deliveries:
    """Where events and items come from: the landing zone, or the tables that the settings name."""
    if not settings.ingest.events_table:
        return LandingZone(settings.storage.landing_folder, settings.storage)
    _refuse_without_provider()
    from include.retraining.warehouse.bigquery.jobs import Jobs
    from include.retraining.warehouse.bigquery.source_tables import SourceTables

    return SourceTables(Jobs(settings.bigquery, settings.business.timezone), settings.ingest)


def _open(settings: RetrainingSettings, tables: Iterable[Table], only_reads: bool = False) -> Warehouse:
    known = {table.name: table for table in tables}
    if settings.warehouse == "bigquery":
        return _bigquery(settings, known, only_reads)
    storage = settings.storage
    limits = (storage.memory_limit, storage.threads)
    return LocalWarehouse(storage.warehouse_folder, storage.spill_folder, *limits, known, only_reads)


def _bigquery(settings: RetrainingSettings, known: dict[str, Table], only_reads: bool) -> Warehouse:
    _refuse_without_provider()
    from include.retraining.warehouse.bigquery.jobs import Jobs
    from include.retraining.warehouse.bigquery.warehouse import BigQueryWarehouse

    return BigQueryWarehouse(Jobs(settings.bigquery, settings.business.timezone), known, only_reads)


def _refuse_without_provider() -> None:
    """A clear word now, or ModuleNotFoundError in a task."""
    try:
        version("apache-airflow-providers-google")
    except PackageNotFoundError as error:
        raise SettingsError(
            'the Google provider, as warehouse = "bigquery"',
            "not installed",
            "make bigquery, or install requirements-bigquery.txt",
        ) from error
