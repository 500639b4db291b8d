"""Deliver an alert: to the log always, to every channel that wants it, and about a broken channel to the others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from include.retraining.alerting.airflow_side import send_mail
from include.retraining.alerting.masking import masked
from include.retraining.alerting.webhook import post_webhook

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.retraining.alerting.message import Alert
    from include.retraining.settings import Alerts, Channel

LEVELS = {"page": logging.ERROR, "notice": logging.WARNING, "recovery": logging.WARNING}
SENDERS = {"smtp": send_mail, "webhook": post_webhook}
logger = logging.getLogger("higawari.alerts")


@dataclass(frozen=True)
class Delivery:
    """Which channels took an alert, and why others did not."""

    delivered: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)


def deliver(alert: Alert, settings: Alerts) -> Delivery:
    """Send an alert. Never raises: a broken channel is told to the others, with the message that it missed."""
    logger.log(LEVELS[alert.severity], "%s", alert.text)
    wanted = [channel for channel in settings.channels if alert.severity in channel.severities]
    broken = _send(wanted, alert.subject, alert.text)
    if broken:
        others = [channel for channel in settings.channels if channel.connection not in broken]
        _send(others, *_about(broken, alert, settings.runbook_url))
    return Delivery(tuple(channel.connection for channel in wanted if channel.connection not in broken), broken)


def _send(channels: Iterable[Channel], subject: str, text: str) -> dict[str, str]:
    """Connection id to error of every channel that did not take it."""
    broken = {}
    for channel in channels:
        try:
            SENDERS[channel.kind](channel, subject, text)
        except Exception as error:
            logger.exception("alert channel %s is broken", channel.connection)
            broken[channel.connection] = masked(f"{type(error).__name__}: {error}")
    return broken


def _about(broken: Mapping[str, str], alert: Alert, runbook: str) -> tuple[str, str]:
    subject = f"[notice] alert channel broken: {', '.join(broken)}"
    errors = [f"{name}: {error}" for name, error in broken.items()]
    action = f"First action: mend the Airflow connection. Runbook: {runbook}#alert-channel-broken"
    return subject, "\n".join([subject, "", *errors, action, "", "What it missed:", "", alert.text])
