"""A reader who never stops: it asks as applications do and notes whatever is not one whole publication."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from include.recommender.tables import PUBLISHED_TABLES
from include.retraining.publication.reader import read_current
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from include.retraining.warehouse.protocol import Warehouse

PAUSE_SECONDS = 0.5


@dataclass
class Reader(threading.Thread):
    """Reads every published table whole, over and over, until it is stopped."""

    warehouse: Warehouse
    seen: list[tuple[float, str]] = field(default_factory=list)
    misses: list[tuple[float, str]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True, name="reader")

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Read until told to stop, and once more after that."""
        last = False
        while not last:
            last = self._ended.wait(PAUSE_SECONDS)
            try:
                self._read_all()
            except Exception as error:  # noqa: BLE001 (whatever a reader meets is a finding)
                self.misses.append((time.time(), f"{type(error).__name__}: {error}"))

    def stop(self) -> None:
        """End after one more round."""
        self._ended.set()
        self.join()

    @property
    def now(self) -> str:
        """The publication seen last."""
        return self.seen[-1][1] if self.seen else "nothing"

    def _read_all(self) -> None:
        for table in PUBLISHED_TABLES:
            rows = read_current(self.warehouse, table)
            ids = sorted(set(rows["publication_id"].to_pylist()))
            counts = self._counts(ids[0]) if len(ids) == 1 else {}
            if counts.get(table.name) != rows.num_rows:
                self.misses.append((time.time(), f"{table.name}: {rows.num_rows} rows of {ids}, published {counts}"))
            self.seen.append((time.time(), ", ".join(ids)))

    def _counts(self, publication_id: str) -> dict[str, int]:
        rows = self.warehouse.read(PUBLICATIONS, {"publication_id": publication_id}, ["row_counts"]).to_pylist()
        return dict(json.loads(rows[0]["row_counts"])) if rows else {}
