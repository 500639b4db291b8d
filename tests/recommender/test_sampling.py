"""A sample of users depends on their ids alone, and whoever is in it is treated as if everybody were."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.recommender.contenders import Contender
from include.recommender.evaluation import CHALLENGER, Week, evaluate_weeks
from include.recommender.past_date import PastDate
from include.recommender.sampling import Purpose, sample_of
from include.recommender.training_set import build_training_sets
from include.recommender.tuning import choose_parameters
from tests.recommender.small_world import DAY, catalogue, days_ago, event, warehouse_of
from tests.recommender.test_training_set import EVENTS, ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from tests.recommender.small_world import Rows, WarehouseInMemory

    Watch = Callable[[Rows], dict[str, list[set[str]]]]

IDS = np.array([f"u{number:03d}" for number in range(200)], object)


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_a_smaller_sample_is_part_of_a_larger_one_and_others_change_nothing(purpose: Purpose) -> None:
    small, large = sample_of(IDS, 20, purpose).tolist(), sample_of(IDS, 60, purpose).tolist()
    assert (len(small), len(large)) == (20, 60)
    assert set(small) < set(large)
    assert small == sorted(small) != IDS[:20].tolist()
    assert set(sample_of(IDS[::2], 20, purpose).tolist()) >= {user for user in small if int(user[1:]) % 2 == 0}
    assert sample_of(IDS, 200, purpose) is IDS


def test_a_sample_says_nothing_of_who_is_in_that_of_another_purpose() -> None:
    """Of 1000 of 4000 users a quarter are in another sample of 1000, give or take 4 standard deviations."""
    ids = np.array([f"u{number:04d}" for number in range(4000)], object)
    samples = [set(sample_of(ids, 1000, purpose)) for purpose in get_args(Purpose)]
    for one, other in combinations(samples, 2):
        assert abs(len(one & other) - 250) < 4 * 12


def test_rows_of_sampled_users_are_those_of_a_training_set_of_everybody(
    tmp_path: Path, settings: RecommenderSettings
) -> None:
    def rows_of(users: int) -> dict[str, pa.Table]:
        few = settings.training.model_copy(update={"max_users": users, "min_groups": 1})
        using = settings.model_copy(update={"training": few})
        return build_training_sets(warehouse_of(tmp_path, EVENTS, ITEMS), using, DAY)

    everybody, sampled = rows_of(1000), rows_of(3)
    for surface, rows in sampled.items():
        assert 0 < rows.num_rows < everybody[surface].num_rows
        keys = pc.binary_join_element_wise(rows["snapshot_date"].cast(pa.string()), rows["user_id"], "/")
        whole = everybody[surface]
        theirs = pc.binary_join_element_wise(whole["snapshot_date"].cast(pa.string()), whole["user_id"], "/")
        expected = whole.filter(pc.is_in(theirs, keys.unique()))
        pd.testing.assert_frame_equal(rows.to_pandas(), expected.to_pandas(), check_exact=True)


# Users who come every week.
REGULARS = [event(f"u{user:03d}", f"i{week % 3}", 7 * week + 1) for user in range(60) for week in range(12)]

# In every week others come who were never seen before.
STRANGERS = [event(f"s{week}-{user}", "i0", 7 * week + 1) for user in range(50) for week in range(12)]


@pytest.fixture
def watch(tmp_path: Path, settings_with: Callable[..., RecommenderSettings], monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Samples of 10: whom training, evaluation and short lists look at, by purpose, one set for each past date."""
    lists = {"popularity_days": [28], "similar_method": ["cosine"]}
    short = settings_with(
        lists=lists, ease={"regularisation": [10]}, evaluation={"weeks": 1}, tuning={"weeks": 2},
        training={"snapshots": [2], "threads": 1},
    )  # fmt: skip
    few = {name: getattr(short, name).model_copy(update={"max_users": 10}) for name in get_args(Purpose)}
    settings, looked_at = short.model_copy(update=few), []
    of_users = PastDate.of_users

    def watched(past: PastDate, users: list[str]) -> Snapshot:
        looked_at.append(set(users))
        return of_users(past, users)

    def evaluate(warehouse: WarehouseInMemory) -> None:
        it = Contender("it/1", lambda c: c.item.astype(float), settings)
        for first in (days_ago(7), days_ago(14)):
            evaluate_weeks(warehouse, settings, DAY, "for_you", [Week(first, {CHALLENGER: it})])

    def run(events: Rows) -> dict[str, list[set[str]]]:
        warehouse, found = warehouse_of(tmp_path, events, catalogue([f"i{number}" for number in range(3)])), {}
        for purpose, work in {
            "training": lambda: build_training_sets(warehouse, settings, DAY),
            "evaluation": lambda: evaluate(warehouse),
            "tuning": lambda: choose_parameters(warehouse, settings, DAY),
        }.items():
            looked_at.clear()
            work()
            found[purpose] = list(looked_at)
        return found

    monkeypatch.setattr(PastDate, "of_users", watched)
    return run


def test_each_purpose_looks_at_users_of_its_own_the_same_on_every_date(watch: Watch) -> None:
    found = watch(REGULARS)
    for purpose, (first, second) in found.items():
        assert first == second == set(sample_of(IDS[:60], 10, purpose))  # type: ignore[arg-type]
    for one, other in combinations(found.values(), 2):
        assert one[0] - other[0]


def test_a_sample_is_drawn_of_those_whom_a_date_knows(watch: Watch) -> None:
    assert watch(REGULARS + STRANGERS) == watch(REGULARS)
