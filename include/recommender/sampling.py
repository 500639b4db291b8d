"""Which users are looked at where there are more than are needed: a sample that depends on nothing but their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So that a sample is not also a cut by another hash of the same ids.
KEY = "higawari-sample0"


def sample_of(user_ids: NDArray[np.object_], size: int) -> NDArray[np.object_]:
    """At most `size` of the ids, which are distinct, in their order: those of the smallest hash (SipHash).

    A user who is in a sample is in every larger one, and in that of every other day.
    """
    from pandas.util import hash_array

    if len(user_ids) <= size:
        return user_ids
    hashes = hash_array(np.asarray(user_ids, object), hash_key=KEY, categorize=False)
    chosen = np.lexsort((np.asarray(user_ids, str), hashes))[:size]
    return user_ids[np.sort(chosen)]
