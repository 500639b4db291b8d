"""How a day grows with its events, beside the usual way and the bare kernel; each figure with its bar."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.our_way import measure_our_way, same_work
from benchmarks.scale_data import AS_OF_DATE, Home, fresh_home, prepare_home, service_of
from benchmarks.scale_day import best_of, measure_day, measure_later_day
from benchmarks.scale_step import Site, Spent, run_step
from include.embedded.environment import SHARED_CORES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.kernel_bound import Bound

Days = dict[str, dict[str, Spent]]

SIMULATOR_BAR, DAY_BAR = 60.0, 480.0  # seconds
TASK_BAR = 3 * 1024.0  # MiB
SLOPE_BAR, KERNEL_BAR = 1.15, 1.5
USUAL_BAR, USUAL_MEMORY_BAR = 2.0, 0.5
# The bars hold at this size, and for the growth from the one to the other.
JUDGED, GROWN = "10M", ("3M", "10M")
# Shorter steps are mostly overhead: their growth is noise.
LEAST_SECONDS = 1.0
PARTS = ("day", "usual", "kernel")
# A first day has no run before it. A later one finds what runs of the weeks before kept of past dates: all but one.
KINDS = FIRST, LATER = ("first", "later")


@dataclass
class Bars:
    """Figures with their bars; those that are not `judged` are shown only."""

    rows: list[str] = field(default_factory=list)
    missed: bool = False

    def at_most(self, name: str, value: float, bar: float, *, judged: bool, digits: int = 2) -> None:
        """A figure that must not exceed its bar."""
        self._add(name, value, f"at most {bar:g}", met=value <= bar, judged=judged, digits=digits)

    def at_least(self, name: str, value: float, bar: float, *, judged: bool) -> None:
        """A figure that must reach its bar."""
        self._add(name, value, f"at least {bar:g}", met=value >= bar, judged=judged, digits=2)

    def _add(self, name: str, value: float, bar: str, *, met: bool, judged: bool, digits: int) -> None:
        self.missed |= judged and not met
        verdict = ("met" if met else "missed") + ("" if judged else " (not judged at this size)")
        self.rows.append(f"| {name} | {value:,.{digits}f} | {bar} | {verdict} |")
        say(self.rows[-1])

    def show(self) -> None:
        """All of them as a Markdown table."""
        _table("Bars", "figure | found | bar | verdict", self.rows)


@dataclass(frozen=True)
class Usual:
    """The script and our steps on the same events: seconds by phase and by step, peak memory."""

    script: dict[str, float]
    script_mib: float
    counts: dict[str, int]
    ours: dict[str, Spent]

    @property
    def ratio(self) -> float:
        """How many times as long the script takes."""
        return sum(self.script.values()) / sum(of.seconds for of in self.ours.values())

    @property
    def memory(self) -> float:
        """Peak of our largest process over the script's."""
        return max(of.peak_mib for of in self.ours.values()) / self.script_mib


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    parser.add_argument(
        "--scale", type=_sizes, default=["1M"], help="of the part scale: 1M, 3M, 10M, or a list of them"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of the part scale; the least seconds count (default 3)")
    parser.add_argument("--keep", type=Path, help="folder that keeps the simulated homes, and has them next time")
    parser.add_argument(
        "--scale-parts", type=_parts, default=list(PARTS), help=f"of {','.join(PARTS)} (kernel needs day)"
    )


def measure_scale(options: argparse.Namespace) -> int:
    """Print every table, smallest size first; exit code 1 where a bar is missed."""
    os.environ.update(SHARED_CORES)
    bars, days = Bars(), {}
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="higawari-scale-", dir=options.keep) as scratch:
        keep = options.keep or Path(scratch)
        for name in sorted(options.scale, key=lambda name: service_of(name).events_per_day):
            home = prepare_home(name, keep)
            days[home] = _measure_size(home, Path(scratch), options.repeats, options.scale_parts, bars)
    if "day" in options.scale_parts and len(days) > 1:
        for kind in KINDS:
            _show_growth(kind, {home: of[kind] for home, of in days.items()}, bars)
    bars.show()
    return 1 if bars.missed else 0


