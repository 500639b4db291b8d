"""Stage a publication: write its tables under an id that is the hash of their content."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.retraining.content_hash import content_hash
from include.retraining.publication.put_by import ID, put_by
from include.retraining.tables import PUBLICATIONS
from include.retraining.warehouse.protocol import Pieces

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from include.retraining.run import Run
    from include.retraining.settings import RetrainingSettings
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table


@dataclass(frozen=True)
class Staged:
    """A complete set of published tables that nobody reads yet."""

    publication_id: str
    content_hash: str
    row_counts: Mapping[str, int]


@dataclass(frozen=True)
class Lineage:
    """What a publication was made from."""

    model_versions: Mapping[str, str]
    training_sets: Mapping[str, str]
    table_versions: Mapping[str, int]
    code_version: str


def stage(
    warehouse: Warehouse, as_of_date: date, rows_of: Mapping[Table, pa.Table | Pieces], folder: Path | None = None
) -> Staged:
    """Write each table's rows (without publication_id) as one immutable publication.

    Pieces come in key order, and once: between hash and table they lie in an unnamed file in `folder` (None: that of
    the system). An identical, complete publication is left alone; one whose stored rows were lost or changed is
    written again.
    """
    with ExitStack() as stack:
        kept = {table: stack.enter_context(put_by(table, rows, folder)) for table, rows in rows_of.items()}
        digest = _hash_of({table.name: rows.content_hash for table, rows in kept.items()})
        staged = Staged(f"{as_of_date}-{digest[:12]}", digest, {table.name: rows.count for table, rows in kept.items()})
        if not (is_recorded(warehouse, staged.publication_id) and _is_intact(warehouse, staged, list(kept))):
            for table, rows in kept.items():
                pieces = Pieces(partial(rows.with_id, staged.publication_id))
                warehouse.replace(table, {ID: staged.publication_id}, pieces)
    return staged


def _is_intact(warehouse: Warehouse, staged: Staged, tables: list[Table]) -> bool:
    try:
        stored = {table: warehouse.read(table, {ID: staged.publication_id}) for table in tables}
    except OSError:
        return False
    return publication_hash(stored) == staged.content_hash


def record_publication(
    warehouse: Warehouse, run: Run, settings: RetrainingSettings, staged: Staged, lineage: Lineage, check_result: str
) -> None:
    """Append the publication's row: from here on it is complete and never rewritten."""
    import pyarrow as pa

    until = datetime.combine(
        run.as_of_date + timedelta(days=settings.publication.valid_days), time(), ZoneInfo(settings.business.timezone)
    )
    row = {
        ID: staged.publication_id,
        "as_of_date": run.as_of_date,
        "model_versions": _json(lineage.model_versions),
        "table_versions": _json(lineage.table_versions),
        "training_set": _json(lineage.training_sets),
        "settings_hash": settings.hash,
        "code_version": lineage.code_version,
        "run_id": run.run_id,
        "row_counts": _json(staged.row_counts),
        "content_hash": staged.content_hash,
        "check_result": check_result,
        "created_at": datetime.now(UTC),
        "valid_until": until,
        "experiment": _json(settings.experiment.model_dump()),
    }
    warehouse.append_once(PUBLICATIONS, pa.Table.from_pylist([row], schema=PUBLICATIONS.schema))


def is_recorded(warehouse: Warehouse, publication_id: str) -> bool:
    """Whether a publication is complete."""
    return bool(warehouse.read(PUBLICATIONS, {ID: publication_id}, [ID]).num_rows)


def publication_hash(rows_of: Mapping[Table, pa.Table]) -> str:
    """Hash of the content of all published tables together (SHA-256, hex)."""
    return _hash_of({table.name: content_hash(table, rows) for table, rows in rows_of.items()})


def _hash_of(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256(_json(hashes).encode()).hexdigest()


def _json(values: Mapping[str, object]) -> str:
    return json.dumps(dict(values), sort_keys=True)
