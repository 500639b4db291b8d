"""All that a night needs: the operator's control, the hand that strikes, the inbox, the reader."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drill.blows import Blow, DrillFolder, Struck
    from drill.control import Control
    from drill.hand import Hand
    from drill.inbox import Inbox
    from drill.readers import Reader

Strikes = list[tuple[float, "Struck"]]
PUBLICATION_DATE = len("2026-01-31")


@dataclass(frozen=True)
class Equipment:
    """`settle_seconds`: how long a second message has to show up before a first one counts as the only one."""

    control: Control
    folder: DrillFolder
    hand: Hand
    inbox: Inbox
    reader: Reader
    settle_seconds: float = 1.0

    def strikes(self, blow: Blow) -> Strikes:
        """When a fault struck, oldest first."""
        return [
            (at, struck)
            for at, struck in self.hand.struck
            if (struck.instance, struck.fault) == (blow.instance, blow.fault)
        ]

    def readers_at(self, moment: float) -> str:
        """What readers saw at a moment, in a few words."""
        times = [at for at, _ in self.reader.seen]
        place = bisect_right(times, moment)
        seen = self.reader.seen[place - 1][1] if place else "nothing"
        broken = sum(at <= moment for at, _ in self.reader.misses)
        return f"{seen[:PUBLICATION_DATE]}, {f'{broken} BROKEN READS' if broken else 'whole'}"


def misses_of_strikes(strikes: Sequence[tuple[float, Struck]]) -> list[str]:
    """A fault that never struck, and a task that has no time limit."""
    if not strikes:
        return ["it never struck"]
    return [] if all(struck.execution_timeout > 0 for _, struck in strikes) else ["the task has no execution_timeout"]
