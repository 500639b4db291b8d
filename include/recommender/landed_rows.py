"""Which landed files hold a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.exposures import landed_exposures
from include.retraining.errors import LandedDataError
from include.retraining.landing import LandedColumns
from include.retraining.quality.erased import protect_people

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.deliveries import Deliveries
    from include.retraining.erasure import Person
    from include.retraining.workspace import Workspace

USER = "user_id"


def landed_files_of(workspace: Workspace[RecommenderSettings], person: Person) -> dict[str, int]:
    """Rows of the person by landed file of complete deliveries; a delivery that cannot be read is named with -1."""
    theirs = workspace.settings.ingest.event_columns.get(USER, USER)
    return {
        **_files_of(workspace.landing, "events", theirs, person),
        **_files_of(landed_exposures(workspace.settings), "exposures", USER, person),
    }


def _files_of(landing: Deliveries, kind: str, theirs: str, person: Person) -> dict[str, int]:
    columns, found = LandedColumns({USER: theirs}, frozenset({USER})), {}
    for day in landing.ready_days(kind):
        try:
            rows = landing.read(kind, [day], columns)
        except LandedDataError:
            found[f"{kind}/{day} (cannot be read)"] = -1
            continue
        others = protect_people(rows, USER, frozenset({person.user_hash}), hash_ids=False)
        found |= _difference(_by_file(rows), _by_file(others))
    return found


def _by_file(rows: object) -> dict[str, int]:
    counted = rows["file"].value_counts().to_pylist()  # type: ignore[index]
    return {row["values"]: row["counts"] for row in counted}


def _difference(all_rows: dict[str, int], others: dict[str, int]) -> dict[str, int]:
    more = {file: count - others.get(file, 0) for file, count in all_rows.items()}
    return {file: count for file, count in more.items() if count}
