"""Damage one landed day on purpose, to see what the checks, the alerts and the readers make of it."""

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zlib import crc32

from rich.console import Console
from rich.table import Table

from include.demo import broken_deliveries, broken_rows  # noqa: F401  # importing them registers their faults
from include.demo.errors import DemoError
from include.demo.fault_registry import FAULTS, find_fault
from include.demo.landed_day import LandedDay
from include.demo.randomness import stream


def inject(landing: Path, fault: str, arrival_date: date, *, share: float | None = None) -> str:
    """Damage the folder of an arrival date and return one sentence saying what was done.

    The same landing zone, fault and date always give the same damage. `share` overrides the share of rows damaged.

    Raises:
        DemoError: the fault is unknown, takes no share, or finds nothing to damage.
    """
    found = find_fault(fault)
    dice = stream(crc32(fault.encode()), "fault", arrival_date.toordinal())
    done = found.damage(LandedDay(landing, arrival_date, found.share_or(share), dice))
    return f"{fault} on {arrival_date}: {done}."


def describe_faults() -> dict[str, str]:
    """Return what each fault means, by name."""
    return {name: fault.sentence for name, fault in FAULTS.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """List the faults, or inject one."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        _print_faults()
    elif None in (options.landing, options.fault, options.date):
        parser.error("--landing, --fault and --date are needed to inject a fault; --list shows the faults")
    else:
        try:
            done = inject(options.landing, options.fault, options.date, share=options.share)
        except DemoError as error:
            parser.error(str(error))
        Console().print(done, soft_wrap=True, highlight=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.demo.faults", description=__doc__)
    parser.add_argument("--list", action="store_true", help="show the faults and stop")
    parser.add_argument("--landing", type=Path, help="the landing zone")
    parser.add_argument("--fault", help="name of the fault")
    parser.add_argument("--date", type=date.fromisoformat, help="arrival date to damage")
    parser.add_argument("--share", type=float, help="share of rows to damage instead of the usual one")
    return parser


def _print_faults() -> None:
    table = Table("fault", "what it means")
    for name, sentence in describe_faults().items():
        table.add_row(name, sentence)
    Console().print(table)


if __name__ == "__main__":
    main()
