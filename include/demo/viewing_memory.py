"""What each user saw lately, so that pictures get re-opened and the feed can avoid showing them again."""

import numpy as np
import numpy.typing as npt

from include.demo.arrays import Flags, Ints

_SLOTS = 64
_RECENCY = 3  # 1: everything remembered is re-opened alike; higher: the latest pictures more
NOTHING = -1


class ViewingMemory:
    """The last pictures of each user; bounded, so that a long simulation needs no more memory than a short one."""

    def __init__(self) -> None:
        """Start without users."""
        self._items: npt.NDArray[np.int32] = np.empty((0, _SLOTS), dtype=np.int32)
        self._written: Ints = np.empty(0, dtype=np.int64)

    def make_room(self, users: int) -> None:
        """Grow to `users` users; newcomers remember nothing."""
        missing = users - len(self._written)
        self._items = np.concatenate([self._items, np.full((missing, _SLOTS), NOTHING, dtype=np.int32)])
        self._written = np.concatenate([self._written, np.zeros(missing, dtype=np.int64)])

    def recall(self, rng: np.random.Generator, users: Ints) -> Ints:
        """Draw one remembered picture per entry of `users`, recent ones more often; NOTHING for a new user."""
        held = np.minimum(self._written[users], _SLOTS)
        steps_back = 1 + (held * rng.random(len(users)) ** _RECENCY).astype(np.int64)
        recalled: Ints = self._items[users, (self._written[users] - steps_back) % _SLOTS].astype(np.int64)
        return recalled

    def holds(self, users: Ints, items: Ints) -> Flags:
        """Say for each user and picture whether the user remembers it."""
        found: Flags = (self._items[users] == items.astype(np.int32)[:, None]).any(axis=1)
        return found

    def remember(self, users: Ints, items: Ints) -> None:
        """Store pictures in the order given; the oldest ones are forgotten."""
        order = np.argsort(users, kind="stable")
        users, items = users[order], items[order]
        counts = np.bincount(users, minlength=len(self._written))
        position = np.arange(len(users)) - (counts.cumsum() - counts)[users]
        self._items[users, (self._written[users] + position) % _SLOTS] = items
        self._written += counts
