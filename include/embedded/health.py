"""Whether the components run and are healthy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.embedded.errors import AirflowApiError, EmbeddedAirflowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.embedded.rest import AirflowClient
    from include.embedded.run_folder import RunFolder

POLL_SECONDS = 0.5
# What a component is called in the answer of /monitor/health, where it is in there.
HEALTH_KEYS = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ComponentStatus:
    """One component: whether its process runs, and what Airflow says of it."""

    name: str
    pid: int
    running: bool
    health: str


def wait_until_healthy(client: AirflowClient, folder: RunFolder, since: datetime, seconds: float) -> None:
    """Return once all components are healthy, by heartbeats later than `since`: Airflow also counts a killed one's.

    EmbeddedAirflowError with the end of its log for a component that ended or is not healthy in time.
    """
    end_at = time.monotonic() + seconds
    while True:
        statuses = component_statuses(client, folder, since)
        if all(status.running and status.health == "healthy" for status in statuses):
            return
        ended = [status for status in statuses if not status.running]
        if ended or time.monotonic() > end_at:
            raise _unhealthy(folder, ended or [status for status in statuses if status.health != "healthy"], seconds)
        time.sleep(POLL_SECONDS)


def component_statuses(client: AirflowClient, folder: RunFolder, since: datetime = LONG_AGO) -> list[ComponentStatus]:
    """The status of every component that was started."""
    answer = _ask(client)
    return [
        ComponentStatus(
            name, process.pid, process.alive, _health(name, answer, since) if process.alive else "not healthy"
        )
        for name, process in folder.started().items()
    ]


def _ask(client: AirflowClient) -> dict[str, dict[str, Any]]:
    try:
        return client.health()
    except AirflowApiError:
        return {}


def _health(name: str, answer: Mapping[str, Mapping[str, Any]], since: datetime) -> str:
    if not answer:
        return "no answer from the API"
    if name not in HEALTH_KEYS:
        return str(answer["metadatabase"]["status"])
    key = HEALTH_KEYS[name]
    heartbeat = answer.get(key, {}).get(f"latest_{key}_heartbeat")
    if not heartbeat or datetime.fromisoformat(heartbeat) < since:
        return "no heartbeat yet"
    return str(answer[key]["status"])


def _unhealthy(folder: RunFolder, guilty: list[ComponentStatus], seconds: float) -> EmbeddedAirflowError:
    found = "\n".join(_last_words(folder, status) for status in guilty)
    logs = ", ".join(str(folder.log(status.name)) for status in guilty)
    return EmbeddedAirflowError(
        f"all components healthy within {seconds:.0f} s", found, f"mend what {logs} tells, then make up"
    )


def _last_words(folder: RunFolder, status: ComponentStatus) -> str:
    said = status.health if status.running else "ended"
    return f"{status.name}: {said}. The end of its log:\n{folder.last_lines(status.name)}"
