"""Which users are looked at where there are more than are needed: samples that depend on nothing but their ids."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

# What users are looked at for, named as the sections of the settings that say how many of them.
Purpose = Literal["training", "evaluation", "tuning"]


def sampled_targets(wanted: pa.Table, max_users: int, purpose: Purpose) -> pa.Table:
    """Targets of at most so many users. Give it those of users worth looking at: who is left out later is not replaced.

    That happens on `discover` to whoever wanted nothing new, which only everybody's pairs could tell before.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    users = np.asarray(wanted["user_id"].unique().to_numpy(zero_copy_only=False), object)
    chosen = sample_of(users, max_users, purpose)
    if len(chosen) == len(users):
        return wanted
    return wanted.filter(pc.is_in(wanted["user_id"], pa.array(chosen, pa.string())))


def sample_of(user_ids: NDArray[np.object_], size: int, purpose: Purpose) -> NDArray[np.object_]:
    """At most `size` of the ids, which are distinct, in their order: those of the smallest hash (SipHash).

    A user who is in a sample is in every larger one of that purpose, and in that of every other day. Samples of two
    purposes know nothing of each other: a ranker is judged by users as they come, not by those it learnt from.
    """
    from pandas.util import hash_array

    if len(user_ids) <= size:
        return user_ids
    # 16 characters, as SipHash needs.
    key = hashlib.blake2b(f"higawari sample {purpose}".encode(), digest_size=8).hexdigest()
    hashes = hash_array(np.asarray(user_ids, object), hash_key=key, categorize=False)
    chosen = np.lexsort((np.asarray(user_ids, str), hashes))[:size]
    return user_ids[np.sort(chosen)]
