"""Who is held back: always the same users, about as many as the settings say, and nobody by another's doing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from include.retraining.experiment import experiments_of, held_back
from include.retraining.settings import Experiment
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from include.retraining.warehouse.local import LocalWarehouse

ids = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=30, unique=True)
shares = st.floats(0, 0.5)
HELD_BACK = [38, 90, 106]


@given(ids, st.text(min_size=1, max_size=8), shares, st.randoms())
def test_a_user_is_in_the_same_arm_whoever_else_is_there(user_ids: list[str], salt: str, share: float, rng) -> None:
    together = dict(zip(user_ids, held_back(user_ids, salt, share).tolist(), strict=True))
    shuffled = rng.sample(user_ids, len(user_ids))
    assert dict(zip(shuffled, held_back(shuffled, salt, share).tolist(), strict=True)) == together
    assert {user: bool(held_back([user], salt, share)[0]) for user in user_ids} == together


@given(ids, shares, shares)
def test_a_larger_share_only_adds_users(user_ids: list[str], one: float, other: float) -> None:
    few, many = (held_back(user_ids, "salt", share) for share in sorted((one, other)))
    assert (many | ~few).all()


def test_the_share_is_that_of_the_settings_and_none_is_none() -> None:
    user_ids = [f"user-{number}" for number in range(40_000)]
    assert abs(held_back(user_ids, "higawari", 0.05).mean() - 0.05) < 0.004
    assert not held_back(user_ids, "higawari", 0).any()


def test_another_salt_draws_users_independently() -> None:
    user_ids = [f"user-{number}" for number in range(40_000)]
    one, other = held_back(user_ids, "one", 0.5), held_back(user_ids, "other", 0.5)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02


def test_who_is_held_back_never_changes_with_a_release() -> None:
    """Golden: another way to hash would draw every user anew, and no comparison would span the upgrade."""
    user_ids = [f"user-{number}" for number in range(120)]
    assert np.flatnonzero(held_back(user_ids, "higawari", 0.05)).tolist() == HELD_BACK


def test_a_publication_says_by_which_experiment_its_users_were_assigned(warehouse: LocalWarehouse) -> None:
    """By its first check; the newest date last; one of before the column says nothing."""
    told = '{"hold_back_share": %s, "salt": "s"}'
    publications = [
        ("b", date(2026, 5, 2), 4, "pass", told % 0.1),
        ("a", date(2026, 5, 1), 5, "pass", told % 0.2),
        ("a", date(2026, 5, 1), 6, "warn", told % 0.3),
        ("old", date(2026, 5, 3), 7, "pass", None),
        ("other", date(2026, 5, 4), 8, "pass", told % 0.4),
    ]
    rows = [
        dict.fromkeys(PUBLICATIONS.columns)
        | {"publication_id": name, "as_of_date": day, "check_result": result, "experiment": experiment}
        | {"created_at": datetime(2026, 5, 5, hour, tzinfo=UTC)}
        for name, day, hour, result, experiment in publications
    ]
    warehouse.append_once(PUBLICATIONS, pa.Table.from_pylist(rows, schema=PUBLICATIONS.schema))
    found = experiments_of(warehouse, ["a", "b", "old"])
    assert list(found.items()) == [
        ("a", Experiment(hold_back_share=0.2, salt="s")),
        ("b", Experiment(hold_back_share=0.1, salt="s")),
    ]
