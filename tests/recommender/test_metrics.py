"""Ranking metrics against their definitions, written out user by user."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recommender.metrics import PER_USER, coverage, novelty, per_user_metrics

DEPTH = 20
# The items a user wanted, and the list shown: distinct items out of a few, so that hits are common.
cases = st.tuples(
    st.sets(st.integers(0, 40), min_size=1, max_size=30), st.lists(st.integers(0, 40), max_size=DEPTH, unique=True)
)


def metrics_of(users: list[tuple[set[int], list[int]]]) -> dict[str, np.ndarray]:
    hits = np.zeros((len(users), DEPTH), bool)
    for at, (wanted, shown) in enumerate(users):
        hits[at, : len(shown)] = [item in wanted for item in shown]
    return per_user_metrics(hits, np.array([len(wanted) for wanted, _ in users]))


def by_definition(wanted: set[int], shown: list[int]) -> dict[str, float]:
    first_ten = shown[:10]
    gain = sum(1 / math.log2(rank + 1) for rank, item in enumerate(first_ten, start=1) if item in wanted)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(wanted), 10) + 1))
    found, precisions = 0, 0.0
    for rank, item in enumerate(first_ten, start=1):
        if item in wanted:
            found += 1
            precisions += found / rank
    return {
        "ndcg@10": gain / ideal,
        "recall@20": len(wanted.intersection(shown[:20])) / len(wanted),
        "hitrate@10": 1.0 if wanted.intersection(first_ten) else 0.0,
        "map@10": precisions / min(len(wanted), 10),
    }


@given(st.lists(cases, min_size=1, max_size=6))
def test_metrics_equal_their_definitions(users: list[tuple[set[int], list[int]]]) -> None:
    found = metrics_of(users)
    assert tuple(found) == PER_USER
    for at, (wanted, shown) in enumerate(users):
        assert {name: values[at] for name, values in found.items()} == pytest.approx(by_definition(wanted, shown))


@given(st.sets(st.integers(0, 100), min_size=1, max_size=10))
def test_a_list_that_starts_with_all_targets_is_perfect(wanted: set[int]) -> None:
    shown = [*sorted(wanted), *range(200, 220 - len(wanted))]
    assert [float(values[0]) for values in metrics_of([(wanted, shown)]).values()] == pytest.approx([1.0] * 4)


def test_golden_values_of_one_list() -> None:
    # Hits at ranks 1, 3 and 12 of four targets.
    shown = [0, 50, 1, *range(60, 68), 2]
    found = {name: float(values[0]) for name, values in metrics_of([({0, 1, 2, 3}, shown)]).items()}
    assert found == pytest.approx(
        {"ndcg@10": 1.5 / 2.561606, "recall@20": 0.75, "hitrate@10": 1.0, "map@10": (1 + 2 / 3) / 4}, abs=1e-6
    )


def test_more_targets_than_places_do_not_make_a_full_list_worse() -> None:
    found = metrics_of([(set(range(30)), list(range(20)))])
    assert (found["ndcg@10"][0], found["map@10"][0], found["recall@20"][0]) == pytest.approx((1, 1, 20 / 30))


def test_no_users_give_no_values() -> None:
    found = per_user_metrics(np.zeros((0, DEPTH), bool), np.zeros(0, np.int64))
    assert {len(values) for values in found.values()} == {0}


def test_coverage_is_the_share_of_the_catalogue_that_is_shown() -> None:
    grid = np.array([[0, 1, -1], [1, 2, 0]])
    assert coverage(grid, 6) == 0.5
    assert coverage(np.full((2, 3), -1), 6) == 0
    assert coverage(np.zeros((0, 3), np.int64), 0) == 0


def test_novelty_is_higher_the_fewer_users_touched_what_is_shown() -> None:
    item_users = np.array([7.0, 1.0, 0.0])
    grid = np.array([[0, 1, 2], [0, -1, -1]])
    # Shares of 7 users, add-one smoothed: 8/8, 2/8, 1/8.
    assert novelty(grid, item_users, 7) == pytest.approx((0 + 2 + 3 + 0) / 4)
    assert novelty(np.full((1, 3), -1), item_users, 7) == 0
