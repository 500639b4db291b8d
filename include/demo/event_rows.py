"""Views and likes as an Arrow table of events."""

from datetime import date

import numpy as np
import pyarrow as pa

from include.demo.arrays import Ints
from include.demo.behaviour import Views
from include.demo.clock import DAY, SECOND, midnight

EVENTS_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("event_type", pa.string()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
    ]
)
_EVENT_TYPES = pa.array(["view", "like"])
_EVENT_ID_DIGITS = 9
_NUMBER_DIGITS = 6  # at least: the id of a member past the millionth is longer


def events_table(views: Views, event_date: date) -> pa.Table:
    """Return every event of a day once, in order of time; likes come while their view lasts and carry no value."""
    liked = np.flatnonzero(views.liked)
    like_times = views.time[liked] + (views.seconds[liked] * 0.8 * SECOND).astype(np.int64)
    time = np.concatenate([views.time, np.minimum(like_times, DAY - 1)])
    value = np.concatenate([views.seconds, np.full(len(liked), np.nan)])
    order = np.argsort(time, kind="stable")
    source = np.concatenate([np.arange(len(views.user)), liked])[order]
    columns = [
        _event_ids(event_date, len(order)),
        _numbered("u", views.user[source]),
        _numbered("p", views.item[source]),
        _EVENT_TYPES.take(pa.array((order >= len(views.user)).astype(np.int8))),
        pa.array(time[order] + midnight(event_date), EVENTS_SCHEMA.field("occurred_at").type),
        pa.array(value[order], pa.float64(), from_pandas=True),  # from_pandas: NaN becomes null
    ]
    return pa.table(columns, EVENTS_SCHEMA)


def _event_ids(event_date: date, count: int) -> pa.Array:
    prefix = f"{event_date:%Y%m%d}-".encode()
    return _fixed_width_strings(prefix, np.arange(count), _EVENT_ID_DIGITS)


def _numbered(letter: str, numbers: Ints) -> pa.Array:
    if numbers.max(initial=0) >= 10**_NUMBER_DIGITS:
        return pa.array([f"{letter}{number:0{_NUMBER_DIGITS}d}" for number in numbers], pa.string())
    return _fixed_width_strings(letter.encode(), numbers, _NUMBER_DIGITS)


def _fixed_width_strings(prefix: bytes, numbers: Ints, digits: int) -> pa.Array:
    """Write the bytes of `<prefix><zero-padded number>` directly: formatting row by row would take most of a run."""
    width = len(prefix) + digits
    text = np.empty((len(numbers), width), dtype=np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix, dtype=np.uint8)
    rest = numbers.astype(np.uint32)
    for column in range(width - 1, len(prefix) - 1, -1):
        text[:, column] = rest % 10 + ord("0")
        rest = rest // 10
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text))
