"""A run of the daily DAG: which date it is for, why it runs, and its ids. The only place that decides the date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from include.retraining.errors import AsOfDateError

if TYPE_CHECKING:
    from collections.abc import Mapping

Why = Literal["scheduled", "manual", "backfill", "asset_triggered", "backtest"]


@dataclass(frozen=True)
class Run:
    """One execution for one as_of_date. `run_id` and `why` are for people; they never enter a content hash."""

    as_of_date: date
    run_id: str
    why: Why
    reason: str = ""
    train: Literal["auto", "force", "skip"] = "auto"
    publish: Literal["auto", "stage_only"] = "auto"
    data_checks: Literal["enforce", "accept"] = "enforce"
    approval: Literal["auto", "skip"] = "auto"
    dag_id: str = ""

    @property
    def business_day(self) -> date:
        """The last day whose events this run may use: the day before as_of_date."""
        return self.as_of_date - timedelta(days=1)


def decide_as_of_date(
    param: str | None, logical_date: datetime | None, run_after: datetime | None, timezone: str, now: datetime
) -> date:
    """The business date of a run: the param, else the logical date, else run_after, in the business timezone.

    Raises AsOfDateError for a param that is no ISO date, for a date after today, and when there is nothing to go by.
    """
    zone = ZoneInfo(timezone)
    if param:
        chosen = parse_date(param)
    elif moment := logical_date or run_after:
        chosen = moment.astimezone(zone).date()
    else:
        raise AsOfDateError(
            "as_of_date, a logical date or run_after", "none of them", "trigger the run again with as_of_date"
        )
    today = now.astimezone(zone).date()
    if chosen > today:
        raise AsOfDateError(
            f"a date up to today ({today}, {timezone})", str(chosen), "choose today or an earlier as_of_date"
        )
    return chosen


def run_from_context(context: Mapping[str, Any], timezone: str) -> Run:
    """Read a Run from an Airflow task context. Never uses data_interval_*: cron runs have a zero-width interval."""
    dag_run, params = context["dag_run"], context["params"]
    as_of_date = decide_as_of_date(
        params.get("as_of_date"), dag_run.logical_date, dag_run.run_after, timezone, datetime.now(UTC)
    )
    return Run(
        as_of_date=as_of_date,
        run_id=dag_run.run_id,
        why=str(getattr(dag_run.run_type, "value", dag_run.run_type)),  # type: ignore[arg-type]
        reason=params.get("reason") or "",
        train=params.get("train", "auto"),
        publish=params.get("publish", "auto"),
        data_checks=params.get("data_checks", "enforce"),
        approval=params.get("approval", "auto"),
        dag_id=dag_run.dag_id,
    )


def parse_date(text: str) -> date:
    """A date as YYYY-MM-DD; AsOfDateError for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise AsOfDateError("as_of_date as YYYY-MM-DD", repr(text), "write the date like 2026-01-31") from error
