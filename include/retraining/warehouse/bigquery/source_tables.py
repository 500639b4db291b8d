"""Events and items that lie in tables of the user's own project, read through a column mapping."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.retraining.errors import LandedDataError, SettingsError
from include.retraining.warehouse.bigquery.columns import parameter
from include.retraining.warehouse.bigquery.problems import explained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from google.cloud.bigquery import Table as BigQueryTable

    from include.retraining.landing import LandedColumns
    from include.retraining.settings import Ingest
    from include.retraining.warehouse.bigquery.jobs import Jobs

# A day by the clock of the business and one by UTC are less than this apart.
DAYS_APART = timedelta(days=2)
# How far back people are told what arrived.
RECENT = timedelta(days=30)
# As far as dates go, less what is added to both ends.
EVER = date(1, 1, 10), date(9999, 12, 20)


@dataclass
class SourceTables:
    """An event arrives on the date of `ingest.arrival_column`, else the day after it occurred.

    A day is complete once some event of it has arrived: fill the table once a day, in one job. Items are the table as
    it is now: a snapshot for the newest arrival, and one that counts from before the first event.
    """

    jobs: Jobs
    ingest: Ingest
    _ready_days: list[date] | None = None
    _found: dict[str, BigQueryTable] = field(default_factory=dict)

    def check(self) -> None:
        """SettingsError where a table is not there or elsewhere, or tells no date."""
        self._arrival()
        self._columns_of("items")
        for kind, found in self._found.items():
            where = found.location
            if where and where.lower() != self.jobs.settings.location.lower():
                raise SettingsError(
                    f"{self._table(kind)} in the location of [bigquery], {self.jobs.settings.location}",
                    where,
                    "copy the table, or make the datasets where it is: a query reads tables of one location only",
                )

    def awaited(self, kind: str, day: date) -> tuple[str, str]:
        """For people: what makes a day's delivery complete, and what is there of it."""
        sql = f"SELECT MAX({self._arrival()}) AS newest FROM `{self._table('events')}` WHERE {self._near()}"
        (newest,) = self._look("look for the newest arrival", sql, day - RECENT, day)["newest"].to_pylist()
        found = f"the newest of {newest}" if newest else f"no rows since {day - RECENT}"
        return f"rows of {self._table(kind)} that arrived on {day}", found

    def is_ready(self, kind: str, day: date) -> bool:
        """Whether some row arrived on that day: reads that day alone, unless all days were listed before."""
        if kind != "events" or self._ready_days is not None:
            return day in self.ready_days(kind)
        there = f"FROM `{self._table('events')}` WHERE {self._near()} AND {self._arrival()} = @last"
        sql = f"SELECT EXISTS (SELECT 1 {there}) AS found"
        return bool(self._look("look for a day's arrival", sql, day, day)["found"][0].as_py())

    def ready_days(self, kind: str) -> list[date]:
        """Days of arrival, in order. All rows are looked at, of one column, once for each object."""
        if self._ready_days is None:
            # A table may ask for a condition on the column that it is partitioned by.
            sql = f"SELECT DISTINCT {self._arrival()} AS day FROM `{self._table('events')}` WHERE {self._near()}"
            rows = self._look("list days of arrival", sql, *EVER)
            self._ready_days = sorted(rows["day"].to_pylist())
        days = self._ready_days
        return days if kind == "events" or not days else [days[0] - timedelta(days=1), days[-1]]

    def has_files(self, kind: str, day: date) -> bool:
        """A day without rows is no delivery."""
        return self.is_ready(kind, day)

    def read(self, kind: str, days: Sequence[date], columns: LandedColumns) -> pa.Table:
        """Every row of the given days, as text, with the columns `day` and `file`, which names the table."""
        have, table = self._columns_of(kind), self._table(kind)
        texts = ", ".join(self._as_text(name, theirs, have, kind, columns) for name, theirs in columns.names.items())
        source = f"SELECT {texts}, {{day}} AS day, '{table}' AS file FROM `{table}` AS source"
        if kind == "items":
            sql = source.format(day="day") + " CROSS JOIN UNNEST(@days) AS day"
        else:
            sql = f"{source.format(day=self._arrival())} WHERE {self._arrival()} IN UNNEST(@days) AND {self._near()}"
        span = [parameter("first", min(days)), parameter("last", max(days))]
        bound = [parameter("days", list(days)), *(span if kind == "events" else ()), *self._zone(sql)]
        return self.jobs.select(f"read {kind} that arrived", sql, bound)

    def _arrival(self) -> str:
        """GoogleSQL for the date of arrival."""
        column, later = self._moment()
        kind = self._columns_of("events").get(column)
        dates = {"DATE": f"`{column}`", "TIMESTAMP": f"DATE(`{column}`, @timezone)", "DATETIME": f"DATE(`{column}`)"}
        if kind not in dates:
            raise SettingsError(
                f"a DATE, DATETIME or TIMESTAMP in {self._table('events')} that tells when a row arrived",
                f"{column}: {kind or 'no such column'}",
                "set ingest.arrival_column, or map occurred_at in ingest.event_columns",
            )
        return f"DATE_ADD({dates[kind]}, INTERVAL 1 DAY)" if later else dates[kind]

    def _near(self) -> str:
        """From @first to @last roughly, on the bare column, so that BigQuery prunes its partitions."""
        column, _ = self._moment()
        kind, apart = self._columns_of("events")[column], f"INTERVAL {DAYS_APART.days} DAY"
        first, last = f"DATE_SUB(@first, {apart})", f"DATE_ADD(@last, {apart})"
        return f"`{column}` BETWEEN CAST({first} AS {kind}) AND CAST({last} AS {kind})"

    def _look(self, what: str, sql: str, first: date, last: date) -> pa.Table:
        return self.jobs.select(what, sql, [parameter("first", first), parameter("last", last), *self._zone(sql)])

    def _moment(self) -> tuple[str, bool]:
        """The column that dates an arrival, and whether the row came the day after it."""
        occurred_at = self.ingest.event_columns.get("occurred_at", "occurred_at")
        return (self.ingest.arrival_column, False) if self.ingest.arrival_column else (occurred_at, True)

    def _zone(self, sql: str) -> list[object]:
        return [parameter("timezone", self.jobs.timezone)] if "@timezone" in sql else []

    def _table(self, kind: str) -> str:
        named = self.ingest.events_table if kind == "events" else self.ingest.items_table
        return named if named.count(".") == 2 else f"{self.jobs.settings.project}.{named}"

    def _columns_of(self, kind: str) -> Mapping[str, str]:
        if kind not in self._found:
            with explained(f"look at {self._table(kind)}"):
                self._found[kind] = self.jobs.client.get_table(self._table(kind))
        return {column.name: column.field_type for column in self._found[kind].schema}

    def _as_text(self, name: str, theirs: str, have: Mapping[str, str], kind: str, columns: LandedColumns) -> str:
        if theirs in have:
            return f"CAST(source.`{theirs}` AS STRING) AS {name}"
        if name in columns.optional:
            return f"CAST(NULL AS STRING) AS {name}"
        raise LandedDataError(
            f"a column {theirs!r} (for {name})",
            f"{self._table(kind)} with columns {', '.join(have)}",
            "map the name in [ingest] of the settings; then clear ingest",
        )
