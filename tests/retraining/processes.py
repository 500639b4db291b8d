"""What other processes do in tests; a module of its own, so that a new process imports little."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from include.retraining.errors import CommitConflictError
from include.retraining.warehouse import delta_history
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.table import Table

if TYPE_CHECKING:
    from include.retraining.publication.switch_log import SwitchLog

DAY = date(2026, 1, 1)
VISITS = Table(
    "visits",
    "One partition per shop and day.",
    {"shop": "string", "day": "date", "number": "int64", "note": "string"},
    key=("shop", "day", "number"),
    partition=("shop", "day"),
)
NOTES = Table("notes", "Append-only.", {"number": "int64", "who": "string"}, key=("number",))


def open_at(folder: Path) -> LocalWarehouse:
    """A warehouse whose tables are there already."""
    return LocalWarehouse(folder, folder.parent / "spill", "500MB", 1)


def visits(shop: str, count: int, note: str, day: date = DAY) -> pa.Table:
    """Rows of one partition that all carry the same note."""
    return pa.table(
        {
            "shop": pa.array([shop] * count, pa.string()),
            "day": pa.array([day] * count, pa.date32()),
            "number": pa.array(range(count), pa.int64()),
            "note": pa.array([note] * count, pa.string()),
        }
    )


def wait_until(moment: float) -> None:
    """Start together with the other processes."""
    time.sleep(max(0.0, moment - time.time()))


def append_notes(folder: Path, start_at: float, who: str, numbers: list[int], most_files: int = 50) -> int:
    """Append one row at a time, putting files together beyond `most_files`; returns how many were new."""
    delta_history.FILES_OF_AN_APPENDED_TABLE = most_files
    warehouse = open_at(folder)
    wait_until(start_at)
    return sum(warehouse.append_once(NOTES, pa.table({"number": [number], "who": [who]})).rows for number in numbers)


def replace_visits(folder: Path, start_at: float, shop: str, note: str, count: int, times: int) -> None:
    """Replace one partition again and again."""
    warehouse = open_at(folder)
    wait_until(start_at)
    for turn in range(times):
        warehouse.replace(VISITS, {"shop": shop, "day": DAY}, visits(shop, count, f"{note} {turn}"))


def switch_to(folder: Path, start_at: float, publication_id: str, log: SwitchLog) -> str:
    """Switch after a log that all processes read before; says how it went."""
    from include.retraining.publication.switch_log import append_switch

    warehouse = open_at(folder)
    wait_until(start_at)
    try:
        append_switch(warehouse, log, publication_id, "publish", "test", "race", "run")
    except CommitConflictError:
        return "lost"
    return "won"


def poll_readers(folder: Path, last: str, give_up_after: float) -> tuple[list[str], list[str]]:
    """Read what applications read until the last publication shows: (publications seen in order, what was wrong).

    Makes a file `reading` beside the warehouse after its first look.
    """
    from include.recommender.tables import POPULAR_ITEMS, USER_RECOMMENDATIONS
    from include.retraining.publication.reader import read_current

    warehouse = open_at(folder)
    seen, wrong = [], []
    end = datetime.now(UTC).timestamp() + give_up_after
    while (not seen or seen[-1] != last) and time.time() < end:
        for table in (USER_RECOMMENDATIONS, POPULAR_ITEMS):
            rows = read_current(warehouse, table)
            ids = set(rows["publication_id"].to_pylist())
            # The writer gives every row of a publication its number of rows as the score.
            if len(ids) > 1 or set(rows["score"].to_pylist()) - {float(rows.num_rows)}:
                wrong.append(f"{table.name}: {rows.num_rows} rows of {sorted(ids)}")
        if ids and (not seen or seen[-1] not in ids):
            seen.append(ids.pop())
        (folder.parent / "reading").touch()
    return seen, wrong
