"""A sample of users depends on their ids alone, and whoever is in it is treated as if everybody were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.recommender.sampling import sample_of
from include.recommender.training_set import build_training_sets
from tests.recommender.small_world import DAY, warehouse_of
from tests.recommender.test_training_set import EVENTS, ITEMS

if TYPE_CHECKING:
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings

IDS = np.array([f"u{number:03d}" for number in range(200)], object)


def test_a_smaller_sample_is_part_of_a_larger_one_and_others_change_nothing() -> None:
    small, large = sample_of(IDS, 20).tolist(), sample_of(IDS, 60).tolist()
    assert (len(small), len(large)) == (20, 60)
    assert set(small) < set(large)
    assert small == sorted(small) != IDS[:20].tolist()
    assert set(sample_of(IDS[::2], 20).tolist()) >= {user for user in small if int(user[1:]) % 2 == 0}
    assert sample_of(IDS, 200) is IDS


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
