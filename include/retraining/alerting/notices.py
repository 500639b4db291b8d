"""What people should know though the run went well: data that were warned about, challengers nobody wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.attempt import attempt
from include.retraining.alerting.links import links_of
from include.retraining.alerting.message import Alert
from include.retraining.alerting.readers import readers_now, today_in
from include.retraining.alerting.send import send_once
from include.retraining.alerting.webhook import ping
from include.retraining.quality.verdict import read_results, verdict_of
from include.retraining.tables import DATA_QUALITY_RESULTS, PROMOTION_DECISIONS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from include.retraining.run import Run
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

OUTSIDE_AIRFLOW = "backtest"
STAGE = "inputs"


def is_old_news(run: Run, timezone: str) -> bool:
    """Whether a run looks at a date that is no news: in a backfill, outside Airflow, or before yesterday."""
    return run.why in ("backfill", OUTSIDE_AIRFLOW) or run.as_of_date < today_in(timezone) - timedelta(days=1)


def announce(run: Run, workspace: Workspace[Any], surfaces: Iterable[str]) -> None:
    """Send what is worth a notice, and tell the monitor outside that readers have lists of the date.

    Never raises. Silent in a backtest, and for a date older than the one readers see: that is no news.
    """
    readers = readers_now(workspace.warehouse)
    if run.why == OUTSIDE_AIRFLOW or (readers.as_of_date and readers.as_of_date > run.as_of_date):
        return
    attempt("send notices", partial(_send_notices, run, workspace, surfaces), otherwise=None)
    if workspace.settings.alerts.heartbeat and readers.as_of_date == run.as_of_date:
        attempt("ping the heartbeat", partial(ping, workspace.settings.alerts.heartbeat), otherwise=None)


def notices(warehouse: Warehouse, as_of_date: date, surfaces: Iterable[str], rejected_in_a_row: int) -> list[str]:
    """One line for each thing worth a notice."""
    return [
        *warnings(warehouse, as_of_date),
        *(line for surface in surfaces if (line := rejections(warehouse, as_of_date, surface, rejected_in_a_row))),
    ]


def warnings(warehouse: Warehouse, as_of_date: date) -> list[str]:
    """Checks of the input that warn on this date and did not on the date before: a standing warning is no news."""
    before, now = (_warned(warehouse, day) for day in (as_of_date - timedelta(days=1), as_of_date))
    return [f"check {name} warns: {seen}" for name, seen in now.items() if name not in before]


def rejections(warehouse: Warehouse, as_of_date: date, surface: str, at_least: int) -> str:
    """How often in a row challengers were kept from office, said at every `at_least`-th time; empty otherwise."""
    rows = warehouse.read(PROMOTION_DECISIONS, {"surface": surface, "kind": "decided"}).to_pylist()
    last: dict[date, str] = {}
    for row in sorted(rows, key=lambda row: (row["as_of_date"], row["recorded_at"])):
        if row["as_of_date"] <= as_of_date:
            last[row["as_of_date"]] = row["choice"]
    in_a_row = len(list(takewhile(lambda choice: choice == "keep", reversed(last.values()))))
    if as_of_date not in last or not in_a_row or in_a_row % at_least:
        return ""
    return f"{surface}: the last {in_a_row} challengers were rejected; promotion_decisions says why"


def _warned(warehouse: Warehouse, as_of_date: date) -> dict[str, str]:
    """Name of each check that warned to what it saw. Empty where the verdict was stop: then the failed run says it."""
    if not warehouse.read(DATA_QUALITY_RESULTS, {"as_of_date": as_of_date, "stage": STAGE}, ["stage"]).num_rows:
        return {}
    results = read_results(warehouse, as_of_date, STAGE)
    if verdict_of(results) != "warn":
        return {}
    warned = [result for result in results if result.outcome == "failed" and result.severity == "warning"]
    return {result.name: f"{result.observed}; expected {result.expected}" for result in warned}


def _send_notices(run: Run, workspace: Workspace[Any], surfaces: Iterable[str]) -> None:
    settings = workspace.settings.alerts
    told = notices(workspace.warehouse, run.as_of_date, surfaces, settings.rejected_in_a_row)
    if not told:
        return
    links = links_of(run, settings)
    alert = Alert(
        severity="notice",
        kind="run_notices",
        run=run,
        headline=told[0] if len(told) == 1 else f"{len(told)} notices",
        readers=readers_now(workspace.warehouse).line,
        impact="none tonight",
        first_action="read them in the morning",
        runbook=links.section("notices"),
        log=links.log("announce_run"),
        since=datetime.now(UTC),
        details=tuple(told),
        page=links.page(run.as_of_date),
    )
    send_once(workspace.warehouse, settings, alert)
