"""The publications that passed their checks, and what became of each: what readers could be given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.retraining.publication.freshness import age_in_words, shelf_life
from include.retraining.publication.status import status_of
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.retraining.publication.switch_log import SwitchLog
    from include.retraining.warehouse.protocol import Warehouse

SHOWN = 30


@dataclass(frozen=True)
class Archive:
    """`rows` are those of `publications`, by id, newest first."""

    log: SwitchLog
    rows: Mapping[str, Mapping[str, Any]]

    @property
    def targets(self) -> list[str]:
        """What readers could be moved to: neither what they see, nor what they once did not get as it was staged."""
        return [name for name in self.rows if status_of(self.log, name) not in ("current", "rejected")]

    @property
    def had_before(self) -> str | None:
        """What readers had before they first saw the current publication, and nobody took away."""
        moves = [switch.to_publication_id for switch in self.log.switches]
        earlier = moves[: moves.index(self.log.current)] if self.log.current else []
        targets, rolled_back = self.targets, self.log.rolled_back
        return next((name for name in reversed(earlier) if name in targets and name not in rolled_back), None)

    def describe(self, publication_id: str | None, now: datetime) -> str:
        """One publication in a line."""
        if not publication_id:
            return "nothing"
        if (row := self.rows.get(publication_id)) is None:
            return f"{publication_id}, which did not pass its checks"
        age = age_in_words(now - row["created_at"])
        models = ", ".join(f"{surface} by {model}" for surface, model in json.loads(row["model_versions"]).items())
        return (
            f"{publication_id} (as_of_date {row['as_of_date']}, check {row['check_result']}, made {age} ago, "
            f"{shelf_life(row['valid_until'], now)}; {models})"
        )

    def list_targets(self, but: str | None = None) -> str:
        """The targets, without one that was found wanting, and what became of each, newest first, for people."""
        now, targets = datetime.now(UTC), [name for name in self.targets if name != but]
        lines = [f"{status_of(self.log, name)}: {self.describe(name, now)}" for name in targets[:SHOWN]]
        older = [f"and {len(targets) - SHOWN} older ones"] if len(targets) > SHOWN else []
        return "\n- ".join(["", *lines, *older]) if targets else " none"


def read_archive(warehouse: Warehouse) -> Archive:
    """Read `publications` and the switches log."""
    rows = [row for row in warehouse.read(PUBLICATIONS).to_pylist() if row["check_result"] in ("pass", "warn")]
    newest_first = sorted(rows, key=lambda row: (row["as_of_date"], row["created_at"]), reverse=True)
    by_id: dict[str, Mapping[str, Any]] = {}
    for row in newest_first:
        by_id.setdefault(row["publication_id"], row)
    return Archive(read_switch_log(warehouse), by_id)
