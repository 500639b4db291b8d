"""The data files of a Delta table: only those that a read needs, and few of them where every append adds one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include.retraining.warehouse.conditions import predicate_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow.dataset as ds
    from deltalake import DeltaTable

    from include.retraining.warehouse.table import Table

logger = logging.getLogger(__name__)
# A file of a row or two costs a reader as much as one of thousands.
MOST_FILES = 64
# A condition of more names than this takes longer to weigh than files to open.
MOST_NAMES = 400


def dataset_of(delta: DeltaTable, folder: Path, table: Table, where: Mapping[str, object]) -> ds.Dataset:
    """The files that may hold rows of the condition, read without Delta's own storage layer.

    That one asks Python for every piece of a file: on hundreds of small files it takes twice as long.
    """
    import pyarrow.fs as fs

    local = fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
    # Delta keeps the smallest and the largest value of a file's columns: it skips what cannot hold such rows.
    certain = {
        name: value for name, value in where.items() if _is_few(value) and (name in table.partition or _is_text(value))
    }
    return delta.to_pyarrow_dataset(filesystem=local, file_pruning_predicate=predicate_of(certain) if certain else None)


def _is_few(value: object) -> bool:
    return not isinstance(value, list) or 0 < len(value) <= MOST_NAMES


def _is_text(value: object) -> bool:
    return all(isinstance(each, str) for each in (value if isinstance(value, list) else [value]))


def gather_small_files(delta: DeltaTable) -> None:
    """Make one file of an audit table's many, with the same rows. Where somebody appends meanwhile, a later append does."""
    from deltalake.exceptions import CommitFailedError

    if len(delta.file_uris()) <= MOST_FILES:
        return
    try:
        delta.optimize.compact()
    except CommitFailedError:
        logger.info("%s keeps its small files for now: somebody wrote to it meanwhile", delta.table_uri)
