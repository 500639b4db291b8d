"""How far a set of DAG runs is: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from include.embedded.errors import AirflowApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from include.embedded.rest import AirflowClient, DagRun

POLL_SECONDS = 1.5
TASK_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
STYLES = {"success": "green", "failed": "bold red", "running": "cyan", "queued": "dim"}


@dataclass(frozen=True)
class RunProgress:
    """A run, its number of tasks per state, and the ids of the tasks that run now."""

    run: DagRun
    counts: Mapping[str, int]
    running: Sequence[str]

    @property
    def total(self) -> int:
        """Tasks known so far: mapped ones are counted once they are expanded."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Tasks which nothing more will happen to."""
        return sum(number for state, number in self.counts.items() if state in TASK_ENDED)

    @property
    def name(self) -> str:
        """Its date where it has one, else its id."""
        return f"{self.run.logical_date:%Y-%m-%d}" if self.run.logical_date else self.run.run_id

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        if self.run.start_date is None:
            return 0.0
        return ((self.run.end_date or datetime.now(UTC)) - self.run.start_date).total_seconds()

    def __str__(self) -> str:
        """One line for logs."""
        now = f", now {', '.join(self.running)}" if self.running else ""
        return f"{self.name} {self.run.state}: {self.ended}/{self.total} tasks ({describe(self.counts)}){now}"


def watch_runs(
    client: AirflowClient, dag_id: str, run_ids: Sequence[str], seconds: float, console: Console | None = None
) -> list[DagRun]:
    """Show the runs until all have ended, however they ended, and return them.

    AirflowApiError where for so many seconds no task ended and no run began or ended; slow work is no reason.
    """
    console = console or Console()
    if not console.is_terminal:
        return _poll(client, dag_id, run_ids, seconds, _changed_lines(console))
    with Live(console=console, auto_refresh=False) as live:
        return _poll(client, dag_id, run_ids, seconds, lambda runs: live.update(_table(runs), refresh=True))


def read_progress(client: AirflowClient, run: DagRun) -> RunProgress:
    """How far a run is now."""
    tasks = client.task_instances(run.dag_id, run.run_id) if run.state != "queued" else []
    running = sorted({task.task_id for task in tasks if task.state == "running"})
    return RunProgress(run, Counter(task.state for task in tasks), running)


def describe(counts: Mapping[str, int]) -> str:
    """Counts per state, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {'waiting' if state == 'none' else state}" for state, number in ordered)


def standing_still(runs: Sequence[RunProgress], seconds: float) -> AirflowApiError:
    """The error for runs of which no task ends any more."""
    waiting = "\n".join(f"- {each}" for each in runs if not each.run.ended)
    return AirflowApiError(
        f"a task to end at least every {seconds / 60:.0f} minutes",
        f"none did in that time:\n{waiting}",
        "look at the runs in the UI: is the DAG paused, does a task hang, is the machine short of memory?",
    )


def _poll(
    client: AirflowClient,
    dag_id: str,
    run_ids: Sequence[str],
    seconds: float,
    show: Callable[[Sequence[RunProgress]], None],
) -> list[DagRun]:
    got_on_at, before = time.monotonic(), None
    progress: dict[str, RunProgress] = {}
    while True:
        # Each answer costs the API server time which the tasks could use: what has ended is not asked for again.
        now = {run.run_id: run for run in client.dag_runs(dag_id)}
        for run_id in run_ids:
            if run_id not in progress or not progress[run_id].run.ended:
                progress[run_id] = read_progress(client, now.get(run_id) or client.dag_run(dag_id, run_id))
        show(list(progress.values()))
        runs = [each.run for each in progress.values()]
        if all(run.ended for run in runs):
            return runs
        so_far = [(run.state, each.ended) for run, each in zip(runs, progress.values(), strict=True)]
        if so_far != before:
            got_on_at, before = time.monotonic(), so_far
        elif time.monotonic() > got_on_at + seconds:
            raise standing_still(list(progress.values()), seconds)
        time.sleep(POLL_SECONDS)


def _changed_lines(console: Console) -> Callable[[Sequence[RunProgress]], None]:
    said: dict[str, str] = {}

    def show(runs: Sequence[RunProgress]) -> None:
        for each in runs:
            line = str(each)
            if said.get(each.run.run_id) != line:
                console.print(line, highlight=False, markup=False, soft_wrap=True)
                said[each.run.run_id] = line

    return show


def _table(runs: Sequence[RunProgress]) -> Table:
    table = Table("run", "state", "tasks", "", "time", "what", box=None, padding=(0, 2, 0, 0))
    for each in runs:
        bar = ProgressBar(total=max(each.total, 1), completed=each.ended, width=20)
        state = f"[{STYLES.get(each.run.state, 'none')}]{each.run.state}[/]"
        now = ", ".join(each.running) or describe(each.counts)
        table.add_row(each.name, state, f"{each.ended}/{each.total}", bar, f"{each.seconds:.0f} s", now)
    return table
