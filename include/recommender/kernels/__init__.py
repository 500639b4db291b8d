"""Loops that arrays cannot say at once, compiled by Numba: plain arrays in and out, no interpreter held meanwhile.

Compiled once and kept beside the source (or in NUMBA_CACHE_DIR). Reasons and figures: docs/decisions/0027.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")


def compiled(function: F) -> F:
    """The function as machine code, made for the types of its first call."""
    return cast("F", numba.njit(nogil=True, cache=True)(function))
