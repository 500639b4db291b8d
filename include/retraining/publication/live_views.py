"""Views that readers query, where a warehouse has them: made to follow the switches log, and compared with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.errors import CommitConflictError
from include.retraining.warehouse.protocol import ShowsCurrent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

    # The publication that the log names, and its date.
    Pointer = tuple[str | None, date | None]

TRIES = 5


def follow_log(warehouse: Warehouse, read_pointer: Callable[[], Pointer]) -> None:
    """Make the views show what the log names; nothing to do where readers ask the log itself.

    The log is read again afterwards: of two that switch at once the later one's views must stay.
    """
    if not isinstance(warehouse, ShowsCurrent):
        return
    for _ in range(TRIES):
        pointer = read_pointer()
        warehouse.show(*pointer)
        if read_pointer() == pointer:
            return
    raise CommitConflictError(
        "the switches log to rest while views are made",
        f"another switch in each of {TRIES} tries",
        "let the retry run; look at publication_switches for who switches",
    )


def views_differ(warehouse: Warehouse, pointer: Pointer) -> bool:
    """Whether readers of views get something else than the log names."""
    return isinstance(warehouse, ShowsCurrent) and not warehouse.shows(*pointer)
