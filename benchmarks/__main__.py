"""`make bench`: what a day costs, how much Airflow adds, and (on request) how it grows and what each part is worth."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil

from benchmarks.daily_cost import Cost, measure_cost
from benchmarks.overhead import last_dates, measure_overhead
from benchmarks.scale import add_options, measure_scale
from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService

OVERHEAD_BAR = 2.0
# Of the web shop of docs/benchmarks.md: evaluated weeks, and the seconds they may take on two cores.
SECONDS_BARS = {0: 45.0, 3: 120.0}
MEMORY_BAR_MIB = 2048.0
WEEK = timedelta(days=7)
PARTS = ("cost", "overhead", "ablation", "scale", "page")


def main() -> int:
    """Print the machine and the figures; exit code 1 where one falls short of its bar."""
    options = _options()
    memory = psutil.virtual_memory().total / 2**30
    print(f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}")
    if options.parts == ["page"]:
        return page()
    if options.parts == ["scale"]:  # it makes its own data
        return measure_scale(options)
    names = [f'"{name}"' for name in options.positive.split(",") if name]
    variables = {"HIGAWARI_BUSINESS__POSITIVE_EVENT_TYPES": f"[{','.join(names)}]"}
    with tempfile.TemporaryDirectory(prefix="higawari-bench-") as scratch:
        prepared = Path(scratch) / "prepared"
        newest = prepare(options.source, prepared, variables)
        last = options.last or newest
        measure = {
            "cost": lambda: cost(prepared, last, variables, has_bars=options.source is not None),
            "overhead": lambda: overhead(prepared, last_dates(last, options.dates), options.port, variables),
            "scale": lambda: measure_scale(options),
            "ablation": lambda: ablation(prepared, options.ablation_dates or last_dates(last - WEEK, 3)),
            "page": page,
        }
        return max([measure[part]() for part in options.parts])


def cost(prepared: Path, day: date, variables: dict[str, str], *, has_bars: bool) -> int:
    """Print seconds, share of each step and peak memory, without and with evaluated weeks.

    The bars are those of the web shop: simulated days have none.
    """
    found: dict[int, Cost] = {}
    for weeks in SECONDS_BARS:
        with tempfile.TemporaryDirectory(prefix="higawari-bench-") as scratch:
            home = Path(shutil.copytree(prepared, Path(scratch) / "home"))
            found[weeks] = measure_cost(home, day, weeks, variables)
        print(f"\n{day}, {weeks} evaluated weeks")
        for step, seconds in found[weeks].seconds.items():
            print(f"{step:32}{seconds:8.1f} s{seconds / found[weeks].total:8.0%}")
        print(f"{'all':32}{found[weeks].total:8.1f} s (aim: {SECONDS_BARS[weeks]:.0f} or less on the web shop)")
        print(f"{'libraries, imported once':32}{found[weeks].importing:8.1f} s")
        print(f"{'peak memory':32}{found[weeks].peak_mib:8.0f} MiB (aim: {MEMORY_BAR_MIB:.0f} or less)")
    within = all(of.total <= SECONDS_BARS[weeks] and of.peak_mib <= MEMORY_BAR_MIB for weeks, of in found.items())
    return 0 if within or not has_bars else 1


def overhead(prepared: Path, dates: list[date], port: int, variables: dict[str, str]) -> int:
    """Print the wall time of each date through Airflow and in one process."""
    with tempfile.TemporaryDirectory(prefix="higawari-bench-") as scratch:
        results = measure_overhead(prepared, Path(scratch), dates, port, variables)
    print(f"\n{'as of':12}{'Airflow s':>12}{'one process s':>16}{'ratio':>8}")
    for result in results:
        print(f"{result.as_of_date!s:12}{result.airflow:12.1f}{result.one_process:16.1f}{result.ratio:8.2f}")
    median = sorted(result.ratio for result in results)[len(results) // 2]
    print(f"median ratio {median:.2f} (aim: {OVERHEAD_BAR:.1f} or less)")
    return 0 if median <= OVERHEAD_BAR else 1


def ablation(prepared: Path, dates: list[date]) -> int:
    """Print NDCG@10 without each source and each group of features, as rows of a Markdown table."""
    from benchmarks.ablation import measure_ablation
    from include.recommender.workspace import open_recommender

    os.environ["HIGAWARI_HOME"] = str(prepared)
    workspace = open_recommender()
    print(f"\nNDCG@10 of the weeks from {', '.join(map(str, dates))}\n")
    print("| surface | left out | NDCG@10 | difference, 95 % interval |\n|---|---|---|---|")
    for loss in measure_ablation(workspace.warehouse, workspace.settings, dates):
        found = loss.difference
        interval = f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
        print(f"| {loss.surface} | {loss.left_out} | {loss.mean:.4f} | {interval} |", flush=True)
    return 0


def page() -> int:
    """Print the seconds of every page of the UI on a simulated year, and of its slowest read of a table."""
    from benchmarks.page_speed import measure_pages, report

    with tempfile.TemporaryDirectory(prefix="higawari-bench-") as scratch:
        return report(measure_pages(Path(scratch)))


def prepare(source: Path | None, home: Path, variables: dict[str, str]) -> date:
    """Load the source (or simulate 90 days) into a home; the first as_of_date that has all events."""
    from include.recommender.history import load_history
    from include.recommender.pipeline import ingest
    from include.recommender.tables import EVENTS
    from include.recommender.workspace import open_recommender
    from include.retraining.run import Run

    os.environ.update(variables, HIGAWARI_HOME=str(home), HIGAWARI_HASH_KEY="bench")
    if source is None:
        service = PhotoService(start=datetime.now(UTC).date() - timedelta(days=90), days=90)
        write_landing_zone(service, home / "landing")
        day = service.until + timedelta(days=1)
        ingest(Run(day, "bench", "backtest"), open_recommender())
        return day
    load_history(source)
    newest = open_recommender().warehouse.partitions(EVENTS)[-1]["event_date"]
    return date.fromisoformat(newest) + timedelta(days=1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", type=_parts, default=["cost", "overhead"], help=f"of {','.join(PARTS)}")
    parser.add_argument("--source", type=Path, help="folder with events.* and items.*; default: simulated days")
    parser.add_argument("--last", type=date.fromisoformat, help="last as_of_date; default: after the last event")
    parser.add_argument("--dates", type=int, default=3, help="how many dates of overhead (default 3)")
    parser.add_argument("--ablation-dates", type=_dates, help="comma-separated; default: three that a week follows")
    parser.add_argument("--positive", default="", help="event types a user wants, comma-separated (default: all)")
    parser.add_argument("--port", type=int, default=8087)
    add_options(parser)
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        raise argparse.ArgumentTypeError(f"some of {', '.join(PARTS)}, not {', '.join(unknown)}")
    return parts


def _dates(text: str) -> list[date]:
    return [date.fromisoformat(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
