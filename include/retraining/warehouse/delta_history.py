"""The past of a Delta table: data files that no version needs any more, and the log of versions that are gone."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

from include.retraining.errors import TableSchemaError
from include.retraining.warehouse.protocol import Vacuumed
from include.retraining.warehouse.table import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from include.retraining.warehouse.table import Table

T = TypeVar("T")
logger = logging.getLogger(__name__)

DIGITS_OF_A_VERSION = 20
FILES_OF_AN_APPENDED_TABLE = 50
HOURS_OF_A_DAY = 24
TRIES_TO_READ = 4
SECONDS_BETWEEN_TRIES = 0.05
# From the writing of a file to the commit that names it; what is older was left by a killed write.
SECONDS_TO_COMMIT = 600
SECONDS_BETWEEN_LOOKS = 1


def vacuum_files(table: Table, folder: Path, keep_days: int, keep_versions: Sequence[int], dry_run: bool) -> Vacuumed:
    """Remove data files that neither a version of the last days nor a kept one names: those of killed writes too.

    Where no day is kept, files that another process is writing are waited for: they are committed, or grow old.
    """
    arguments: dict[str, Any] = {
        "retention_hours": HOURS_OF_A_DAY * keep_days,
        "enforce_retention_duration": False,  # the settings say how long; Delta would insist on a week
        "keep_versions": [version for version in keep_versions if _is_there(folder, version)],
        "full": True,
    }
    found = _unneeded(folder, arguments)
    while keep_days == 0 and not dry_run and _being_written(folder, found, arguments):
        time.sleep(SECONDS_BETWEEN_LOOKS)
        found = _unneeded(folder, arguments)
    size = sum(path.stat().st_size for path in found if path.exists())
    # Not by Delta's vacuum, which would look again and take what was written since.
    for path in found if not dry_run else ():
        path.unlink(missing_ok=True)
    return Vacuumed(table.name, len(found), size)


def _unneeded(folder: Path, arguments: Mapping[str, Any]) -> list[Path]:
    from deltalake import DeltaTable

    return [folder / name for name in DeltaTable(str(folder)).vacuum(dry_run=True, **arguments)]


def _being_written(folder: Path, found: Sequence[Path], arguments: Mapping[str, Any]) -> bool:
    """Whether a file may yet be committed: no version ever named it, and it is young."""
    named_once = _unneeded(folder, {**arguments, "full": False})
    since = time.time() - SECONDS_TO_COMMIT
    young = (path for path in set(found) - set(named_once) if path.exists() and path.stat().st_mtime > since)
    return any(young)


def compact(table: Table, folder: Path) -> None:
    """Put the small files of an appended table together once there are many: each append is a file of its own.

    Whoever reads opens every file, and so does the next append, which looks for its keys; both read the log, which a
    checkpoint stands in for. A lost race is no loss: a later append tries again. Not by Delta's own `optimize`: two of
    them at once do not see each other as of deltalake 1.6, and every row is then there twice.
    """
    from deltalake import DeltaTable, write_deltalake
    from deltalake.exceptions import DeltaError

    try:
        delta = DeltaTable(str(folder))
        if len(delta.file_uris()) > FILES_OF_AN_APPENDED_TABLE:
            rows = table.conform(delta.to_pyarrow_dataset().to_table())
            write_deltalake(delta, in_order(rows, table.key), mode="overwrite")
            delta.create_checkpoint()
    except (DeltaError, OSError, TableSchemaError) as error:
        # The append is there already: whoever made it must not fail for this, nor for columns of a newer release.
        logger.warning("the files of %s stay as many as they are: %s", table.name, type(error).__name__)


def expire_log(folder: Path) -> None:
    """Remove log entries older than Delta's log retention (30 days), once a checkpoint stands in for them."""
    from deltalake import DeltaTable

    DeltaTable(str(folder)).create_checkpoint()
    DeltaTable(str(folder)).cleanup_metadata()


def forget_versions(table: Table, folder: Path) -> None:
    """Leave no version but the present one.

    Log entries hold the smallest and largest value of each column of each file, and the conditions of deletes.
    """
    from deltalake import DeltaTable

    # The entry of the present version stays, so it must be one that says nothing about rows.
    DeltaTable(str(folder)).alter.set_table_description(table.doc)
    delta = DeltaTable(str(folder))
    delta.create_checkpoint()
    for entry in (folder / "_delta_log").iterdir():
        number = entry.name[:DIGITS_OF_A_VERSION]
        if (number.isdigit() and int(number) < delta.version()) or entry.suffix == ".tmp":
            entry.unlink(missing_ok=True)


def again_where_files_vanished(read: Callable[[], T], forget: Callable[[], object]) -> T:
    """Read again where a vacuum took files, or the log, of the version that was being opened: there is a newer one.

    `forget` lets go of what is known of the version.
    """
    from deltalake.exceptions import DeltaError

    for _ in range(TRIES_TO_READ - 1):
        try:
            return read()
        except (FileNotFoundError, DeltaError):
            forget()
            time.sleep(SECONDS_BETWEEN_TRIES)
    return read()


def _is_there(folder: Path, version: int) -> bool:
    """Whether a version can still be opened: an erasure leaves none but the present one."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        DeltaTable(str(folder), version=version)
    except DeltaError:
        return False
    return True
