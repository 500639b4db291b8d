"""One published row with everything it came from: publication, run, model, training set, parameters, reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.recommender.settings import SURFACES
from include.recommender.tables import EVERYBODY, USER_RECOMMENDATIONS
from include.retraining.errors import OperationError
from include.retraining.publication.reader import read_publication
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

NEWEST = 5


@dataclass(frozen=True)
class Question:
    """Which row is asked about: by rank or by item; of the current publication where none is named."""

    surface: str
    user_id: str
    rank: int | None = None
    item_id: str | None = None
    publication_id: str | None = None


@dataclass(frozen=True)
class PublishedRow:
    """A row as readers may get it, the record of its publication, and whether readers see that one now."""

    row: dict[str, Any]
    publication: dict[str, Any]
    current: bool

    @property
    def training_set(self) -> str:
        """The hash that the publication recorded for the surface; empty where a rule made its lists."""
        return str(json.loads(self.publication["training_set"]).get(self.row["surface"], ""))


def published_row(warehouse: Warehouse, question: Question) -> PublishedRow:
    """The row; OperationError where there is no such surface, publication, list, rank or item in it."""
    if question.surface not in SURFACES:
        raise OperationError(
            f"a surface among {', '.join(SURFACES)}", repr(question.surface), "ask for one of those with --surface"
        )
    current = read_switch_log(warehouse).current
    publication = _publication(warehouse, question.publication_id or current)
    rows = _list(warehouse, question, publication["publication_id"])
    found = [row for row in rows if question.item_id in (None, row["item_id"]) and question.rank in (None, row["rank"])]
    if not found:
        raise _not_in_list(question, rows)
    return PublishedRow(found[0], publication, publication["publication_id"] == current)


def _publication(warehouse: Warehouse, publication_id: str | None) -> dict[str, Any]:
    """Its record; of several, after a repeated check, the last."""
    records = sorted(warehouse.read(PUBLICATIONS).to_pylist(), key=lambda row: row["created_at"])
    if publication_id is None:
        raise OperationError(
            "a current publication",
            f"none: readers see nothing; {_newest(records)}",
            "name one with --publication, or wait for the first run that publishes",
        )
    found: dict[str, Any] | None = next((row for row in records[::-1] if row["publication_id"] == publication_id), None)
    if found is None:
        raise OperationError(
            "a recorded publication, <as_of_date>-<hash>",
            f"{publication_id!r}; {_newest(records)}",
            "name one of those with --publication, or leave it out for the current one",
        )
    return found


def _newest(records: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(row["publication_id"] for row in records[::-1]))[:NEWEST]
    return f"the newest recorded are {', '.join(names)}" if names else "none is recorded"


def _list(warehouse: Warehouse, question: Question, publication_id: str) -> list[dict[str, Any]]:
    where = {"surface": question.surface, "user_id": question.user_id}
    rows: list[dict[str, Any]] = read_publication(warehouse, USER_RECOMMENDATIONS, publication_id, where).to_pylist()
    if not rows:
        raise OperationError(
            f"a list of user {question.user_id!r} on {question.surface} in {publication_id}",
            "none: the user had no history then, and readers give such users the list for everybody",
            f"check the id, or ask for the list for everybody with --user '{EVERYBODY}'",
        )
    return rows


def _not_in_list(question: Question, rows: list[dict[str, Any]]) -> OperationError:
    if question.item_id is not None:
        return OperationError(
            f"item {question.item_id!r} among the {len(rows)} of the list",
            f"others, from {rows[0]['item_id']!r} to {rows[-1]['item_id']!r}",
            "check the id, or ask by --rank; an item below the last rank, inactive or blocked is in no list",
        )
    return OperationError(
        f"a rank from {rows[0]['rank']} to {rows[-1]['rank']}", str(question.rank), "ask for one of those with --rank"
    )
