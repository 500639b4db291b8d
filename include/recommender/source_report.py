"""What each candidate source brings: the share of wanted items that it proposes, and that nobody else does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from include.recommender.training_set import hits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from include.recommender.candidates import Candidates
    from include.recommender.training_set import Targets

CANDIDATES, RECALL = "candidates", "candidate_recall"


def source_row(name: str) -> str:
    """What `evaluation_results` calls a source."""
    return f"source:{name}"


def idle_sources(rows: pa.Table) -> list[str]:
    """Names of the sources that proposed nothing anybody then wanted, from rows of `evaluation_results`."""
    recalls = {row["contender"]: row["mean"] for row in rows.to_pylist() if row["metric"] == RECALL}
    prefix = source_row("")
    return [name.removeprefix(prefix) for name, recall in recalls.items() if name.startswith(prefix) and not recall]


@dataclass
class SourceReport:
    """Sums over blocks of candidates and over weeks."""

    users: int = 0
    wanted: int = 0
    found: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    proposed: dict[str, int] = field(default_factory=dict)

    def start(self, targets: Targets) -> None:
        """A week begins."""
        self.users += len(targets.users)
        self.wanted += int(targets.wanted.sum())

    def add(self, candidates: Candidates, targets: Targets) -> None:
        """One block of its candidates."""
        wanted = hits(candidates, targets)
        proposers = np.sum(list(candidates.proposed.values()), axis=0)
        self._count(CANDIDATES, np.ones(len(wanted), bool), wanted, np.zeros(len(wanted), bool))
        for name, proposed in candidates.proposed.items():
            self._count(source_row(name), proposed, wanted & proposed, wanted & proposed & (proposers == 1))

    def _count(self, name: str, proposed: np.ndarray, found: np.ndarray, alone: np.ndarray) -> None:
        for counts, of in ((self.proposed, proposed), (self.found, found), (self.alone, alone)):
            counts[name] = counts.get(name, 0) + int(of.sum())

    def rows(self) -> Iterator[tuple[str, str, float]]:
        """(name, metric, value): shares of all wanted items, and candidates per user."""
        for name in self.found:
            yield name, RECALL, self.found[name] / max(self.wanted, 1)
            yield name, "candidates_per_user", self.proposed[name] / max(self.users, 1)
            if name != CANDIDATES:
                yield name, "candidate_recall_alone", self.alone[name] / max(self.wanted, 1)
