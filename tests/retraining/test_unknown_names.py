"""What an error says of names that nothing has."""

from __future__ import annotations

from include.retraining.quality.privacy import hash_key, keyed_hash
from include.retraining.unknown_names import unknown_in_words

KNOWN = ["p000645", "p000654", "zebra"]


def test_near_names_are_told_and_that_there_are_none() -> None:
    told = unknown_in_words(["p00645", "cat"], KNOWN, users=())
    assert told == "p00645, cat; near p00645: p000645, p000654; near cat: nothing"


def test_a_long_list_of_wrong_names_is_compared_in_part() -> None:
    """A hundred ids beside twenty thousand rows took minutes, and the slot of production with them."""
    told = unknown_in_words([f"x{number}" for number in range(100)], KNOWN, users=())
    assert told.endswith("x99; near x0: nothing; near x1: nothing; near x2: nothing")


def test_people_are_told_by_their_hashes() -> None:
    tama, mail = (keyed_hash(name, hash_key()) for name in ("tama", "tama@example.org"))
    told = unknown_in_words(["tama", "cat", "tama@example.org"], KNOWN, users={"tama"})
    assert told == f"{tama}, cat, {mail}; near cat: nothing; near {mail}: nothing; {tama}: a user has this id"
