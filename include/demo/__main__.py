"""`make demo`: simulate a photo service, run the daily DAG on its last dates in a real Airflow, show the lists."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService
from include.demo.summary import print_summary
from include.embedded.components import start, stop
from include.embedded.environment import base_url, embedded_environment
from include.embedded.errors import AirflowApiError
from include.embedded.progress import watch_runs
from include.embedded.run_folder import RunFolder
from include.embedded.secret_file import ADMIN, ADMIN_PASSWORD, secret_file
from include.retraining.errors import HigawariError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.embedded.rest import AirflowClient, DagRun

DAG_ID = "recommender_daily"
DAYS, RUNS = 45, 3
MAY_STAND_STILL_SECONDS = 1200
MARKER = ".higawari-demo"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; exit code 0 where all three runs succeeded."""
    parser = argparse.ArgumentParser(prog="python -m include.demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("var/demo"), help="emptied first (default: var/demo)")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        # Without a terminal rich takes 80 columns, too few for the summary.
        console = Console(width=None if sys.stdout.isatty() else 130)
        return demo(options.home.resolve(), options.port, console)
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1


def demo(home: Path, port: int, console: Console) -> int:
    """Everything in order; on a terminal Airflow stays up until Ctrl-C."""
    make_empty(home)
    console.rule("1. A photo service is simulated")
    last = last_started(datetime.now(UTC))
    service = PhotoService(start=last - timedelta(days=DAYS), days=DAYS)
    written = write_landing_zone(service, home / "landing")
    console.print(
        f"{written.days} days, {written.events:,} events, {written.users:,} users, {written.items:,} pictures"
    )
    console.rule("2. Airflow starts")
    client = start(home, port)
    try:
        console.rule(f"3. {DAG_ID} runs for the last {RUNS} dates")
        runs = run_last_dates(client, last, console)
        console.rule("4. What came out")
        print_summary(home, embedded_environment(home, port), console)
        say_where(console, home, port)
        wait_for_the_end(home, console)
    except AirflowApiError:
        say_how_to_go_on(console, home, port)
        raise
    finally:
        stop(home)
    return 0 if len(runs) == RUNS and all(run.state == "success" for run in runs) else 1


def make_empty(home: Path) -> None:
    """Stop and remove what an earlier demo left; SettingsError for a folder that no demo made."""
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise SettingsError(
            "an empty folder, or one of an earlier demo", f"{home} holds something else", "choose another with --home"
        )
    if home.exists():
        stop(home)
        shutil.rmtree(home)
    home.mkdir(parents=True)
    (home / MARKER).touch()


def last_started(now: datetime) -> date:
    """The date of the last 03:00 (UTC) that has passed: Airflow backfills no run that is still to come."""
    return (now - timedelta(hours=3)).date()


def run_last_dates(client: AirflowClient, last: date, console: Console) -> list[DagRun]:
    """A real backfill of the last dates.

    Made while the DAG is paused: unpausing would otherwise start a scheduled run of the last date before it.
    """
    client.wait_for_dag(DAG_ID)
    first_instant = datetime.combine(last - timedelta(days=RUNS - 1), clock_time(), UTC)
    last_instant = datetime.combine(last, clock_time(23, 59), UTC)
    runs = client.backfill(DAG_ID, first_instant, last_instant)
    client.unpause(DAG_ID)
    return watch_runs(client, DAG_ID, [run.run_id for run in runs], MAY_STAND_STILL_SECONDS, console)


def say_where(console: Console, home: Path, port: int) -> None:
    """Where to look on."""
    console.print(f"UI        {base_url(port)}/dags/{DAG_ID}")
    console.print(f"user      {ADMIN}, password: {ADMIN_PASSWORD} in {secret_file(home)}")
    console.print(f"again     make up HIGAWARI_HOME={home} PORT={port}")


def say_how_to_go_on(console: Console, home: Path, port: int) -> None:
    """After giving up: nothing is lost, the runs go on with the next start."""
    console.rule("The demo gave up")
    console.print("What has ended is kept. Start Airflow again, and the runs go on by themselves:")
    console.print(f"go on     make up HIGAWARI_HOME={home} PORT={port}", soft_wrap=True)
    console.print(f"UI        {base_url(port)}/dags/{DAG_ID}, once it is up", soft_wrap=True)
    console.print(f"user      {ADMIN}, password: {ADMIN_PASSWORD} in {secret_file(home)}", soft_wrap=True)
    console.print(f"logs      {home / 'airflow' / 'logs'}: components, and a folder for each task", soft_wrap=True)


def wait_for_the_end(home: Path, console: Console) -> None:
    """Keep Airflow up for a person at a terminal, who presses Ctrl-C or stops it with `make down` elsewhere."""
    if not (console.is_terminal and sys.stdin.isatty()):
        return
    console.print("[bold]Airflow stays up until you press Ctrl-C.[/]")
    try:
        while any(process.alive for process in RunFolder(home).started().values()):
            time.sleep(2)
        console.print("Airflow was stopped.")
    except KeyboardInterrupt:
        console.print("Stopping ...")


if __name__ == "__main__":
    sys.exit(main())
