"""An alert goes out, and a cost is kept, whatever else is broken: the one place where any exception is caught."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
logger = logging.getLogger("higawari.alerts")


def attempt(what: str, call: Callable[[], T], otherwise: T, seconds: float | None = None) -> T:
    """What the call returns; `otherwise`, and a line in the log, where it fails, or takes longer than `seconds`.

    What takes longer is left to itself, in a thread that does not keep the process.
    """
    try:
        return call() if seconds is None else _within(seconds, call)
    except Exception:
        logger.exception("could not %s", what)
        return otherwise


def _within(seconds: float, call: Callable[[], T]) -> T:
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(call())
        except Exception as error:  # noqa: BLE001 (handed to who waits)
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    return done.result(seconds)
