"""Faults of single rows, and one surprise that is no fault."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.demo.errors import DemoError
from include.demo.fault_registry import fault
from include.demo.landed_day import LandedDay, column, with_column

_DAYS_AHEAD = 30
_VIRAL_GROWTH = 3


@fault(share=0.08)
def null_users(day: LandedDay) -> str:
    """8 % of the rows have no user_id."""
    return _damage_column(day, "user_id", pa.scalar(None, pa.string()), "set user_id to null")


@fault(share=0.02)
def few_null_users(day: LandedDay) -> str:
    """2 % of the rows have no user_id."""
    return _damage_column(day, "user_id", pa.scalar(None, pa.string()), "set user_id to null")


@fault(share=1.0)
def email_as_user_id(day: LandedDay) -> str:
    """Every user_id is an e-mail address: personal data where an opaque id belongs."""
    addresses = pc.binary_join_element_wise(column(day.rows(), "user_id"), "example.com", "@")
    return _damage_column(day, "user_id", addresses, "replaced user_id by an e-mail address")


@fault(share=0.06)
def unknown_event_type(day: LandedDay) -> str:
    """6 % of the rows are of a type nobody announced: 'hover'."""
    return _damage_column(day, "event_type", pa.scalar("hover"), "set event_type to 'hover'", copies_too=True)


@fault(share=0.07)
def future_timestamps(day: LandedDay) -> str:
    """7 % of the rows are dated 30 days ahead, as by a device with a wrong clock."""
    ahead = pc.add(column(day.rows(), "occurred_at"), pa.scalar(timedelta(days=_DAYS_AHEAD)))
    return _damage_column(day, "occurred_at", ahead, f"moved occurred_at {_DAYS_AHEAD} days ahead")


@fault(share=0.4)
def unknown_items(day: LandedDay) -> str:
    """40 % of the rows refer to pictures that no items snapshot knows."""
    unknown = pc.binary_join_element_wise("unknown", column(day.rows(), "item_id"), "-")
    return _damage_column(day, "item_id", unknown, "pointed item_id to unknown pictures", copies_too=True)


@fault()
def viral_item(day: LandedDay) -> str:
    """Three times the usual rows, because one picture goes viral: unusual, but real."""
    rows = day.rows()
    views = rows.filter(pc.equal(column(rows, "event_type"), "view"))
    if not len(views):
        raise DemoError("a view to repeat", f"none in {len(rows)} rows", "pick a date with events")
    item = views["item_id"][int(np.argmin(column(views, "occurred_at")))]  # the earliest: no view precedes its upload
    views = _crowd(day, views, item, len(rows) * (_VIRAL_GROWTH - 1))
    day.redeliver(pa.concat_tables([rows, views]))
    return f"added {len(views):,} views of {item} to {len(rows):,} rows"


def _damage_column(
    day: LandedDay, name: str, damaged: pa.Scalar | pa.ChunkedArray, done: str, *, copies_too: bool = False
) -> str:
    """Damage some rows; with `copies_too` also their copies, which else would share an id with another event."""
    rows = day.rows()
    chosen = day.choose(rows)
    if copies_too:
        ids = column(rows, "event_id")
        chosen = pc.is_in(ids, ids.filter(pa.array(chosen))).to_numpy()
    day.redeliver(with_column(rows, name, pc.if_else(pa.array(chosen), damaged, column(rows, name))))
    return f"{done} in {chosen.sum():,} of {len(rows):,} rows"


def _crowd(day: LandedDay, views: pa.Table, item: pa.Scalar, count: int) -> pa.Table:
    views = views.take(pa.array(day.dice.integers(len(views), size=count)))
    ids = pa.array([f"viral-{day.arrival_date:%Y%m%d}-{number:09d}" for number in range(count)])
    return with_column(with_column(views, "event_id", ids), "item_id", pa.repeat(item, count))
