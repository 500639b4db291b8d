"""A notice about outcomes: they stay below what was foretold, or an arm turned bad."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.links import links_of
from include.retraining.alerting.message import Alert
from include.retraining.alerting.notices import is_old_news
from include.retraining.alerting.readers import readers_now
from include.retraining.alerting.send import send_once
from include.retraining.monitoring.outcome_notices import outcome_notices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.retraining.run import Run
    from include.retraining.workspace import Workspace


def tell_of_outcomes(run: Run, workspace: Workspace[Any], surfaces: Iterable[str], metric: str) -> str:
    """Send what is worth a notice, and say it; nothing is sent of an older date that is made up for."""
    settings = workspace.settings
    told = outcome_notices(workspace.warehouse, run.as_of_date, surfaces, metric, settings.outcomes.worse_days_in_a_row)
    if not told:
        return "nothing worth a notice"
    if is_old_news(run, settings.business.timezone):
        return "\n".join(["not sent, the date is an older one:", *told])
    links = links_of(run, settings.alerts)
    alert = Alert(
        severity="notice",
        kind="outcome_notices",
        run=run,
        headline=told[0] if len(told) == 1 else f"{len(told)} notices about outcomes",
        readers=readers_now(workspace.warehouse).line,
        impact="readers have their lists; they may be worth less than thought",
        first_action="look at outcome_metrics and arm_comparisons in the morning",
        runbook=links.section("outcomes-worse"),
        log=links.log("announce_outcomes"),
        since=datetime.now(UTC),
        details=tuple(told),
    )
    send_once(workspace.warehouse, settings.alerts, alert)
    return "\n".join(told)
