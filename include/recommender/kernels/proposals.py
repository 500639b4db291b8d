"""What each source proposes to each user of a block, and what every source says about it: one user at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from include.recommender.kernels import compiled
from include.recommender.kernels.largest import keep, key_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.integer]
    Floats = NDArray[np.float64]
    Keys = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@compiled
def _best(items: Ints, scores: Floats, hidden: Flags, best: Keys) -> int:
    """Fill `best` with the keys of the highest scores, equal ones by the lower item; how many there are."""
    size = 0
    for at in range(len(items)):
        if scores[at] != 0 and not hidden[items[at]]:
            size = keep(best, size, key_of(scores[at], items[at], len(hidden)))
    return size


@compiled
def _mark(item: int, source: int, proposed: Keys, chosen: Keys, count: int) -> int:
    """Note that the source proposed the item, once chosen; how many are chosen now."""
    if proposed[item] == 0:
        chosen[count] = item
        count += 1
    proposed[item] |= 1 << source
    return count


@compiled
def _fill(items: Ints, values: NDArray[Any], proposed: Keys, place: Keys, out: NDArray[Any]) -> None:
    """Write the values of proposed items to their places."""
    for at in range(len(items)):
        if proposed[items[at]] != 0:
            out[place[items[at]]] = values[at]


@compiled
def _mark_common(
    common: tuple[Keys, Keys], caps: Keys, number: int, hidden: Flags, proposed: Keys, chosen: Keys, count: int
) -> int:
    """Mark the first items of each order that are not hidden; its source is the `number`-th, and so on."""
    starts, orders = common
    for source in range(len(starts) - 1):
        left = caps[source]
        for item in orders[starts[source] : starts[source + 1]]:
            if left == 0:
                break
            if not hidden[item]:
                count = _mark(item, number + source, proposed, chosen, count)
                left -= 1
    return count


@compiled
def propose_all(
    personal: tuple[Keys, Ints, Floats],
    common: tuple[Keys, Keys],
    caps: Keys,
    shown: Flags,
    history: tuple[Ints, Ints],
    repeats: bool,
    found: tuple[Keys, ...],
    scores: Floats,
) -> int:
    """Fill `found` and `scores` with the candidates of a block of users, sorted by (user, item); how many there are.

    personal: where the row of user u begins in source s (sources, users + 1), and items and scores, source after source
    common: where the order of source s begins (sources + 1), and items, best first, order after order
    caps: how many items each source may propose, personal ones first
    shown: which items may be shown, shape (items,)
    history: where the items of user u begin (users + 1), and items; they may be candidates only if `repeats`
    found: user, item, the sources that proposed it as bits, and where it stands in the history, -1 for nowhere
    scores: of the personal sources, shape (sources, places); 0 where one says nothing
    """
    starts, said_items, said = personal
    own_starts, own_items = history
    users, items, bits, places = found
    wide, hidden = len(shown), ~shown
    proposed, place = np.zeros(wide, np.int64), np.empty(wide, np.int64)
    chosen, heap = np.empty(caps.sum(), np.int64), np.empty(caps.max(), np.int64)
    total = 0
    for user in range(len(own_starts) - 1):
        own = own_items[own_starts[user] : own_starts[user + 1]]
        if not repeats:
            hidden[own] = True
        count = 0
        for source in range(len(starts)):
            row = slice(starts[source, user], starts[source, user + 1])
            size = _best(said_items[row], said[row], hidden, heap[: caps[source]])
            for key in heap[:size]:
                count = _mark(wide - 1 - key % wide, source, proposed, chosen, count)
        count = _mark_common(common, caps[len(starts) :], len(starts), hidden, proposed, chosen, count)
        hidden[own] = ~shown[own]
        chosen[:count].sort()
        place[chosen[:count]] = np.arange(total, total + count)
        users[total : total + count], items[total : total + count] = user, chosen[:count]
        bits[total : total + count], places[total : total + count] = proposed[chosen[:count]], -1
        scores[:, total : total + count] = 0
        for source in range(len(starts)):
            row = slice(starts[source, user], starts[source, user + 1])
            _fill(said_items[row], said[row], proposed, place, scores[source])
        _fill(own, np.arange(own_starts[user], own_starts[user + 1]), proposed, place, places)
        proposed[chosen[:count]] = 0
        total += count
    return total
