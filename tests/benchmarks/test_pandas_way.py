"""The bar is fair only where the script says the same as the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import pandas_way
from benchmarks.our_way import same_work, write_candidates
from benchmarks.scale_data import AS_OF_DATE, prepare_home
from include.recommender import pipeline
from include.recommender.tables import ITEM_STATS, USER_ITEMS, USER_STATS
from include.recommender.workspace import open_recommender
from include.retraining.run import Run

if TYPE_CHECKING:
    from pathlib import Path

RUN = Run(AS_OF_DATE, "bench", "backtest")
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("usual")
    with pytest.MonkeyPatch.context() as patch:
        # prepare_home() sets them in the environment for good.
        patch.setenv("HIGAWARI_HOME", str(folder))
        patch.setenv("HIGAWARI_HASH_KEY", "bench")
        return prepare_home("20k", folder).folder


def test_statistics_and_candidates_are_those_of_the_pipeline(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (same_work() | {"HIGAWARI_HOME": str(home), "HIGAWARI_HASH_KEY": "bench"}).items():
        monkeypatch.setenv(name, value)
    workspace = open_recommender()
    pipeline.choose_parameters(RUN, workspace)
    for build in (pipeline.build_item_stats, pipeline.build_user_stats, pipeline.build_user_items):
        build(RUN, workspace)
    pipeline.build_item_similarities(RUN, workspace)
    write_candidates(RUN, workspace, str(tmp_path / "ours.parquet"))

    tables = [str(home / "warehouse" / name) for name in ("events", "items")]
    monkeypatch.setattr("sys.argv", ["", *tables, AS_OF_DATE.isoformat(), str(tmp_path / "usual.parquet")])
    pandas_way.main()

    events = pandas_way.read_events(home / "warehouse" / "events", AS_OF_DATE)
    catalogue = pandas_way.read_catalogue(home / "warehouse" / "items", AS_OF_DATE)
    pairs = pandas_way.reduce_pairs(events)
    users, items = pandas_way.reduce_users(events, pairs), pandas_way.reduce_items(events, pairs, catalogue)
    read = [workspace.warehouse.read(table).to_pandas() for table in (USER_ITEMS, USER_STATS, ITEM_STATS)]
    for found, ours in zip((pairs, users, items), read, strict=True):
        assert len(found) == len(ours)
        for name in sorted(set(found.columns) & set(ours.columns)):
            if name not in ("user_id", "item_id", "category", "is_active"):
                assert np.array_equal(np.sort(found[name].to_numpy(np.int64)), np.sort(ours[name].to_numpy())), name

    theirs, ours = (_keys(tmp_path / f"{name}.parquet") for name in ("usual", "ours"))
    # Equal scores may be cut off differently.
    assert len(theirs & ours) > 0.98 * len(theirs | ours)


def _keys(path: Path) -> set[tuple[str, str]]:
    rows = pq.read_table(path, columns=["user_id", "item_id"]).to_pandas().astype(str)
    return set(rows.itertuples(index=False, name=None))
