"""How far back a page looks: a month, a quarter or a year, read a third of a year at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.ui.errors import NotThereError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from include.retraining.settings import RetrainingSettings
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

SPANS = {"30": "30 days", "90": "90 days", "365": "a year"}
USUAL = "90"
# A day lies in one file or a few: so many are read in less than 200 ms.
DAYS_AT_A_TIME = 122


@dataclass(frozen=True)
class Window:
    """The days that a page shows."""

    days: int
    last: date

    @property
    def first(self) -> date:
        """The oldest of them."""
        return self.last - timedelta(days=self.days - 1)

    @property
    def dates(self) -> list[date]:
        """All of them, oldest first."""
        return dates_between(self.first, self.last)


def window_of(days: str, settings: RetrainingSettings, newest: date | None = None) -> Window:
    """The last days until today, or until the newest that there are figures of; NotThereError for another span."""
    if days not in SPANS:
        raise NotThereError(f"days among {', '.join(SPANS)}", repr(days), "follow one of the links on the page")
    today = today_of(settings)
    return Window(int(days), min(newest or today, today))


def today_of(settings: RetrainingSettings) -> date:
    """The date in the business timezone."""
    return datetime.now(UTC).astimezone(ZoneInfo(settings.business.timezone)).date()


def dates_between(first: date, last: date) -> list[date]:
    """Both included, oldest first."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def newest_date(warehouse: Warehouse, table: Table) -> date | None:
    """The last partition of a table whose first partition column is a date; None where it is empty."""
    dates = [values[table.partition[0]] for values in warehouse.partitions(table)]
    return date.fromisoformat(max(dates)) if dates else None


def table_of_days(
    warehouse: Warehouse,
    table: Table,
    column: str,
    dates: Sequence[date],
    columns: Sequence[str],
    where: Mapping[str, object] | None = None,
) -> pa.Table:
    """Rows of some days, in key order."""
    import pyarrow as pa

    read = [
        warehouse.read(table, {column: list(dates[at : at + DAYS_AT_A_TIME]), **(where or {})}, columns)
        for at in range(0, len(dates), DAYS_AT_A_TIME)
    ]
    return pa.concat_tables(read)
