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
def _copied(user: int, scores: Csr, items: Ints, values: Floats) -> int:
    """Fill `items` and `values` with the user's row; how many there are."""
    starts, at, said = scores
    row = slice(starts[user], starts[user + 1])
    count = len(at[row])
    items[:count], values[:count] = at[row], said[row]
    return count


@compiled
def _multiplied(user: int, weights: Csr, said: Csr, sums: Floats, items: Ints, values: Floats) -> int:
    """The same with the user's row of a product. `sums` are 0 before and after.

    Each sum is added in the order of the row, as SciPy does (Gustavson 1978, doi:10.1145/355791.355796).
    """
    starts, at, weight = weights
    said_starts, said_items, said_values = said
    count = 0
    for one in range(starts[user], starts[user + 1]):
        for place in range(said_starts[at[one]], said_starts[at[one] + 1]):
            item, value = said_items[place], weight[one] * said_values[place]
            if sums[item] == 0 and value > 0:
                items[count] = item
                count += 1
            # What was rounded to 0 says nothing: were it counted, the item would be met as if for the first time again.
            sums[item] += value
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
        if scores[at] > 0 and scores[at] >= least and not hidden[items[at]]:
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
def _look_up(
    chosen: Keys, said: Said, own: Ints, history_at: Keys, place: Keys, among: Keys, pairs: Keys, scores: Floats
) -> None:
    """Fill `pairs` with where the chosen items stand in the history, and `scores` with what each source says of them.

    `among`, a bit of each item, is 0 before and after: most of what is said is of items that nobody proposed, and bits
    of them all stay in the processor's nearest cache.
    """
    items, values, sizes = said
    for at, item in enumerate(chosen):
        place[item] = at
        among[item >> 6] |= 1 << (item & 63)
    pairs[:], scores[:] = -1, 0
    _fill(own, history_at, among, place, pairs)
    for source in range(len(sizes)):
        _fill(items[source, : sizes[source]], values[source, : sizes[source]], among, place, scores[source])
    among[chosen >> 6] = 0


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

    personal: of each source that says something of each user its scores, none below 0
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
    among = np.zeros(wide // 64 + 1, np.int64)
    items, values, sizes = np.empty((sources, wide), np.int32), np.empty((sources, wide)), np.empty(sources, np.int64)
    said = items, values, sizes
    chosen, heap = np.empty(wide, np.int64), np.empty(caps.max(), np.int64)
    counts[:] = 0
    for user in range(len(own_starts) - 1):
        own = own_items[own_starts[user] : own_starts[user + 1]]
        for source in range(sources):
            one, other = personal[source]
            if len(other[0]):
                sizes[source] = _multiplied(user, one, other, sums, items[source], values[source])
            else:
                sizes[source] = _copied(user, one, items[source], values[source])
        for surface in range(len(repeats)):
            if not repeats[surface]:
                hidden[own] = True
            count = _choose(said, common, caps[surface], hidden, proposed, chosen, heap)
            hidden[own] = ~shown[own]
            first, last, theirs = counts[surface], counts[surface] + count, chosen[:count]
            counts[surface] = last
            found[surface, 0, first:last], found[surface, 1, first:last] = user, theirs
            found[surface, 2, first:last] = proposed[theirs]
            history_at = np.arange(own_starts[user], own_starts[user + 1])
            of_user = found[surface, 3, first:last], scores[surface, :, first:last]
            _look_up(theirs, said, own, history_at, place, among, of_user[0], of_user[1])
            proposed[theirs] = 0
