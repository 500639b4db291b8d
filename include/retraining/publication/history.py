"""Every publication that was checked, and what became of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.retraining.publication.status import status_of
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from include.retraining.publication.status import Status
    from include.retraining.publication.switch_log import Switch, SwitchLog
    from include.retraining.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class Publication:
    """A publication as its row tells it, with its status."""

    publication_id: str
    as_of_date: date
    status: Status
    check_result: str
    created_at: datetime
    valid_until: datetime
    run_id: str
    model_versions: Mapping[str, str]
    row_counts: Mapping[str, int]
    code_version: str
    settings_hash: str


@dataclass(frozen=True)
class History:
    """`publications` newest first."""

    log: SwitchLog
    publications: Sequence[Publication]

    @property
    def dates(self) -> list[date]:
        """The as_of_dates that have one, newest first."""
        return sorted({each.as_of_date for each in self.publications}, reverse=True)

    def of_date(self, as_of_date: date) -> list[Publication]:
        """Those of one date."""
        return [each for each in self.publications if each.as_of_date == as_of_date]

    def find(self, publication_id: str) -> Publication | None:
        """The one with this id."""
        return next((each for each in self.publications if each.publication_id == publication_id), None)

    def switches_of(self, publication_id: str) -> list[Switch]:
        """The switches that led readers to it or away from it, newest first; a hold or a release while it was read."""
        named = [
            each for each in self.log.switches if publication_id in (each.from_publication_id, each.to_publication_id)
        ]
        return named[::-1]


def read_history(warehouse: Warehouse) -> History:
    """Read `publications` and the switches log. Of a publication that was checked again the last check counts."""
    log = read_switch_log(warehouse)
    by_id: dict[str, Mapping[str, Any]] = {}
    for row in sorted(warehouse.read(PUBLICATIONS).to_pylist(), key=lambda row: row["created_at"]):
        by_id[row["publication_id"]] = row
    told = [_publication(row, log) for row in by_id.values()]
    return History(log, sorted(told, key=lambda each: (each.as_of_date, each.created_at), reverse=True))


def _publication(row: Mapping[str, Any], log: SwitchLog) -> Publication:
    return Publication(
        publication_id=row["publication_id"],
        as_of_date=row["as_of_date"],
        status=status_of(log, row["publication_id"], row["check_result"]),
        check_result=row["check_result"],
        created_at=row["created_at"],
        valid_until=row["valid_until"],
        run_id=row["run_id"],
        model_versions=json.loads(row["model_versions"]),
        row_counts=json.loads(row["row_counts"]),
        code_version=row["code_version"],
        settings_hash=row["settings_hash"],
    )
