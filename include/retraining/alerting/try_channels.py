"""`python -m include.retraining.alerting.try_channels`: send a test message through every channel of [alerts]."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from include.retraining.alerting.channels import deliver
from include.retraining.alerting.message import Alert
from include.retraining.connections import find_connections_in_database
from include.retraining.errors import HigawariError
from include.retraining.run import Run
from include.retraining.settings import AlertSettings, load_settings


def main() -> int:
    """Print what became of each channel; 1 where one is broken, or where there is none."""
    find_connections_in_database()
    try:
        settings = load_settings(AlertSettings).alerts
    except HigawariError as error:
        print(error)
        return 1
    every = settings.model_copy(
        update={"channels": tuple(c.model_copy(update={"severities": ("notice",)}) for c in settings.channels)}
    )
    delivery = deliver(_test_alert(settings.runbook_url), every)
    for name in delivery.delivered:
        print(f"{name}: sent")
    for name, why in delivery.broken.items():
        print(f"{name}: BROKEN: {why}")
    if not settings.channels:
        print("no channels in [alerts]: alerts go to the log only")
    return 0 if delivery.delivered and not delivery.broken else 1


def _test_alert(runbook_url: str) -> Alert:
    now = datetime.now(UTC)
    return Alert(
        severity="notice",
        kind="channel_test",
        run=Run(now.date(), "test", "manual", dag_id="higawari"),
        headline="test message, nothing is wrong",
        readers="not looked at",
        impact="none",
        first_action="none: somebody tries the alert channels",
        runbook=f"{runbook_url}#the-first-minute",
        log="none",
        since=now,
    )


if __name__ == "__main__":
    sys.exit(main())
