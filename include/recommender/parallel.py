"""Runs independent pieces of array work on a few threads; NumPy, SciPy and DuckDB free the interpreter meanwhile."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")


def parallel_map(function: Callable[[T], R], pieces: Iterable[T], threads: int) -> Iterator[R]:
    """function(piece) of every piece, in order; at most `threads` at once, and no more results kept than that."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for piece in pieces:
            waiting.append(pool.submit(function, piece))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
