"""Command line: write a landing zone of simulated days."""

import argparse
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from include.demo.errors import DemoError
from include.demo.landing_writer import SimulationSummary, write_landing_zone
from include.demo.photo_service import PhotoService


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, show progress, and print one line of figures."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        service = _service(options)
        begun = time.perf_counter()
        summary = _write_with_progress(service, options.out, options.first_arrival)
    except DemoError as error:
        parser.error(str(error))
    Console().print(_summary_line(summary, time.perf_counter() - begun, options.out), soft_wrap=True, highlight=False)


def _parser() -> argparse.ArgumentParser:
    default = PhotoService()
    parser = argparse.ArgumentParser(prog="python -m include.demo.simulate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the landing zone to write")
    parser.add_argument("--until", type=date.fromisoformat, required=True, help="last event date, inclusive")
    parser.add_argument("--days", type=int, default=default.days, help="event dates up to --until")
    parser.add_argument("--users", type=int, default=default.users, help="users on the first day")
    parser.add_argument("--items", type=int, default=default.items, help="pictures on the first day")
    parser.add_argument("--events-per-day", type=int, default=default.events_per_day)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument(
        "--first-arrival",
        type=date.fromisoformat,
        help="write only folders from this arrival date on; to add a day, add one to --days and to --until",
    )
    return parser


def _service(options: argparse.Namespace) -> PhotoService:
    return PhotoService(
        start=options.until - timedelta(days=options.days - 1),
        days=options.days,
        seed=options.seed,
        users=options.users,
        items=options.items,
        events_per_day=options.events_per_day,
    )


def _write_with_progress(service: PhotoService, out: Path, first_arrival: date | None) -> SimulationSummary:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Simulating days", total=service.days)
        return write_landing_zone(service, out, lambda _: progress.advance(task), first_arrival=first_arrival)


def _summary_line(summary: SimulationSummary, seconds: float, out: Path) -> str:
    return (
        f"{summary.days} days, {summary.events:,} events, {summary.items:,} items, {summary.users:,} users "
        f"written to {out} in {seconds:.1f} s ({summary.events / seconds:,.0f} events/s)"
    )


if __name__ == "__main__":
    main()
