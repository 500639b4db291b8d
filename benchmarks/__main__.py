"""`make bench`: how much wall time Airflow adds to the steps of a day."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil

from benchmarks.overhead import last_dates, measure_overhead
from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService

BAR = 2.0


def main() -> int:
    """Print the machine and the ratios; exit code 1 where the median ratio is above the bar."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--source", type=Path, help="folder with events.* and items.*; default: simulated days")
    parser.add_argument("--last", type=date.fromisoformat, help="last as_of_date; default: after the last event")
    parser.add_argument("--dates", type=int, default=3, help="how many dates (default 3)")
    parser.add_argument("--positive", default="", help="event types a user wants, comma-separated (default: all)")
    parser.add_argument("--port", type=int, default=8087)
    options = parser.parse_args()
    memory = psutil.virtual_memory().total / 2**30
    print(f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="higawari-bench-") as scratch:
        return overhead(options, Path(scratch))


def overhead(options: argparse.Namespace, scratch: Path) -> int:
    """Prepare a home, measure, print."""
    names = [f'"{name}"' for name in options.positive.split(",") if name]
    variables = {"HIGAWARI_BUSINESS__POSITIVE_EVENT_TYPES": f"[{','.join(names)}]"}
    prepared = scratch / "prepared"
    newest = prepare(options.source, prepared, variables)
    dates = last_dates(options.last or newest, options.dates)
    results = measure_overhead(prepared, scratch, dates, options.port, variables)
    print(f"{'as of':12}{'Airflow s':>12}{'one process s':>16}{'ratio':>8}")
    for result in results:
        print(f"{result.as_of_date!s:12}{result.airflow:12.1f}{result.one_process:16.1f}{result.ratio:8.2f}")
    median = sorted(result.ratio for result in results)[len(results) // 2]
    print(f"median ratio {median:.2f} (aim: {BAR:.1f} or less)")
    return 0 if median <= BAR else 1


def prepare(source: Path | None, home: Path, variables: dict[str, str]) -> date:
    """Load the source (or simulate 45 days) into a home; the first as_of_date that has all events."""
    os.environ.update(variables, HIGAWARI_HOME=str(home), HIGAWARI_HASH_KEY="bench")
    if source is None:
        service = PhotoService(start=datetime.now(UTC).date() - timedelta(days=45), days=45)
        write_landing_zone(service, home / "landing")
        return service.until + timedelta(days=1)
    from include.recommender.history import load_history
    from include.recommender.tables import EVENTS
    from include.recommender.workspace import open_recommender

    load_history(source)
    newest = open_recommender().warehouse.partitions(EVENTS)[-1]["event_date"]
    return date.fromisoformat(newest) + timedelta(days=1)


if __name__ == "__main__":
    sys.exit(main())
