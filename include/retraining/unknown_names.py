"""Names that nothing has, in words for an error: with near ones that something has, and people by keyed hashes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from include.retraining.quality.erased import hash_of
from include.retraining.quality.privacy import hash_key, safe_to_show

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# Comparing a name with each of many takes seconds.
COMPARED = 3
CUTOFF = 0.75


def unknown_in_words(unknown: Sequence[str], known: Collection[str], users: Collection[str]) -> str:
    """`a1, a2; near a1: a11, a12; near a2: nothing`: near names of the first three only.

    Those of them that are `users`, or look personal, are told by keyed hashes: an error is kept in tables, and sent to
    others.
    """
    told = {name: hash_of(name, hash_key()) if name in users else safe_to_show(name) for name in unknown}
    compared = [name for name in unknown if name not in users][:COMPARED]
    near = {told[name]: get_close_matches(name, known, cutoff=CUTOFF) for name in compared}
    return "; ".join(
        [
            ", ".join(told.values()),
            *(f"near {name}: {', '.join(sorted(names)) or 'nothing'}" for name, names in near.items()),
            *(f"{told[name]}: a user has this id" for name in unknown if name in users),
        ]
    )
