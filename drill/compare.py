"""Whether the drilled days left what undisturbed ones leave: every row, and nobody else in office."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drill.world import tracking_uri, warehouse_in
from include.recommender.contenders import model_name
from include.recommender.settings import SURFACES
from include.recommender.tables import PUBLISHED_TABLES, RECOMMENDER_TABLES
from include.retraining.content_hash import content_hash
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.registry import ModelRegistry
from include.retraining.tables import (
    ALERTS,
    MACHINERY_TABLES,
    PROMOTION_DECISIONS,
    PUBLICATION_SWITCHES,
    PUBLICATIONS,
    RUN_COSTS,
    TASK_FAILURES,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table

# They tell of faults, of tries, or by which way the same end was reached: what readers had of it is compared below.
OF_THE_WAY = {ALERTS, TASK_FAILURES, RUN_COSTS, PUBLICATION_SWITCHES}


def differences(drilled: Path, undisturbed: Path) -> list[str]:
    """What differs, in words; empty where the content is the same.

    A night in which training failed was published with the champion before it was published again: those publications
    are more than the undisturbed days have, and are left out.
    """
    here, there = warehouse_in(drilled), warehouse_in(undisturbed)
    tables = [table for table in (*RECOMMENDER_TABLES, *MACHINERY_TABLES) if table not in OF_THE_WAY]
    published = _publication_ids(there)
    found = [told for table in tables if (told := _difference(table, here, there, published))]
    return [*found, *_other_readers(here, there), *_other_champions(drilled, undisturbed)]


def extra_publications(drilled: Path, undisturbed: Path) -> int:
    """Publications that undisturbed days do not have."""
    here, there = (_publication_ids(warehouse_in(data)) for data in (drilled, undisturbed))
    return len(here - there)


def _publication_ids(warehouse: Warehouse) -> set[str]:
    return set(warehouse.read(PUBLICATIONS)["publication_id"].to_pylist())


def _difference(table: Table, here: Warehouse, there: Warehouse, published: set[str]) -> str:
    mine, theirs = _comparable(table, here.read(table), published), _comparable(table, there.read(table), published)
    if content_hash(table, mine) == content_hash(table, theirs):
        return ""
    if mine.num_rows == theirs.num_rows:
        return f"{table.name}: other content"
    return f"{table.name}: {mine.num_rows} rows instead of {theirs.num_rows}"


def _comparable(table: Table, rows: pa.Table, published: set[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    if table in (*PUBLISHED_TABLES, PUBLICATIONS):
        return rows.filter(pc.is_in(rows["publication_id"], pa.array(sorted(published))))
    if table == PROMOTION_DECISIONS:
        # A challenger may have taken office with the champion's lists of the other surface beside its own.
        nothing = pa.array([""] * rows.num_rows, pa.string())
        return rows.set_column(rows.schema.get_field_index("publication_id"), "publication_id", nothing)
    return rows


def _other_readers(here: Warehouse, there: Warehouse) -> list[str]:
    mine, theirs = read_switch_log(here), read_switch_log(there)
    never = {switch.to_publication_id for switch in theirs.switches} - {s.to_publication_id for s in mine.switches}
    told = [f"readers never saw {publication_id}" for publication_id in sorted(never)]
    return told if mine.current == theirs.current else [*told, f"readers see {mine.current}, not {theirs.current}"]


def _other_champions(drilled: Path, undisturbed: Path) -> list[str]:
    here, there = (ModelRegistry(tracking_uri(data)) for data in (drilled, undisturbed))
    return [f"another champion of {name}" for name in SURFACES if _champion(here, name) != _champion(there, name)]


def _champion(registry: ModelRegistry, surface: str) -> str:
    version = registry.champion(model_name(surface))
    return registry.get(model_name(surface), version).tags["model_sha256"] if version else "none"
