"""The progress of runs, as lines and as a table."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from include.embedded import progress
from include.embedded.errors import AirflowApiError
from include.embedded.progress import watch_runs
from include.embedded.rest import DagRun, TaskInstance

DATE = datetime(2026, 1, 2, 3, tzinfo=UTC)


class Api:
    """One run that gets on by a step with every look."""

    steps = (("queued", ["none", "none"]), ("running", ["running", "none"]), ("success", ["success", "skipped"]))

    def __init__(self) -> None:
        self.looks = -1

    def dag_runs(self, dag_id: str) -> list[DagRun]:
        self.looks = min(self.looks + 1, 2)
        return [DagRun(dag_id, "r1", self.steps[self.looks][0], "backfill", DATE, DATE, None, {})]

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        states = self.steps[self.looks][1]
        return [TaskInstance(f"task_{n}", -1, state, 1, None, None) for n, state in enumerate(states)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "POLL_SECONDS", 0)


def test_plain_lines_where_there_is_no_terminal() -> None:
    output = io.StringIO()
    runs = watch_runs(Api(), "d", ["r1"], 60, Console(file=output, force_terminal=False))
    assert [run.state for run in runs] == ["success"]
    assert output.getvalue().splitlines() == [
        "2026-01-02 queued: 0/0 tasks ()",
        "2026-01-02 running: 0/2 tasks (1 waiting, 1 running), now task_0",
        "2026-01-02 success: 2/2 tasks (1 skipped, 1 success)",
    ]


def test_a_table_on_a_terminal() -> None:
    output = io.StringIO()
    watch_runs(Api(), "d", ["r1"], 60, Console(file=output, force_terminal=True, width=100))
    assert "2026-01-02" in output.getvalue()
    assert "2/2" in output.getvalue()


def test_runs_that_get_on_are_watched_however_long_they_take() -> None:
    (run,) = watch_runs(Api(), "d", ["r1"], -1, Console(file=io.StringIO()))
    assert run.state == "success"


class Stuck(Api):
    """A run whose second task never ends."""

    steps = (("running", ["success", "running"]),) * 3


def test_runs_that_stand_still_are_told_with_what_runs() -> None:
    with pytest.raises(AirflowApiError, match=r"2026-01-02 running: 1/2 tasks .*now task_1"):
        watch_runs(Stuck(), "d", ["r1"], -1, Console(file=io.StringIO()))
