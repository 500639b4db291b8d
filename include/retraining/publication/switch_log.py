"""The switches log: its last row names the current publication. One append publishes, rolls back and logs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from include.retraining.errors import CommitConflictError
from include.retraining.publication.live_views import follow_log
from include.retraining.tables import PUBLICATION_SWITCHES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from include.retraining.warehouse.protocol import Warehouse

Kind = Literal["publish", "rollback", "auto_revert", "hold", "release"]


@dataclass(frozen=True)
class Switch:
    """One row of the log. Publication ids are empty where readers had or get nothing."""

    number: int
    from_publication_id: str
    to_publication_id: str
    kind: Kind
    who: str
    why: str
    run_id: str
    switched_at: datetime


@dataclass(frozen=True)
class SwitchLog:
    """The whole log, oldest first."""

    switches: Sequence[Switch]

    @property
    def current(self) -> str | None:
        """The publication that readers see."""
        return (self.switches[-1].to_publication_id or None) if self.switches else None

    @property
    def pointer(self) -> tuple[str | None, date | None]:
        """The same with its as_of_date."""
        return self.current, as_of_date_of(self.current) if self.current else None

    @property
    def last_move(self) -> Switch | None:
        """The switch that brought readers to what they see: a hold or a release moves nobody."""
        return next((s for s in reversed(self.switches) if s.from_publication_id != s.to_publication_id), None)

    @property
    def newest_date(self) -> date | None:
        """The newest as_of_date that readers ever saw: by a run, or as a person gave it to them."""
        return max((as_of_date_of(s.to_publication_id) for s in self.switches if s.to_publication_id), default=None)

    @cached_property
    def left_by(self) -> Mapping[str, Kind]:
        """How readers last left each publication: a hold or a release takes them from none."""
        moves = ("publish", "rollback", "auto_revert")
        return {switch.from_publication_id: switch.kind for switch in self.switches if switch.kind in moves}

    @cached_property
    def rolled_back(self) -> frozenset[str]:
        """Publications that people took away from readers, and did not give back.

        Who moves readers on to a newer date says nothing against the older one.
        """
        taken: set[str] = set()
        arrived_by: Kind | None = None
        for switch in self.switches:
            left, reached = switch.from_publication_id, switch.to_publication_id
            if switch.kind == "rollback":
                # Giving one back undoes a rollback, and says nothing against what that rollback had led to.
                undone = arrived_by == "rollback" and reached in taken
                taken.discard(reached)
                if not undone and not _is_newer(reached, left):
                    taken.add(left)
            if left != reached:
                arrived_by = switch.kind
        return frozenset(taken)

    def held_by(self, after_rollback: str) -> Switch | None:
        """The switch since which runs must leave the pointer alone, until an operator releases it."""
        held: Switch | None = None
        for switch in self.switches:
            if switch.kind == "release":
                held = None
            elif switch.kind == "hold" or (switch.kind == "rollback" and after_rollback == "hold"):
                held = held or switch
        return held

    def is_held(self, after_rollback: str) -> bool:
        """Whether runs must leave the pointer alone."""
        return self.held_by(after_rollback) is not None


def read_switch_log(warehouse: Warehouse) -> SwitchLog:
    """Read the log."""
    return SwitchLog([Switch(**row) for row in warehouse.read(PUBLICATION_SWITCHES).to_pylist()])


def append_switch(
    warehouse: Warehouse, log: SwitchLog, to_publication_id: str, kind: Kind, who: str, why: str, run_id: str
) -> Switch:
    """Append one row after the log as it was read, and let views follow.

    CommitConflictError where somebody else switched meanwhile.
    """
    import pyarrow as pa

    number = log.switches[-1].number + 1 if log.switches else 1
    switch = Switch(number, log.current or "", to_publication_id, kind, who, why, run_id, datetime.now(UTC))
    rows = pa.Table.from_pylist([vars(switch)], schema=PUBLICATION_SWITCHES.schema)
    if warehouse.append_once(PUBLICATION_SWITCHES, rows).rows == 0:
        raise CommitConflictError(
            f"switch number {number} to be free",
            "somebody else switched at the same moment",
            "let the retry decide anew",
        )
    show_current(warehouse)
    return switch


def show_current(warehouse: Warehouse) -> None:
    """Let views follow the log: also after a try that was killed between its append and here."""
    follow_log(warehouse, lambda: read_switch_log(warehouse).pointer)


def _is_newer(publication_id: str, than: str) -> bool:
    return bool(than) and as_of_date_of(publication_id) > as_of_date_of(than)


def as_of_date_of(publication_id: str) -> date:
    """The as_of_date that a publication id starts with."""
    return date.fromisoformat(publication_id[:10])