def _measure_size(home: Home, scratch: Path, repeats: int, parts: Sequence[str], bars: Bars) -> Days:
    judged = home.name == JUDGED
    say(f"\n{home.name}: {home.events:,} events as of {AS_OF_DATE}, {repeats} repeats")
    if home.seconds:
        say(f"simulated in {home.seconds:.1f} s, {home.simulated / home.seconds:,.0f} rows/s")
        bars.at_most(f"{home.name}: simulator, s", home.seconds, SIMULATOR_BAR, judged=judged, digits=1)
    else:
        say("simulated elsewhere: the simulator is not measured")
    best: Days = {}
    if "usual" in parts:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            _show_usual(home.name, _measure_usual(home, Path(folder), repeats), bars, judged=judged)
    if "day" in parts:
        best = _measure_days(home, scratch, repeats, bars, with_kernel="kernel" in parts)
    return best


def _measure_days(home: Home, scratch: Path, repeats: int, bars: Bars, *, with_kernel: bool) -> Days:
    judged, firsts, laters, bounds = home.name == JUDGED, [], [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            site = Site(fresh_home(home, Path(folder) / "first"), AS_OF_DATE, {})
            firsts.append(measure_day(site))
            if with_kernel:
                bounds.append(_measure_bound(site))
            laters.append(measure_later_day(Site(fresh_home(home, Path(folder) / "later", site.home), AS_OF_DATE, {})))
    best = {FIRST: best_of(firsts), LATER: best_of(laters)}
    for kind, day in best.items():
        _show_day(f"{home.name}, {kind} day", day, bars, judged=judged, day_judged=judged and kind == LATER)
    if bounds:
        _show_bound(home.name, bounds, bars, judged=judged)
    return best


def _measure_bound(site: Site) -> Bound:
    bound: Bound = run_step(Site(site.home, site.day, same_work()), "benchmarks.kernel_bound:measure_bound").result
    return bound


def _measure_usual(home: Home, scratch: Path, repeats: int) -> Usual:
    """The script and our steps in turn."""
    site = Site(fresh_home(home, scratch / "home"), AS_OF_DATE, same_work())
    scripts, ours = [], []
    for _ in range(repeats):
        scripts.append(_run_script(site.home, scratch / "usual.parquet"))
        ours.append(measure_our_way(site, scratch / "ours.parquet"))
    seconds = {phase: min(of["seconds"][phase] for of in scripts) for phase in scripts[0]["seconds"]}
    peak = min(of["peak_mib"] for of in scripts)
    counts = {"the script": scripts[0]["counts"]["candidates"], "ours": ours[0]["candidates"].result}
    return Usual(seconds, peak, counts, best_of(ours))


def _run_script(home: Path, out: Path) -> dict[str, Any]:
    tables = [str(home / "warehouse" / name) for name in ("events", "items")]
    command = [sys.executable, "-m", "benchmarks.pandas_way", *tables, AS_OF_DATE.isoformat(), str(out)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _show_day(name: str, best: dict[str, Spent], bars: Bars, *, judged: bool, day_judged: bool) -> None:
    rows = [_spent_row(f"`{step}`", spent) for step, spent in best.items()]
    total = sum(spent.seconds for spent in best.values())
    rows.append(f"| all | {total:.1f} | {sum(spent.cpu for spent in best.values()):.1f} | | | |")
    _table(f"{name}, each step in its own process", f"step | {COLUMNS}", rows)
    bars.at_most(f"{name}: all of it, s", total, DAY_BAR, judged=day_judged, digits=0)
    largest = max(best, key=lambda step: best[step].peak_mib)
    bars.at_most(f"{name}: largest task (`{largest}`), MiB", best[largest].peak_mib, TASK_BAR, judged=judged, digits=0)


def _show_usual(name: str, usual: Usual, bars: Bars, *, judged: bool) -> None:
    rows = [f"| {phase} | {seconds:.1f} | | | | |" for phase, seconds in usual.script.items()]
    rows.append(f"| the script | {sum(usual.script.values()):.1f} | | {usual.script_mib:,.0f} | | |")
    rows += [_spent_row(f"`{step}`" if step != "candidates" else step, spent) for step, spent in usual.ours.items()]
    ours = sum(spent.seconds for spent in usual.ours.values())
    largest = max(spent.peak_mib for spent in usual.ours.values())
    rows.append(f"| ours | {ours:.1f} | | {largest:,.0f} | | |")
    _table(f"{name}: statistics to candidates, beside pandas and SciPy", f"phase or step | {COLUMNS}", rows)
    say("candidates: " + ", ".join(f"{whose} {count:,}" for whose, count in usual.counts.items()))
    bars.at_least(f"{name}: pandas and SciPy, s, over ours", usual.ratio, USUAL_BAR, judged=judged)
    bars.at_most(f"{name}: our largest process over the script's memory", usual.memory, USUAL_MEMORY_BAR, judged=judged)


def _show_bound(name: str, bounds: Sequence[Bound], bars: Bars, *, judged: bool) -> None:
    """Both ways are minima of their own, as with the steps."""
    ours, kernel = min(of.ours for of in bounds), min(of.kernel for of in bounds)
    of = bounds[0]
    row = f"| {of.users:,} | {of.pairs / max(of.users, 1):.0f} | {ours:.1f} | {kernel:.1f} | {ours / kernel:.2f} |"
    head = "users | candidates each | features to written lists, s | `inplace_predict` alone, s | ratio"
    _table(f"{name}: scoring beside its kernel, 60 trees, 30 features", head, [row])
    bars.at_most(f"{name}: scoring over its kernel", ours / kernel, KERNEL_BAR, judged=judged)


def _show_growth(kind: str, days: dict[Home, dict[str, Spent]], bars: Bars) -> None:
    """Log-log slopes of the seconds between the two largest sizes; of short steps none is judged."""
    small, large = list(days)[-2:]
    judged = (small.name, large.name) == GROWN
    grown = math.log(large.events / small.events)
    rows, longest = [], {}
    for step, spent in days[large].items():
        if (before := days[small].get(step)) is None:
            continue
        slope = math.log(max(spent.seconds, 1e-3) / max(before.seconds, 1e-3)) / grown
        short = before.seconds < LEAST_SECONDS
        if not short:
            longest[step] = slope
        times = " | ".join(f"{day[step].seconds:.1f}" if step in day else "" for day in days.values())
        rows.append(f"| `{step}` | {times} | {slope:.2f}{' (short: noise)' if short else ''} |")
    head = " | ".join(f"{home.name}, s" for home in days)
    _table(f"growth from {small.name} to {large.name}, {kind} day", f"step | {head} | slope", rows)
    say(f"Steps of less than {LEAST_SECONDS:g} s at {small.name} are not judged: their slope is noise.")
    for step, slope in longest.items():
        bars.at_most(f"{small.name} to {large.name}, {kind} day: slope of `{step}`", slope, SLOPE_BAR, judged=judged)


COLUMNS = "wall, s | CPU, s | peak memory, MiB | rows written | MiB written"


def _spent_row(name: str, of: Spent) -> str:
    return f"| {name} | {of.seconds:.1f} | {of.cpu:.1f} | {of.peak_mib:,.0f} | {of.rows:,} | {of.mib:,.1f} |"


def _table(title: str, head: str, rows: Sequence[str]) -> None:
    line = "|".join(["---"] * (head.count("|") + 1))
    say("\n".join([f"\n{title}\n", f"| {head} |", f"|{line}|", *rows, ""]))


def say(text: str) -> None:
    """Print at once: a run takes long."""
    print(text, flush=True)


def _sizes(text: str) -> list[str]:
    names = text.split(",")
    try:
        for name in names:
            service_of(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return names


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        raise argparse.ArgumentTypeError(f"some of {', '.join(PARTS)}, not {', '.join(unknown)}")
    if "kernel" in parts and "day" not in parts:
        raise argparse.ArgumentTypeError("kernel scores what the day made: name day, too")
    return parts
