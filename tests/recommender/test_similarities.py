"""Item similarities against a dense, pair-by-pair cosine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.recommender.settings import Similarities
from include.recommender.similarities import cosine_similarities

if TYPE_CHECKING:
    from scipy import sparse

USERS, ITEMS = 6, 8
Touches = dict[tuple[int, int], int]
histories = st.dictionaries(
    st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1)), st.integers(1, 200), max_size=30
)


def computed(touches: Touches, using: Similarities, shape: tuple[int, int] = (USERS, ITEMS)) -> sparse.csr_matrix:
    users = np.array([user for user, _ in touches], np.int64)
    items = np.array([item for _, item in touches], np.int64)
    return cosine_similarities(users, items, np.array(list(touches.values()), float), shape, using)


def by_hand(touches: Touches, using: Similarities) -> dict[int, list[tuple[int, int]]]:
    """Per item its nearest neighbours, (score in micro-units, other item), best first."""
    columns: dict[int, dict[int, float]] = {}
    for (user, item), age in touches.items():
        columns.setdefault(item, {})[user] = 0.5 ** (age / using.half_life_days)
    columns = {item: users for item, users in columns.items() if len(users) >= using.min_users}
    norm = {item: math.sqrt(sum(weight**2 for weight in users.values())) for item, users in columns.items()}
    nearest = {}
    for item, users in columns.items():
        dots = {
            other: sum(weight * theirs.get(user, 0) for user, weight in users.items())
            for other, theirs in columns.items()
            if other != item and users.keys() & theirs.keys()
        }
        scored = [(round(1e6 * dot / norm[item] / norm[other]), other) for other, dot in dots.items()]
        nearest[item] = sorted(scored, key=lambda pair: (-pair[0], pair[1]))[: using.neighbours]
    return {item: best for item, best in nearest.items() if best}


def rows_of(matrix: sparse.csr_matrix) -> dict[int, list[tuple[int, int]]]:
    result: dict[int, list[tuple[int, int]]] = {}
    coo = matrix.tocoo()
    for item, other, score in zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist(), strict=True):
        result.setdefault(item, []).append((round(score * 1e6), other))
    return {item: sorted(pairs, key=lambda pair: (-pair[0], pair[1])) for item, pairs in result.items()}


@given(histories, st.integers(1, 3))
def test_all_neighbours_equal_a_dense_cosine(touches: Touches, min_users: int) -> None:
    using = Similarities(min_users=min_users, neighbours=ITEMS, item_block=3)
    found, expected = rows_of(computed(touches, using)), by_hand(touches, using)
    assert found.keys() == expected.keys()
    for item, pairs in expected.items():
        scores = {other: score for score, other in found[item]}
        # Sums in another order may round to the next micro-unit.
        assert {other: pytest.approx(score, abs=1) for score, other in pairs} == scores


@settings(max_examples=40)
@given(histories, st.integers(1, 4))
def test_rule_3_block_sizes_give_equal_results(touches: Touches, neighbours: int) -> None:
    whole = computed(touches, Similarities(neighbours=neighbours, item_block=100))
    for block in (1, 3, ITEMS):
        found = computed(touches, Similarities(neighbours=neighbours, item_block=block))
        assert found.indptr.tolist() == whole.indptr.tolist()
        assert found.indices.tolist() == whole.indices.tolist()
        assert found.data.tobytes() == whole.data.tobytes()


def test_equally_near_items_go_by_their_position() -> None:
    touches = {(user, item): 10 for user in (0, 1) for item in (0, 5, 3, 7)}
    found = rows_of(computed(touches, Similarities(neighbours=2)))
    assert {item: [other for _, other in pairs] for item, pairs in found.items()} == {
        0: [3, 5], 3: [0, 5], 5: [0, 3], 7: [0, 3],
    }  # fmt: skip
    assert {score for pairs in found.values() for score, _ in pairs} == {1_000_000}


def test_a_recent_touch_counts_more_than_an_old_one() -> None:
    # Users 0 and 1 share item 0; one of them touched item 1 lately, the other touched item 2 long ago.
    touches = {(0, 0): 1, (1, 0): 1, (0, 1): 1, (2, 1): 1, (1, 2): 300, (2, 2): 1}
    found = {other: score for score, other in rows_of(computed(touches, Similarities()))[0]}
    assert found[1] > 10 * found[2]


@pytest.mark.parametrize(("min_users", "has_neighbours"), [(1, True), (2, True), (3, False)])
def test_an_item_of_fewer_than_min_users_has_no_neighbours(min_users: int, has_neighbours: bool) -> None:
    touches = {(0, 0): 5, (1, 0): 5, (0, 1): 5, (1, 1): 5, (2, 1): 5}
    assert (computed(touches, Similarities(min_users=min_users)).nnz > 0) is has_neighbours


def test_an_item_is_never_its_own_neighbour() -> None:
    touches = {(user, item): user + item + 1 for user in range(USERS) for item in range(ITEMS)}
    found = computed(touches, Similarities(item_block=3))
    assert not found.diagonal().any()
    assert found.nnz == ITEMS * (ITEMS - 1)
    assert 0 < found.data.min() <= found.data.max() <= 1


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3), (2, 5)])
def test_nobody_and_nothing_give_an_empty_matrix(shape: tuple[int, int]) -> None:
    found = computed({}, Similarities(), shape)
    assert (found.shape, found.nnz) == ((shape[1], shape[1]), 0)
