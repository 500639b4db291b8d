"""Training a ranker: the same bytes for the same rows, and a clear refusal where there is too little to learn."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.recommender.features import FEATURE_NAMES
from include.recommender.ranker import Ranker, train_ranker
from include.recommender.settings import Training
from include.recommender.tables import TRAINING_SET
from include.retraining.errors import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = date(2026, 3, 1)
QUICK: dict[str, Any] = {
    "min_groups": 20, "rounds": (25,), "min_child_weight": 1, "threads": 1, "snapshots": (3,),
}  # fmt: skip
TELLING, USELESS, CONSTANT, MISSING, GIVEN = FEATURE_NAMES[:5]
LEFT_OUT = (CONSTANT, MISSING)


def rows_of(users: int = 30, dates: int = 3, seed: int = 0) -> pa.Table:
    """Lists of 12 items each, with the positives where the first feature is high; some values are missing."""
    rng = np.random.default_rng(seed)
    count = users * dates * 12
    features = rng.normal(size=(count, len(FEATURE_NAMES))).astype(np.float32)
    telling = features[:, 0].copy()
    features[rng.random(features.shape) < 0.1] = np.nan
    features[:, 2], features[:, 3], features[:, 4] = 1, np.nan, np.where(rng.random(count) < 0.5, 1, np.nan)
    number = np.arange(count)
    columns = {
        "as_of_date": pa.array([FIRST] * count, pa.date32()),
        "surface": pa.array(["for_you"] * count),
        "snapshot_date": pa.array([FIRST + timedelta(days=7 * int(n // (users * 12))) for n in number], pa.date32()),
        "user_id": pa.array([f"u{n // 12 % users}" for n in number]),
        "item_id": pa.array([f"i{n % 12:02d}" for n in number]),
        "label": pa.array((telling + rng.normal(0, 0.3, count) > 1).astype(np.int64)),
    } | {name: pa.array(features[:, at]) for at, name in enumerate(FEATURE_NAMES)}
    return pa.table(columns).cast(TRAINING_SET.schema)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return rows_of()


@pytest.fixture(scope="module")
def ranker(rows: pa.Table) -> Ranker:
    return train_ranker(rows, Training(**QUICK))


def matrix(rows: pa.Table, ranker: Ranker) -> np.ndarray:
    return np.column_stack([rows[name].to_numpy() for name in ranker.feature_names])


def snapshot(number: int) -> date:
    return FIRST + timedelta(days=7 * number)


def with_labels(rows: pa.Table, labels: np.ndarray) -> pa.Table:
    return rows.set_column(rows.column_names.index("label"), "label", pa.array(labels.astype(np.int64)))


def upside_down_before(rows: pa.Table, day: date) -> pa.Table:
    """The same rows, but what tells positives apart says the contrary on snapshots before a day."""
    values = rows[TELLING].to_numpy()
    before = np.array([found < day for found in rows["snapshot_date"].to_pylist()])
    return with_labels(rows, np.where(before, values < -1, values > 1))


def test_rule_3_the_same_rows_give_the_same_bytes(rows: pa.Table, ranker: Ranker) -> None:
    assert train_ranker(rows, Training(**QUICK)).sha256 == ranker.sha256


def test_rule_3_the_order_of_rows_does_not_matter(rows: pa.Table, ranker: Ranker) -> None:
    order = np.random.default_rng(1).permutation(rows.num_rows)
    assert train_ranker(rows.take(pa.array(order)), Training(**QUICK)).sha256 == ranker.sha256


def test_rule_3_the_number_of_threads_does_not_matter() -> None:
    many = rows_of(users=300)  # enough rows for both threads to get some
    one, two = (train_ranker(many, Training(**QUICK | {"threads": threads})) for threads in (1, 2))
    assert one.model == two.model


@pytest.mark.parametrize("change", [{"seed": 1}, {"max_depth": 2}, {"learning_rate": 0.3}, {"subsample": 0.5}])
def test_other_settings_give_another_model(rows: pa.Table, ranker: Ranker, change: dict[str, Any]) -> None:
    assert train_ranker(rows, Training(**QUICK | change)).sha256 != ranker.sha256


def test_other_labels_give_another_model(ranker: Ranker) -> None:
    assert train_ranker(rows_of(seed=1), Training(**QUICK)).sha256 != ranker.sha256


def test_it_learns_what_tells_positives_apart(rows: pa.Table, ranker: Ranker) -> None:
    fresh = rows_of(seed=2)
    scores, labels = ranker.score(matrix(fresh, ranker)), fresh["label"].to_numpy()
    assert scores.dtype == np.float64
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 0.3
    assert ranker.validation_ndcg > 0.7


def test_importances_are_shares_of_every_feature(ranker: Ranker) -> None:
    importances = ranker.importances()
    assert tuple(importances) == ranker.feature_names
    assert sum(importances.values()) == pytest.approx(1)
    assert max(importances, key=importances.__getitem__) == TELLING
    assert min(importances.values()) >= 0


def test_a_feature_that_says_nothing_has_no_importance(ranker: Ranker) -> None:
    assert ranker.importances()[USELESS] < 0.05


def test_features_that_never_vary_are_left_out_and_named(rows: pa.Table, ranker: Ranker) -> None:
    """Of data without values or categories these are many; whether something is known is a variation too."""
    assert ranker.left_out == LEFT_OUT
    assert ranker.feature_names == tuple(name for name in FEATURE_NAMES if name not in LEFT_OUT)
    assert tuple(ranker.booster.feature_names or ()) == ranker.feature_names
    assert GIVEN in ranker.feature_names
    assert ranker.score(matrix(rows, ranker)).shape == (rows.num_rows,)


def test_a_retired_feature_is_never_learnt_from(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.recommender.ranker.LEARNED", FEATURE_NAMES[:1] + FEATURE_NAMES[4:])
    assert not {USELESS, *LEFT_OUT} & set(train_ranker(rows, Training(**QUICK)).feature_names)


def sized(rows: pa.Table, snapshots: tuple[int, ...], rounds: tuple[int, ...]) -> Ranker:
    return train_ranker(rows, Training(**QUICK | {"snapshots": snapshots, "rounds": rounds}))


def test_a_ranker_has_the_rounds_that_were_chosen(rows: pa.Table) -> None:
    for rounds in (6, 25):
        ranker = sized(rows, (3,), (rounds,))
        assert ranker.booster.num_boosted_rounds() == ranker.rounds == rounds


@pytest.mark.parametrize("sizes", [((2, 25), (3, 25)), ((3, 6), (3, 40))], ids=["snapshots", "rounds"])
def test_the_first_sizes_stand_where_others_are_not_clearly_better(
    rows: pa.Table, sizes: tuple[tuple[int, int], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ndcg = {(days, rounds): sized(rows, (days,), (rounds,)).validation_ndcg for days, rounds in sizes}
    worse, better = sorted(ndcg, key=ndcg.__getitem__)
    gain = ndcg[better] / ndcg[worse] - 1
    assert gain > 0
    for clearly, first, then, chosen in (
        (gain * 1.5, worse, better, worse),
        (gain / 2, worse, better, better),
        (gain / 2, better, worse, better),
    ):
        monkeypatch.setattr("include.recommender.ranker.CLEARLY", clearly)
        found = sized(rows, (first[0], then[0]), (first[1], then[1]))
        assert (found.snapshots, found.rounds) == chosen
        # The bins of features are those of the largest number of snapshots.
        assert found.validation_ndcg == pytest.approx(ndcg[chosen], rel=0.05)


def test_of_all_pairs_of_sizes_the_best_is_chosen_where_it_is_clearly_better(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    ndcg = {(days, rounds): sized(rows, (days,), (rounds,)).validation_ndcg for days in (2, 3) for rounds in (6, 25)}
    worst, *_, best = sorted(ndcg, key=ndcg.__getitem__)
    monkeypatch.setattr("include.recommender.ranker.CLEARLY", 0)
    ranker = sized(rows, (worst[0], 5 - worst[0]), (worst[1], 31 - worst[1]))
    assert (ranker.snapshots, ranker.rounds, ranker.validation_ndcg) == (*best, ndcg[best])


def test_fewer_snapshots_are_learnt_from_where_older_ones_mislead() -> None:
    changed = upside_down_before(rows_of(dates=5), snapshot(3))
    ranker = train_ranker(changed, Training(**QUICK | {"snapshots": (5, 2)}))
    assert ranker.snapshots == 2
    assert ranker.validation_ndcg > train_ranker(changed, Training(**QUICK | {"snapshots": (5,)})).validation_ndcg
    recent = changed.filter(pc.greater_equal(changed["snapshot_date"], snapshot(3)))
    assert ranker.model == train_ranker(recent, Training(**QUICK | {"snapshots": (2,)})).model


def test_a_number_of_snapshots_that_are_not_there_yet_means_all_there_are(rows: pa.Table, ranker: Ranker) -> None:
    many = train_ranker(rows, Training(**QUICK | {"snapshots": (20, 26)}))
    assert (many.snapshots, many.model) == (3, ranker.model)


def test_rule_2_a_predecessor_learns_nothing_of_later_snapshots() -> None:
    rows = rows_of(dates=5)
    later = np.array([day > snapshot(2) for day in rows["snapshot_date"].to_pylist()])
    training = Training(**QUICK | {"snapshots": (5, 2)})
    then = train_ranker(rows.filter(pa.array(~later)), training)
    flipped = with_labels(rows, np.where(later, 1 - rows["label"].to_numpy(), rows["label"].to_numpy()))
    for known in (rows, flipped):
        assert train_ranker(known, training, until=snapshot(2)) == then
    assert train_ranker(rows, training) != then


def test_a_ranker_scores_the_same_after_a_trip_through_its_bytes(rows: pa.Table, ranker: Ranker) -> None:
    again = Ranker(bytes(ranker.model), ranker.feature_names)
    assert again.score(matrix(rows, ranker)).tobytes() == ranker.score(matrix(rows, ranker)).tobytes()
    assert again.sha256 == ranker.sha256


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: rows_of(users=6), "18 lists on 3 snapshots"),
        (lambda: rows_of(users=60, dates=1), "60 lists on 1 snapshots"),
        (lambda: rows_of().slice(0, 0), "0 lists on 0 snapshots"),
    ],
    ids=["few lists", "one date", "no rows"],
)
def test_too_little_to_learn_from_is_refused(make: Callable[[], pa.Table], found: str) -> None:
    with pytest.raises(TrainingDataError, match=found):
        train_ranker(make(), Training(**QUICK))


def test_too_little_before_a_day_is_refused(rows: pa.Table) -> None:
    with pytest.raises(TrainingDataError, match="30 lists on 1 snapshots"):
        train_ranker(rows, Training(**QUICK), until=snapshot(0))


def test_a_user_on_two_dates_is_two_lists() -> None:
    with pytest.raises(TrainingDataError, match="50 lists on 2 snapshots"):
        train_ranker(rows_of(users=25, dates=2), Training(**QUICK | {"min_groups": 51}))
