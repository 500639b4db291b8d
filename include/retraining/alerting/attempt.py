"""An alert goes out, and a cost is kept, whatever else is broken: the one place where any exception is caught."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
logger = logging.getLogger("higawari.alerts")


def attempt(what: str, call: Callable[[], T], otherwise: T) -> T:
    """What the call returns; `otherwise`, and a line in the log, where it fails."""
    try:
        return call()
    except Exception:
        logger.exception("could not %s", what)
        return otherwise
