"""Writes that lost a race are repeated, with random back-off."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from include.retraining.errors import CommitConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.warehouse.table import Table

T = TypeVar("T")


def retry_commits(
    table: Table, write: Callable[[], T], lost: type[Exception], tries: int, seconds: tuple[float, float]
) -> T:
    """Repeat a write that raised `lost`, waiting between `seconds`; CommitConflictError after the last try."""
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    first, longest = seconds
    attempts = Retrying(
        retry=retry_if_exception_type(lost),
        stop=stop_after_attempt(tries),
        wait=wait_random_exponential(multiplier=first, max=longest),
    )
    try:
        return attempts(write)
    except RetryError as error:
        raise CommitConflictError(
            f"a commit to {table.name} within {tries} tries",
            "another process won every time",
            "let the retry run; if it goes on, look for a second run of the same date",
        ) from error
