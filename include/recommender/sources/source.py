"""What a candidate source is: every user's scores of items, and how many of the best it proposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from include.recommender.arrays import position_in_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from include.recommender.snapshot import Snapshot

    Personal = Callable[[Snapshot, NDArray[np.int64]], "sparse.csr_matrix | Product"]
    Common = Callable[[Snapshot], NDArray[np.float64]]


@dataclass(frozen=True)
class Product:
    """Scores (users x items) as a product: weights (users x things) times what each thing says of items, none below 0.

    It is made for one user at a time, so that nobody holds the millions of scores that most of them are.
    """

    weights: sparse.csr_matrix
    said: sparse.csr_matrix

    def toarray(self) -> NDArray[np.float64]:
        """All of it, shape (users, items)."""
        return np.asarray((self.weights @ self.said).toarray())


@dataclass(frozen=True)
class Source:
    """A named way to find items. Its cap is the setting candidates.<name>.

    `personal` gives scores (given users x items) for positions of users in the snapshot, as a matrix or as a product of
    two; `common` gives one score per item, the same for every user. A score of 0 says nothing about an item; only
    scores above 0 are proposed. `similarity` names the method of similarities that the source reads, if any.
    """

    name: str
    doc: str
    personal: Personal | None = None
    common: Common | None = None
    repeats_only: bool = False
    similarity: str | None = None


def profiles(snapshot: Snapshot, users: NDArray[np.int64], weights: NDArray[np.float64]) -> sparse.csr_matrix:
    """Weights of the given users' pairs as a matrix (given users x items), zero weights left out."""
    starts, ends = snapshot.pair_start[users], snapshot.pair_start[users + 1]
    lengths = ends - starts
    rows = np.repeat(np.arange(len(users)), lengths)
    at = np.repeat(starts, lengths) + position_in_group(rows)
    keep = weights[at] > 0
    shape = (len(users), snapshot.shape[1])
    return sparse.csr_matrix((weights[at][keep], (rows[keep], snapshot.pair_item[at][keep])), shape=shape)
