"""When the components count as healthy."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.embedded.errors import AirflowApiError, EmbeddedAirflowError
from include.embedded.health import component_statuses, wait_until_healthy
from include.embedded.processes import Started
from include.embedded.run_folder import RunFolder

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)


class Api:
    def __init__(self, heartbeat: datetime | None) -> None:
        self.heartbeat = heartbeat

    def health(self) -> dict:
        if self.heartbeat is None:
            raise AirflowApiError("an answer", "none", "wait")
        return {
            "metadatabase": {"status": "healthy"},
            "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": self.heartbeat.isoformat()},
        }


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setattr(Started, "alive", True)
    folder = RunFolder(home)
    folder.folder.mkdir(parents=True)
    folder.record("api-server", Started(1, "1"))
    folder.record("scheduler", Started(2, "1"))
    return folder


def test_all_healthy(folder: RunFolder) -> None:
    wait_until_healthy(Api(NOW), folder, NOW, seconds=0)


def test_the_heartbeat_of_an_earlier_scheduler_does_not_count(folder: RunFolder) -> None:
    with pytest.raises(EmbeddedAirflowError, match="scheduler: no heartbeat yet"):
        wait_until_healthy(Api(NOW - timedelta(seconds=5)), folder, NOW, seconds=0)


def test_without_an_answer_nothing_is_healthy(folder: RunFolder) -> None:
    assert {status.health for status in component_statuses(Api(None), folder)} == {"no answer from the API"}


def test_a_dead_component_is_not_healthy_whatever_airflow_says(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Started, "alive", False)
    folder.set_log_aside("scheduler").write_text("out of memory")
    with pytest.raises(EmbeddedAirflowError, match=r"scheduler: ended\. The end of its log:\nout of memory"):
        wait_until_healthy(Api(NOW), folder, NOW, seconds=60)
