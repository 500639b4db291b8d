"""Runs, publications and other processes for the tests of the machinery."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.pool import Pool


@pytest.fixture(scope="session")
def processes() -> Iterator[Pool]:
    """Three processes that share nothing with this one but the disk."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        yield pool
