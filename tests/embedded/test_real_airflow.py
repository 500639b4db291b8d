"""The four components, really started."""

import os
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from include.embedded.components import start, stop
from include.embedded.environment import base_url
from include.embedded.errors import EmbeddedAirflowError
from include.embedded.health import component_statuses
from include.embedded.progress import watch_runs
from include.embedded.rest import AirflowClient
from include.embedded.run_folder import RunFolder

DAG = """
import datetime
import os
from airflow.sdk import dag, task

@dag(schedule="0 3 * * *", start_date=datetime.datetime(2026, 1, 1), catchup=False)
def tiny():
    @task(pool="production")
    def import_ours():
        import include.retraining.errors
        assert os.environ["HIGAWARI_HASH_KEY"]
        assert "HIGAWARI_ADMIN_PASSWORD" not in os.environ
    import_ours()

tiny()
"""


@pytest.fixture
def dags(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "dags").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "dags" / "tiny.py").write_text(DAG)
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "plugins"),
    }


def sessions_of(folder: RunFolder) -> set[int]:
    return {process.pid for process in folder.started().values()}


def left_of(sessions: set[int]) -> list[int]:
    alive = [process.pid for process in psutil.process_iter(["status"]) if process.info["status"] != "zombie"]
    return [pid for pid in alive if pid in sessions or session(pid) in sessions]


def session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


@pytest.mark.integration
def test_start_use_crash_and_stop(home: Path, free_port: int, dags: dict[str, str]) -> None:
    client = start(home, free_port, dags)
    folder = RunFolder(home)
    sessions = sessions_of(folder)
    try:
        assert {status.health for status in component_statuses(client, folder)} == {"healthy"}
        assert listening(sessions) == {("127.0.0.1", free_port)}
        check_access(client, free_port)
        run_and_backfill(client)
        with pytest.raises(EmbeddedAirflowError, match="no Airflow running"):
            start(home, free_port, dags)
        os.kill(folder.started()["scheduler"].pid, 9)
    finally:
        ran = stop(home)
    assert sorted(ran) == ["api-server", "dag-processor", "scheduler", "triggerer"]
    assert left_of(sessions) == []
    assert stop(home) == []


def listening(sessions: set[int]) -> set[tuple[str, int]]:
    pids = set(left_of(sessions))
    found = (each for each in psutil.net_connections("tcp") if each.pid in pids and each.status == psutil.CONN_LISTEN)
    return {(each.laddr.ip, each.laddr.port) for each in found}


def check_access(client: AirflowClient, port: int) -> None:
    assert client.call("GET", "/pools/production")["slots"] == 1
    assert httpx.get(f"{base_url(port)}/api/v2/dags").status_code == 401
    guess = {"username": "admin", "password": "admin"}
    assert httpx.post(f"{base_url(port)}/auth/token", json=guess).status_code == 401


def run_and_backfill(client: AirflowClient) -> None:
    client.wait_for_dag("tiny")
    client.unpause("tiny")
    manual = client.trigger("tiny")
    assert [run.state for run in client.wait_for_runs("tiny", [manual.run_id], seconds=120)] == ["success"]
    first, last = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, 23, tzinfo=UTC)
    runs = client.backfill("tiny", first, last)
    assert [run.logical_date.day for run in runs] == [5, 6]
    ended = watch_runs(client, "tiny", [run.run_id for run in runs], seconds=120)
    assert {(run.state, run.run_type) for run in ended} == {("success", "backfill")}
