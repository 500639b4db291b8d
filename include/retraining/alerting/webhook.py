"""Calls to URLs that are secrets: chat webhooks and heartbeat monitors. The standard library logs no URL."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

from include.retraining.alerting.airflow_side import secret_url

if TYPE_CHECKING:
    from include.retraining.settings import Channel

SECONDS = 10


def post_webhook(channel: Channel, subject: str, text: str) -> None:  # noqa: ARG001 (the text begins with it)
    """Post what Slack, Mattermost and the like take; OSError where it is not taken."""
    body, kind = json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    _call(urllib.request.Request(secret_url(channel.connection), body, kind))  # noqa: S310 (http only: secret_url)


def ping(connection: str) -> None:
    """Call the URL of a monitor outside; OSError where nobody answers."""
    _call(urllib.request.Request(secret_url(connection)))  # noqa: S310


def _call(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
        pass
