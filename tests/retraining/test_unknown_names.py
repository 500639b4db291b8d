"""What an error says of names that nothing has."""

from __future__ import annotations

from include.retraining.unknown_names import unknown_in_words

KNOWN = ["p000645", "p000654", "zebra"]


def test_near_names_are_told_and_that_there_are_none() -> None:
    assert unknown_in_words(["p00645", "cat"], KNOWN) == "p00645, cat; near p00645: p000645, p000654; near cat: nothing"


def test_a_long_list_of_wrong_names_is_compared_in_part() -> None:
    """A hundred ids beside twenty thousand rows took minutes, and the slot of production with them."""
    told = unknown_in_words([f"x{number}" for number in range(100)], KNOWN)
    assert told.endswith("x99; near x0: nothing; near x1: nothing; near x2: nothing")
