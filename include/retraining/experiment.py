"""Who is in which arm of the standing experiment: a keyed hash of the user's id, and nothing else."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING

import numpy as np

from include.retraining.settings import Experiment
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from include.retraining.warehouse.protocol import Warehouse

# An arm is a policy: how the lists of its users are made.
RANKER, BASELINE = "ranker", "baseline"
POINTS = 2**64


def held_back(user_ids: Iterable[str], salt: str, share: float) -> NDArray[np.bool_]:
    """Which users get the best baseline, shape (users,): about `share` of them, whatever the date or the surface.

    A larger share only adds users, and another salt draws them anew. HMAC-SHA256 spreads ids evenly, and no other
    experiment that hashes the same ids is correlated with it: Kohavi, Tang and Xu 2020, chapter 14.
    """
    bound = round(share * POINTS)
    return np.array([_point(user_id, salt) < bound for user_id in user_ids], bool)


def experiments_of(warehouse: Warehouse, publication_ids: Collection[str]) -> dict[str, Experiment]:
    """By publication, by which salt and share its users were assigned to arms; the newest last.

    Today's settings may be others. Those that no longer, or never, recorded it are left out.
    """
    columns = ["publication_id", "as_of_date", "created_at", "experiment"]
    rows = warehouse.read(PUBLICATIONS, {"publication_id": sorted(publication_ids)}, columns).to_pylist()
    found: dict[str, Experiment] = {}
    for row in sorted(rows, key=lambda row: (row["as_of_date"], row["created_at"])):
        if row["experiment"]:
            found.setdefault(row["publication_id"], Experiment(**json.loads(row["experiment"])))
    return found


def _point(user_id: str, salt: str) -> int:
    """Where an id falls, from 0 to POINTS - 1."""
    return int.from_bytes(hmac.digest(salt.encode(), user_id.encode(), "sha256")[:8], "big")
