"""The message that ends an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.retraining.alerting.message import Alert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.retraining.alerting.links import Links
    from include.retraining.alerting.readers import Readers
    from include.retraining.run import Run


def recovery_alert(run: Run, closed: Sequence[dict[str, Any]], readers: Readers, links: Links) -> Alert:
    """What a successful run ends: the alerts that it closes, oldest first."""
    return Alert(
        severity="recovery",
        kind="recovered",
        run=run,
        headline="succeeded again",
        readers=readers.line,
        impact=f"{len(closed)} alert(s) are over",
        first_action="none",
        runbook=links.section("recovered"),
        log=links.run,
        since=closed[0]["sent_at"],
        details=tuple(f"over: {row['subject']} (sent {row['sent_at']:%Y-%m-%d %H:%M} UTC)" for row in closed),
    )
