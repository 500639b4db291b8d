"""Faults of whole files and folders."""

import shutil

import pyarrow as pa

from include.demo.fault_registry import fault
from include.demo.landed_day import LandedDay, column, remove_folder
from include.demo.landing_folder import replace_file


@fault()
def missing_day(day: LandedDay) -> str:
    """Nothing arrived: the day's events folder is not there."""
    remove_folder(day.events)
    return "removed the events folder"


@fault(share=0.5)
def half_copied_day(day: LandedDay) -> str:
    """The copy is still running or broke off: half of the rows, and no _SUCCESS marker."""
    rows = day.rows()
    kept = rows.slice(0, int(len(rows) * day.share))
    day.redeliver(kept, closed=False)
    return f"kept the first {len(kept):,} of {len(rows):,} rows and removed the marker"


@fault()
def duplicate_file(day: LandedDay) -> str:
    """The same file was delivered twice, the second time under another name."""
    original = day.files()[0]
    copy = original.with_name(f"{original.stem}-again.parquet")
    replace_file(copy, lambda partial: shutil.copyfile(original, partial))
    return f"delivered {original.name} a second time as {copy.name}"


@fault()
def truncated_file(day: LandedDay) -> str:
    """The file was cut in half on the way and cannot be read, though the marker is there."""
    file = day.files()[0]
    whole = file.read_bytes()
    replace_file(file, lambda partial: partial.write_bytes(whole[: len(whole) // 2]))
    return f"cut {file.name} from {len(whole):,} to {len(whole) // 2:,} bytes"


@fault()
def empty_day(day: LandedDay) -> str:
    """A file with the right columns and no rows arrived, with the marker."""
    rows = day.rows()
    day.redeliver(rows.schema.empty_table())
    return f"replaced {len(rows):,} rows by an empty file"


@fault(share=0.1)
def volume_drop(day: LandedDay) -> str:
    """Only 10 % of the usual rows arrived, with the marker as if complete."""
    rows = day.rows()
    kept = rows.filter(pa.array(day.choose(rows)))
    day.redeliver(kept)
    return f"kept {len(kept):,} of {len(rows):,} rows"


@fault()
def schema_change(day: LandedDay) -> str:
    """The producer renamed the column user_id to uid."""
    rows = day.rows()
    column(rows, "user_id")
    day.redeliver(rows.rename_columns(["uid" if name == "user_id" else name for name in rows.column_names]))
    return f"renamed user_id to uid in {len(rows):,} rows"


@fault()
def stale_items(day: LandedDay) -> str:
    """Events arrived, but no items snapshot: its folder is not there."""
    remove_folder(day.items)
    return "removed the items snapshot folder"
