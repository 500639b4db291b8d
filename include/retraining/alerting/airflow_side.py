"""What alerting asks of Airflow: connections with their secrets, states of tasks, the address of the UI."""

from __future__ import annotations

import html
import sys
from typing import TYPE_CHECKING

from include.retraining.errors import SettingsError

if TYPE_CHECKING:
    from include.retraining.run import Run
    from include.retraining.settings import Channel


SECONDS_OF_SMTP = 10


def send_mail(channel: Channel, subject: str, text: str) -> None:
    """Send to the channel's recipients; the connection of type smtp says from_email and how to log in.

    It may ask for less patience than SECONDS_OF_SMTP and one retry, and never gets more: the dag-processor cuts a
    callback off after a while (180 s as we set it up), and the other channels come after this one.
    """
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    class QuickHook(SmtpHook):
        @property
        def timeout(self) -> int:
            return min(super().timeout, SECONDS_OF_SMTP)

        @property
        def smtp_retry_limit(self) -> int:
            return min(super().smtp_retry_limit, 1)

    with QuickHook(channel.connection) as hook:
        hook.send_email_smtp(to=list(channel.to), subject=subject, html_content=f"<pre>{html.escape(text)}</pre>")


def without_known_secrets(text: str) -> str:
    """The text with passwords of connections that this process opened, and the like, masked.

    Where Airflow is not at work in this process it knows none, and importing it would set up logging anew.
    """
    airflow = sys.modules.get("airflow.sdk.log")
    return str(airflow.redact(text)) if airflow else text


def secret_url(connection: str) -> str:
    """The URL that a connection keeps as its password: whoever knows it may post."""
    from airflow.sdk import Connection

    url = Connection.get(connection).password or ""
    if not url.startswith(("https://", "http://")):
        raise SettingsError(
            f"an http(s) URL as the password of the Airflow connection {connection}",
            "something else" if url else "no password",
            "see docs/operate.md#alerts",
        )
    return url


def task_states(run: Run) -> dict[str, str | None]:
    """State of every task of a run; a mapped one is named `task_id_<map index>`."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return dict(RuntimeTaskInstance.get_task_states(run.dag_id, run_ids=[run.run_id]).get(run.run_id, {}))


def ui_address() -> str:
    """Where Airflow says its UI is: [api] base_url."""
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080"))
