"""What each source proposes to each user of a block, and what every source says about it: one user at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.arrays import MICROS
from include.recommender.kernels import compiled
from include.recommender.kernels.largest import keep, key_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.integer]
    Floats = NDArray[np.float64]
    Keys = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    # Where the rows of a sparse matrix begin, its columns, its values.
    Csr = tuple[Keys, Ints, Floats]
    # The scores themselves and a matrix without rows, or two matrices whose product they are.
    Scores = tuple[Csr, Csr]
    # Items and values by source, of which each has so many.
    Said = tuple[Ints, Floats, Keys]


@compiled
def _said_of(user: int, scores: Scores, sums: Floats, items: Ints, values: Floats) -> int:
    """Fill `items` and `values` with what a source says to a user; how many there are. `sums` are 0 before and after.

    Where the second matrix has no rows the first holds the scores, else they are the product of both: each sum is added
    in the order of the row, as SciPy does (Gustavson 1978, doi:10.1145/355791.355796).
    """
    (starts, at, weights), (other_starts, other_items, other_values) = scores
    count = 0
    for one in range(starts[user], starts[user + 1]):
        between, weight = at[one], weights[one]
        if len(other_starts) == 0:
            items[count], values[count] = between, weight
            count += 1
            continue
        for place in range(other_starts[between], other_starts[between + 1]):
            item, said = other_items[place], weight * other_values[place]
            # What is rounded to 0 says nothing, and would be met as if for the first time again.
            if said > 0:
                if sums[item] == 0:
                    items[count] = item
                    count += 1
                sums[item] += said
    if len(other_starts):
        for place in range(count):
            values[place] = sums[items[place]]
            sums[items[place]] = 0
    return count


@compiled
def _best(items: Ints, scores: Floats, hidden: Flags, best: Keys) -> int:
    """Fill `best` with the keys of the highest scores, equal ones by the lower item; how many there are."""
    size, least = 0, 0.0
    for at in range(len(items)):
        # Most scores are too small for any place: that is seen without making their key.
        if scores[at] >= least and scores[at] != 0 and not hidden[items[at]]:
            size = keep(best, size, key_of(scores[at], items[at], len(hidden)))
            if size == len(best):
                least = (best[0] // len(hidden) - 1) / MICROS
    return size


@compiled
def _mark(item: int, source: int, proposed: Ints, chosen: Keys, count: int) -> int:
    """Note that the source proposed the item, once chosen; how many are chosen now."""
    if proposed[item] == 0:
        chosen[count] = item
        count += 1
    proposed[item] |= 1 << source
    return count


@compiled
def _fill(items: Ints, values: NDArray[Any], among: Keys, place: Keys, out: NDArray[Any]) -> None:
    """Write the values of the items in the bit set `among` to their places."""
    for at in range(len(items)):
        item = items[at]
        if among[item >> 6] >> (item & 63) & 1:
            out[place[item]] = values[at]


@compiled
def _choose(
    said: Said, common: tuple[Keys, Keys], caps: Keys, hidden: Flags, proposed: Ints, chosen: Keys, heap: Keys
) -> int:
    """Mark the best of every source and fill `chosen` with them, ascending; how many they are."""
    items, values, sizes = said
    starts, orders = common
    count, sources = 0, len(sizes)
    for source in range(sources):
        if caps[source]:
            size = sizes[source]
            size = _best(items[source, :size], values[source, :size], hidden, heap[: caps[source]])
            for key in heap[:size]:
                count = _mark(len(hidden) - 1 - key % len(hidden), source, proposed, chosen, count)
    for source in range(len(starts) - 1):
        left = caps[sources + source]
        for item in orders[starts[source] : starts[source + 1]]:
            if left == 0:
                break
            if not hidden[item]:
                count = _mark(item, sources + source, proposed, chosen, count)
                left -= 1
    chosen[:count].sort()
    return count


@compiled
def propose_all(
    personal: tuple[Scores, ...],
    common: tuple[Keys, Keys],
    caps: Keys,
    shown: Flags,
    history: tuple[Ints, Ints],
    repeats: Flags,
    found: Keys,
    scores: Floats,
    counts: Keys,
) -> None:
    """Fill `found` and `scores` with the candidates of a block of users on each surface, sorted by (user, item).

    personal: of each source that says something of each user its scores, as _said_of reads them, values above 0
    common: where the order of each other source begins (sources + 1), and items, best first, order after order
    caps: how many items each source may propose, personal ones first, shape (surfaces, sources)
    shown: which items may be shown, shape (items,)
    history: where the items of user u begin (users + 1), and items; on a surface they may be candidates if it `repeats`
    found: user, item, the sources that proposed it as bits, and where it stands in the history, -1 for nowhere,
        shape (surfaces, 4, places)
    scores: of the personal sources, shape (surfaces, sources, places); 0 where one says nothing
    counts: how many places are filled, shape (surfaces,)
    """
    own_starts, own_items = history
    wide, hidden, sources = len(shown), ~shown, len(personal)
    sums, proposed, place = np.zeros(wide), np.zeros(wide, np.int64), np.empty(wide, np.int64)
    # Most of what is said is of items that nobody proposed: bits of them all stay in the processor's nearest cache.
    among = np.zeros(wide // 64 + 1, np.int64)
    items, values, sizes = np.empty((sources, wide), np.int32), np.empty((sources, wide)), np.empty(sources, np.int64)
    chosen, heap = np.empty(wide, np.int64), np.empty(caps.max(), np.int64)
    counts[:] = 0
    for user in range(len(own_starts) - 1):
        own = own_items[own_starts[user] : own_starts[user + 1]]
        for source in range(sources):
            sizes[source] = _said_of(user, personal[source], sums, items[source], values[source])
        for surface in range(len(repeats)):
            if not repeats[surface]:
                hidden[own] = True
            count = _choose((items, values, sizes), common, caps[surface], hidden, proposed, chosen, heap)
            hidden[own] = ~shown[own]
            first, last = counts[surface], counts[surface] + count
            counts[surface] = last
            for at in range(count):
                item = chosen[at]
                place[item], among[item >> 6] = first + at, among[item >> 6] | 1 << (item & 63)
            found[surface, 0, first:last], found[surface, 1, first:last] = user, chosen[:count]
            found[surface, 2, first:last], found[surface, 3, first:last] = proposed[chosen[:count]], -1
            scores[surface, :, first:last] = 0
            for source in range(sources):
                said = items[source, : sizes[source]], values[source, : sizes[source]]
                _fill(said[0], said[1], among, place, scores[surface, source])
            _fill(own, np.arange(own_starts[user], own_starts[user + 1]), among, place, found[surface, 3])
            proposed[chosen[:count]], among[chosen[:count] >> 6] = 0, 0
