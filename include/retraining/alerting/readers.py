"""What readers see now, and how bad a failed run is for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.retraining.alerting.attempt import attempt
from include.retraining.publication.freshness import freshness
from include.retraining.publication.switch_log import as_of_date_of, read_switch_log

if TYPE_CHECKING:
    from datetime import date

    from include.retraining.run import Run
    from include.retraining.settings import Severity
    from include.retraining.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class Readers:
    """One line about what readers see, and the date of it."""

    line: str
    as_of_date: date | None = None

    def have(self, as_of_date: date) -> bool:
        """Whether readers see lists of the date, or of a later one."""
        return self.as_of_date is not None and self.as_of_date >= as_of_date


UNKNOWN = Readers("unknown: the warehouse cannot be read. Ask `make freshness`")


def readers_now(warehouse: Warehouse | None) -> Readers:
    """What readers see; UNKNOWN where the warehouse cannot be read."""
    return attempt("read what readers see", partial(_readers, warehouse), UNKNOWN) if warehouse else UNKNOWN


def impact_of(run: Run, readers: Readers, today: date, publishes: bool = True) -> tuple[Severity, str]:
    """How bad the failure of a run is, and why: a page where it leaves readers without fresh lists."""
    if not publishes:
        return "notice", "this DAG makes no lists: readers keep what they have"
    if readers.have(run.as_of_date):
        return "notice", f"lists of {run.as_of_date} or later are out: what failed did not hold them up"
    if run.why == "backfill" and run.as_of_date < today:
        return "notice", f"the backfill of {run.as_of_date} is not done: readers keep what they have"
    if run.publish == "stage_only":
        return "notice", "the run was to stage only: readers keep what they have"
    return "page", f"nothing fresh is published for {run.as_of_date}: readers keep what they have"


def today_in(timezone: str) -> date:
    """Today in the business timezone."""
    return datetime.now(UTC).astimezone(ZoneInfo(timezone)).date()


def _readers(warehouse: Warehouse) -> Readers:
    current = read_switch_log(warehouse).current
    return Readers(freshness(warehouse, datetime.now(UTC))[1], as_of_date_of(current) if current else None)
