"""Tells people what a look back found: drift that stays, a model that cannot be made again, what the week cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from include.retraining.alerting.attempt import attempt
from include.retraining.alerting.links import links_of
from include.retraining.alerting.message import Alert
from include.retraining.alerting.notices import is_old_news
from include.retraining.alerting.readers import readers_now
from include.retraining.alerting.send import send_once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from include.retraining.alerting.links import Links
    from include.retraining.alerting.message import Kind
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

NO_NEWS = ("backfill", "backtest")


@dataclass(frozen=True)
class _Finding:
    kind: Kind
    headline: str
    first_action: str
    runbook: str


def tell_of_drift(run: Run, workspace: Workspace[Any], lines: Sequence[str]) -> None:
    """Say what has drifted for days; nothing of an older date that is made up for."""
    if is_old_news(run, workspace.settings.business.timezone):
        return
    _tell(run, workspace, lines, lambda links: _Finding(
        "drift_persists", "drift stays",
        "look what changed: in the data, in what users do, or in what the service shows",
        links.section("drift-persists"),
    ))  # fmt: skip


def tell_of_differing_models(run: Run, workspace: Workspace[Any], lines: Sequence[str]) -> None:
    """Say which champions came out differently when they were trained again."""
    _tell(run, workspace, lines, lambda links: _Finding(
        "model_differs", "a champion came out differently",
        "see whether code or libraries changed since it was trained; then look at what was kept of it",
        links.section("model-differs"),
    ))  # fmt: skip


def tell_of_costs(run: Run, workspace: Workspace[Any], lines: Sequence[str]) -> None:
    """Send the summary of a week."""
    _tell(run, workspace, lines, lambda links: _Finding(
        "costs_of_week", "costs of the week", "none: a summary is no alarm", links.section("costs-of-the-week"),
    ))  # fmt: skip


def _tell(run: Run, workspace: Workspace[Any], lines: Sequence[str], finding_of: Callable[[Links], _Finding]) -> None:
    """A notice. Never raises, and is silent about dates long past."""
    if run.why not in NO_NEWS:
        attempt("tell of a finding", partial(_send, run, workspace, lines, finding_of), otherwise=None)


def _send(run: Run, workspace: Workspace[Any], lines: Sequence[str], finding_of: Callable[[Links], _Finding]) -> None:
    settings = workspace.settings.alerts
    links = links_of(run, settings)
    finding = finding_of(links)
    alert = Alert(
        severity="notice",
        kind=finding.kind,
        run=run,
        headline=finding.headline,
        readers=readers_now(workspace.warehouse).line,
        impact="none: readers keep what they have",
        first_action=finding.first_action,
        runbook=finding.runbook,
        log=links.run,
        since=datetime.now(UTC),
        details=tuple(lines),
    )
    send_once(workspace.warehouse, settings, alert)
