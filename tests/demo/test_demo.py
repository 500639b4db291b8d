"""Which dates the demo runs, and when it ends."""

import io
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.console import Console

from include.demo.__main__ import last_started, wait_for_the_end
from include.embedded.processes import end, launch
from include.embedded.run_folder import RunFolder


@pytest.mark.parametrize(("hour", "last"), [(0, date(2026, 1, 30)), (2, date(2026, 1, 30)), (3, date(2026, 1, 31))])
def test_before_the_daily_start_the_last_date_is_yesterdays(hour: int, last: date) -> None:
    assert last_started(datetime(2026, 1, 31, hour, tzinfo=UTC)) == last


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
