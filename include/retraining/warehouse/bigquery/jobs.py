"""Jobs on BigQuery: labelled, limited, estimated before they run and counted after."""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from include.retraining.connections import find_connections_in_database
from include.retraining.errors import SettingsError
from include.retraining.warehouse.bigquery.labels import job_labels
from include.retraining.warehouse.bigquery.problems import explained
from include.retraining.warehouse.protocol import Spent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from google.cloud.bigquery import Client, QueryJob, QueryJobConfig, SchemaField
    from google.cloud.bigquery_storage import BigQueryReadClient

    from include.retraining.settings import BigQuery

logger = logging.getLogger(__name__)

STAGED_FOR = timedelta(days=1)
STAGED = "staged_"


@dataclass
class Jobs:
    """Runs statements in the dataset of the settings, and keeps what each of them cost."""

    settings: BigQuery
    timezone: str = "UTC"
    spent: list[Spent] = field(default_factory=list)

    @cached_property
    def client(self) -> Client:
        """The official client, with the credentials of the Airflow connection."""
        from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        settings = self.settings
        find_connections_in_database()
        try:
            with explained("connect"):
                hook = BigQueryHook(
                    gcp_conn_id=settings.connection, use_legacy_sql=False, location=settings.location or None
                )
                return hook.get_client(project_id=settings.project, location=settings.location or None)
        except AirflowNotFoundException as error:
            raise SettingsError(
                f"the Airflow connection {settings.connection!r}, which bigquery.connection names",
                "none of that name",
                f"make it: airflow connections add {settings.connection} --conn-type google_cloud_platform",
            ) from error

    @cached_property
    def _emulated_reader(self) -> BigQueryReadClient | None:
        """Fetches rows from an emulator, which Google's client finds for everything else by BIGQUERY_EMULATOR_HOST."""
        emulator = os.environ.get("BIGQUERY_STORAGE_EMULATOR_HOST")
        if not emulator or self.settings.read_api == "rest":
            return None
        import grpc
        from google.cloud.bigquery_storage import BigQueryReadClient
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

        # As Google's client has it: a block of rows may be larger than the 4 MB that gRPC takes by default.
        channel = grpc.insecure_channel(emulator, options=[("grpc.max_receive_message_length", -1)])
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))

    def table_id(self, name: str) -> str:
        """The full name of a table of the dataset."""
        return f"{self.settings.project}.{self.settings.dataset}.{name}"

    def work_id(self, name: str) -> str:
        """The full name of a table that is nobody's product: staged rows, commits."""
        return f"{self.settings.project}.{self.settings.work_dataset}.{name}"

    def dry_run(self, what: str, sql: str, parameters: Sequence[Any] = ()) -> QueryJob:
        """What a statement would read and return. It is free, and refuses what BigQuery would refuse."""
        with explained(what):
            return self.client.query(sql, job_config=self._config(parameters, dry_run=True, use_query_cache=False))

    def select(self, what: str, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The rows of a query."""
        estimated = int(self.dry_run(what, sql, parameters).total_bytes_processed or 0)
        logger.info("BigQuery %s: will read %s bytes", what, f"{estimated:,}")
        with explained(what):
            job = self.client.query(sql, job_config=self._config(parameters))
            rows = job.to_arrow(
                bqstorage_client=self._emulated_reader, create_bqstorage_client=self.settings.read_api == "storage"
            )
        self._count(what, job, estimated)
        return rows

    def run(self, what: str, script: str, parameters: Sequence[Any] = ()) -> dict[str, Any]:
        """The one row that a script's last statement selects. A script cannot be estimated."""
        with explained(what):
            job = self.client.query(script, job_config=self._config(parameters))
            (row,) = job.result()
        self._count(what, job, None)
        return dict(row)

    @contextmanager
    def staged(self, name: str, rows: pa.Table, schema: Sequence[SchemaField]) -> Iterator[str]:
        """Rows in a table of their own, by a load job (free); the table's full name. What a kill leaves expires."""
        from google.cloud.bigquery import LoadJobConfig, ParquetOptions, Table

        table = Table(self.work_id(f"{STAGED}{name}_{uuid.uuid4().hex}"), list(schema))
        table.expires = datetime.now(UTC) + STAGED_FOR
        options = ParquetOptions()
        options.enable_list_inference = True
        config = LoadJobConfig(
            source_format="PARQUET", write_disposition="WRITE_APPEND", schema=list(schema), parquet_options=options,
            labels=self._labels,
        )  # fmt: skip
        with explained("stage rows"):
            self.client.create_table(table)
        staged = f"{table.project}.{table.dataset_id}.{table.table_id}"
        try:
            with explained("stage rows"), _as_parquet(rows) as file:
                self.client.load_table_from_file(file, staged, job_config=config).result()
            yield staged
        finally:
            with explained("drop staged rows"):
                self.client.delete_table(staged, not_found_ok=True)

    @cached_property
    def _labels(self) -> dict[str, str]:
        return job_labels(self.settings.labels, self.timezone)

    def _config(self, parameters: Sequence[Any], **options: Any) -> QueryJobConfig:
        from google.cloud.bigquery import QueryJobConfig

        return QueryJobConfig(
            default_dataset=f"{self.settings.project}.{self.settings.dataset}",
            query_parameters=list(parameters),
            labels=self._labels,
            maximum_bytes_billed=self.settings.maximum_bytes_billed,
            **options,
        )

    def _count(self, what: str, job: QueryJob, estimated: int | None) -> None:
        billed, slots = int(job.total_bytes_billed or 0), int(job.slot_millis or 0)
        logger.info("BigQuery %s: billed %s bytes, %s slot ms, job %s", what, f"{billed:,}", f"{slots:,}", job.job_id)
        self.spent.append(Spent(str(job.job_id), what, estimated, billed, slots))


@contextmanager
def _as_parquet(rows: pa.Table) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile() as file:
        pq.write_table(rows, file)
        file.seek(0)
        yield file
