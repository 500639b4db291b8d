"""EASE: against the regressions that its closed form solves; who takes part; results that repeat."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from include.recommender.arrays import MICROS
from include.recommender.parallel import parallel_map
from include.recommender.settings import Ease
from include.recommender.similarities import EASE_HALF_LIVES, METHODS
from include.recommender.similarities.ease import ease_similarities, eligible_items, warn_of_cap
from include.retraining.errors import TrainingDataError
from tests.recommender.small_world import Rows, catalogue, event, random_catalogue, random_events, snapshot_from
from tests.simulated_home import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

    World = Callable[..., Snapshot]

EVERYONE = Ease(min_users=1)
# Single precision, and rounding to micro-units.
CLOSE = 2e-5


def random_matrix(seed: int, users: int, items: int) -> np.ndarray:
    """Weights in (0, 1] of a third of the pairs, more of the first items."""
    rng = np.random.default_rng(seed)
    touched = rng.random((users, items)) < np.linspace(0.6, 0.1, items)
    return np.where(touched, 0.5 ** rng.integers(0, 6, (users, items)), 0)


def computed(dense: np.ndarray, regularisation: float = 1.0, using: Ease = EVERYONE, popularity: Any = None) -> Any:
    if popularity is None:
        popularity = np.ones(dense.shape[1])
    return ease_similarities(sparse.csr_matrix(dense), popularity, regularisation, using)


def regressed(dense: np.ndarray, regularisation: float) -> np.ndarray:
    """Column j: the ridge regression of item j on all other items, which is what EASE solves in one go."""
    gram = dense.T @ dense
    penalty = regularisation * np.diag(gram).mean()
    items = dense.shape[1]
    weights = np.zeros((items, items))
    for item in range(items):
        others = np.arange(items) != item
        penalised = gram[np.ix_(others, others)] + penalty * np.eye(items - 1)
        weights[others, item] = np.linalg.solve(penalised, gram[others, item])
    return weights


@pytest.fixture
def world(tmp_path: Path, settings_with: Callable[..., RecommenderSettings]) -> World:
    """The snapshot of a history."""

    def run(events: Rows, items: Rows | None = None, **sections: Any) -> Snapshot:
        items = items or catalogue(sorted({row["item_id"] for row in events}))
        return snapshot_from(tmp_path, events, items, settings_with(**sections))

    return run


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(2, 15), st.sampled_from([0.3, 1.0, 10.0]))
def test_the_closed_form_equals_a_regression_of_each_item_on_the_others(
    seed: int, users: int, items: int, regularisation: float
) -> None:
    dense = random_matrix(seed, users, items)
    dense[0] += 0.01  # every item has a user
    found = computed(dense, regularisation).toarray()
    expected = np.maximum(regressed(dense, regularisation), 0)
    np.testing.assert_allclose(found, expected, atol=CLOSE)
    assert not found.diagonal().any()


def test_the_largest_weights_of_each_item_are_kept_in_whole_micro_units() -> None:
    dense = random_matrix(3, 60, 20)
    whole = computed(dense).toarray()
    assert (whole > 0).sum(axis=1).min() > 4
    found = computed(dense, using=Ease(min_users=1, neighbours=4)).toarray()
    for all_of, kept in zip(whole, found, strict=True):
        best = sorted(np.flatnonzero(all_of), key=lambda item: (-all_of[item], item))[:4]
        assert np.flatnonzero(kept).tolist() == sorted(best)
        assert kept[best].tolist() == all_of[best].tolist()
    assert (np.rint(whole * MICROS) / MICROS == whole).all()


def test_of_equally_strong_items_no_more_are_kept_than_asked_for() -> None:
    found = computed(np.ones((3, 5)), using=Ease(min_users=1, neighbours=2))
    assert np.diff(found.indptr).tolist() == [2] * 5
    assert len(set(found.data)) == 1


def test_what_was_already_explained_by_another_item_counts_for_less() -> None:
    # All who touch c touch b, and most who touch b touch a: a and c meet through b only.
    dense = np.repeat([[1.0, 1, 0], [0, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0]], [6, 3, 3, 2, 1], axis=0)
    a_to_c = computed(dense, 0.01).toarray()[0, 2]
    alone = computed(dense[:, [0, 2]], 0.01).toarray()[0, 1]
    assert a_to_c == 0
    assert alone > 0.1


def test_regularisation_is_in_units_of_the_mean_diagonal_so_that_the_scale_of_weights_does_not_matter() -> None:
    dense = random_matrix(5, 40, 12)
    np.testing.assert_allclose(computed(1000 * dense).toarray(), computed(dense).toarray(), atol=CLOSE)
    np.testing.assert_allclose(computed(np.tile(dense, (7, 1))).toarray(), computed(dense).toarray(), atol=CLOSE)


def test_more_regularisation_makes_weights_smaller() -> None:
    dense = random_matrix(5, 40, 12)
    largest = [computed(dense, regularisation).max() for regularisation in (0.1, 1.0, 10.0, 100.0)]
    assert largest == sorted(largest, reverse=True)
    assert largest[0] > 20 * largest[-1] > 0


def test_the_most_popular_items_take_part_equal_ones_by_position_and_rare_ones_never() -> None:
    dense = np.ones((3, 14))
    dense[1:, 2] = 0  # one user only, however popular
    popularity = np.array([1, 5, 99, 5, 5, 5, 5, 5, 5, 5, 5, 7, 5, 0])
    using = Ease(min_users=2, max_items=10)
    found = eligible_items(sparse.csr_matrix(dense), popularity, using)
    assert found.tolist() == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert eligible_items(sparse.csr_matrix(dense), popularity, Ease()).tolist() == [0, 1, *range(3, 14)]


def test_items_beyond_the_cap_are_alike_to_nothing_and_change_nothing_for_the_others() -> None:
    dense = random_matrix(8, 50, 16)
    popularity = np.random.default_rng(1).permutation(16).astype(float)
    inside = np.flatnonzero(popularity >= 6)
    found = computed(dense, using=Ease(min_users=1, max_items=10), popularity=popularity).toarray()
    expected = np.zeros((16, 16))
    expected[np.ix_(inside, inside)] = computed(dense[:, inside]).toarray()
    assert len(inside) == 10
    assert np.count_nonzero(expected) > 20
    assert found.tobytes() == expected.tobytes()


def test_an_item_of_fewer_than_min_users_is_alike_to_nothing() -> None:
    dense = np.array([[1.0, 1, 1], [1, 1, 0], [1, 0, 0]])
    assert np.count_nonzero(computed(dense, using=Ease(min_users=2)).toarray(), axis=1).tolist() == [1, 1, 0]
    assert computed(dense, using=Ease(min_users=3)).nnz == 0


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3), (2, 5)])
def test_nobody_and_nothing_give_an_empty_matrix(shape: tuple[int, int]) -> None:
    found = computed(np.zeros(shape))
    assert (found.shape, found.nnz) == ((shape[1], shape[1]), 0)


def test_a_matrix_that_cannot_be_inverted_names_the_setting_to_raise() -> None:
    with pytest.raises(TrainingDataError, match=r"raise ease\.regularisation"):
        computed(np.ones((3, 2)), regularisation=1e-12)


def test_rule_3_every_blas_has_one_thread_whatever_was_imported_before() -> None:
    # In a process of its own: here, tests before this one have loaded SciPy's BLAS already.
    code = (
        "import numpy as np; from include.recommender.similarities.lapack import invert_positive_definite; "
        "invert_positive_definite(np.asfortranarray(np.eye(3, dtype=np.float32))); "
        "from threadpoolctl import threadpool_info; "
        "print(*sorted(f\"{each['num_threads']}\" for each in threadpool_info() if each['user_api'] == 'blas'))"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert set(done.stdout.split()) == {"1"}
    assert len(done.stdout.split()) > 1, "NumPy and SciPy bring a BLAS each"


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_rule_3_block_sizes_and_repeats_give_equal_bytes(seed: int, neighbours: int) -> None:
    dense = random_matrix(seed, 25, 12)
    whole = computed(dense, using=Ease(min_users=1, neighbours=neighbours))
    for block in (1, 5, 12, 1000):
        found = computed(dense, using=Ease(min_users=1, neighbours=neighbours, item_block=block))
        assert found.indices.tolist() == whole.indices.tolist()
        assert found.data.tobytes() == whole.data.tobytes()


def test_rule_3_threads_that_run_at_once_give_equal_bytes() -> None:
    # Large enough for a BLAS of several threads to split its sums.
    dense = random_matrix(1, 500, 200)
    found = list(parallel_map(lambda _: computed(dense).toarray().tobytes(), range(6), 3))
    assert set(found) == {computed(dense).toarray().tobytes()}


EVENTS = random_events(seed=17, count=500, users=20, items=25, days=120)


@pytest.mark.parametrize(("method", "half_life"), list(EASE_HALF_LIVES.items()))
def test_a_users_items_weigh_by_how_recent_the_last_touch_is(
    world: World, settings: RecommenderSettings, method: str, half_life: float
) -> None:
    snapshot = world(EVENTS, random_catalogue(25))
    age = snapshot.day - snapshot.pairs["last_date"]
    dense = np.zeros(snapshot.shape)
    dense[snapshot.pair_user, snapshot.pair_item] = np.where(age <= 10 * half_life, 0.5 ** (age / half_life), 0)
    able = np.flatnonzero((dense > 0).sum(axis=0) >= settings.ease.min_users)
    assert len(able) > 10
    expected = np.zeros((25, 25))
    expected[np.ix_(able, able)] = np.maximum(regressed(dense[:, able], settings.ease.regularisation[0]), 0)
    found = METHODS[method](snapshot, settings).toarray()
    np.testing.assert_allclose(found, expected, atol=CLOSE)
    assert found.max() > 0.01


def test_a_short_half_life_forgets_what_went_together_long_ago(world: World, settings: RecommenderSettings) -> None:
    events = [event(f"u{n}", item, 50) for n in range(4) for item in ("then", "anchor")]
    events += [event(f"v{n}", item, 2) for n in range(4) for item in ("now", "anchor")]
    snapshot = world(events)
    anchor, now, then = (snapshot.item_ids.tolist().index(name) for name in ("anchor", "now", "then"))
    share = {}
    for method in EASE_HALF_LIVES:
        row = METHODS[method](snapshot, settings).toarray()[anchor]
        share[method] = row[then] / row[now]
    assert share["ease_10d"] < 0.01
    assert 0.1 < share["ease_60d"] < 1


def test_the_cap_goes_by_the_users_of_90_days_and_the_first_regularisation_counts(
    world: World, settings_with: Callable[..., RecommenderSettings]
) -> None:
    many = [f"i{number:02d}" for number in range(10)]
    events = [event(f"u{n}", item, 20) for n in range(3) for item in many]
    events += [event(f"v{n}", item, 100) for n in range(9) for item in ("once loved", many[0])]
    snapshot = world(events)
    capped = settings_with(ease={"max_items": 10, "regularisation": [2.0, 50.0]})
    found = METHODS["ease_60d"](snapshot, capped)
    assert not found.getrow(snapshot.item_ids.tolist().index("once loved")).nnz
    assert METHODS["ease_60d"](snapshot, settings_with()).getrow(10).nnz
    one = settings_with(ease={"max_items": 10, "regularisation": [2.0]})
    assert METHODS["ease_60d"](snapshot, one).data.tobytes() == found.data.tobytes()


def test_items_beyond_the_cap_are_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    matrix = sparse.csr_matrix(random_matrix(3, 40, 12))
    with caplog.at_level("WARNING"):
        warn_of_cap(matrix, Ease(min_users=1, max_items=12))
        assert not caplog.records
        warn_of_cap(matrix, Ease(min_users=1, max_items=10))
    assert "10 most popular of 12 items take part (ease.max_items)" in caplog.text
