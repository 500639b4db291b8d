"""Who is held back: always the same users, about as many as the settings say, and nobody by another's doing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from include.retraining.experiment import held_back

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
