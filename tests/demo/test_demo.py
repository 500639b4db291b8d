"""Which dates the demo runs, and when it ends."""

import io
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from include.demo.__main__ import demo, last_started, wait_for_the_end
from include.embedded.errors import AirflowApiError
from include.embedded.processes import end, launch
from include.embedded.run_folder import RunFolder


@pytest.mark.parametrize(("hour", "last"), [(0, date(2026, 1, 30)), (2, date(2026, 1, 30)), (3, date(2026, 1, 31))])
def test_before_the_daily_start_the_last_date_is_yesterdays(hour: int, last: date) -> None:
    assert last_started(datetime(2026, 1, 31, hour, tzinfo=UTC)) == last


def test_a_demo_that_gives_up_says_how_to_go_on_and_stops_airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, said = [], io.StringIO()

    def stand_still(*_: object) -> None:
        raise AirflowApiError("a task to end", "none did", "look")

    for name, does in {
        "write_landing_zone": lambda *_: SimpleNamespace(days=1, events=1, users=1, items=1),
        "start": lambda *_: None, "run_last_dates": stand_still, "stop": stopped.append,
    }.items():  # fmt: skip
        monkeypatch.setattr(f"include.demo.__main__.{name}", does)
    with pytest.raises(AirflowApiError):
        demo(tmp_path / "demo", 8123, Console(file=said, width=200))
    assert stopped == [tmp_path / "demo"]
    for part in (
        f"make up HIGAWARI_HOME={tmp_path / 'demo'} PORT=8123",
        ":8123/dags/recommender_daily",
        "airflow/logs",
    ):
        assert part in said.getvalue()


@pytest.mark.timeout(30)
def test_on_a_terminal_the_demo_ends_once_airflow_is_stopped_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    asleep = launch([sys.executable, "-c", "import time; time.sleep(60)"], {}, tmp_path, tmp_path / "log")
    folder = RunFolder(tmp_path)
    with folder.locked():
        folder.record("scheduler", asleep)
    said = io.StringIO()

    def stop_elsewhere(_: float) -> None:
        assert "stopped" not in said.getvalue()
        end([asleep], grace_seconds=5)

    monkeypatch.setattr("include.demo.__main__.time.sleep", stop_elsewhere)
    wait_for_the_end(tmp_path, Console(file=said, force_terminal=True))
    assert "Airflow was stopped." in said.getvalue()
