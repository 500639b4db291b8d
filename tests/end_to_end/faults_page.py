"""The tables of docs/faults.md, as tests read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.simulated_home import PROJECT

PAGE = PROJECT / "docs" / "faults.md"


@dataclass(frozen=True)
class Row:
    """What docs/faults.md says about a fault."""

    arrives: str
    ends_in: tuple[str, ...]  # the step and the error, or nothing where the day is published
    verdict: str
    failed_checks: frozenset[str]
    quarantined: tuple[float, str] | None  # share, reason
    readers_see: str


def rows_of_the_page(heading: str) -> dict[str, Row]:
    """The table under a heading of docs/faults.md, by fault."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n{heading}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if _is_row(line)]
    return {fault.strip("`"): _row(*said) for fault, *said in cells}


def _is_row(line: str) -> bool:
    return line.startswith("| `")


def _row(arrives: str, ends: str, verdict: str, checks: str, quarantined: str, readers: str, todo: str) -> Row:
    assert todo, "the page says what to do"
    ends_in = tuple(re.findall("`(.+?)`", ends)[:2])
    assert (ends == "published") != bool(ends_in)
    share = re.fullmatch("([0-9]+) % as `(.+)`", quarantined)
    assert (quarantined == "nothing") != bool(share)
    reason = (int(share[1]) / 100, share[2]) if share else None
    return Row(arrives, ends_in, verdict, frozenset(re.findall("`(.+?)`", checks)), reason, readers)
