"""Names that nothing has, in words for an error: with near ones that something has."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# Comparing a name with each of many takes seconds.
COMPARED = 3
CUTOFF = 0.75


def unknown_in_words(unknown: Sequence[str], known: Collection[str]) -> str:
    """`a1, a2; near a1: a11, a12; near a2: nothing`: near names of the first three only."""
    near = {name: get_close_matches(name, known, cutoff=CUTOFF) for name in unknown[:COMPARED]}
    hints = (f"near {name}: {', '.join(sorted(names)) or 'nothing'}" for name, names in near.items())
    return "; ".join([", ".join(unknown), *hints])
