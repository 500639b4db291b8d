"""Similarities of past dates are computed once by whoever comes first, and only from the very same inputs."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from include.recommender.settings import RecommenderSettings
from include.recommender.similarities import METHODS, compute_similarities
from include.recommender.similarities.kept import KEPT_SECONDS, kept_or_computed
from include.recommender.snapshot import compute_snapshot, kept_similarities
from tests.recommender.small_world import DAY, catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.snapshot import Snapshot

EVENTS = random_events(seed=5, count=400, users=15, items=25, days=40)


@pytest.fixture
def snapshot(tmp_path: Path, settings: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path / "world", EVENTS, random_catalogue(25), settings)


def matrix(value: float = 0.25) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array([[0, value, 0.5], [0, 0, 0], [1e-6, 0, 0]]))


def never() -> sparse.csr_matrix:
    raise AssertionError("it was kept: nothing is to be computed")


def kept_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.npz"))


def test_what_was_computed_comes_back_to_the_bit(tmp_path: Path) -> None:
    kept_or_computed(tmp_path, "a", matrix)
    found = kept_or_computed(tmp_path, "a", never)
    for name in ("data", "indices", "indptr"):
        assert getattr(found, name).tobytes() == getattr(matrix(), name).tobytes()
    assert found.shape == (3, 3)


def test_a_snapshot_finds_every_method_of_another_process(
    tmp_path: Path, snapshot: Snapshot, settings: RecommenderSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compute_similarities(snapshot, settings, kept_in=tmp_path)
    assert len(kept_files(tmp_path)) == len(METHODS)
    monkeypatch.setattr("include.recommender.similarities.METHODS", dict.fromkeys(METHODS, lambda *_: never()))
    again = compute_similarities(snapshot, settings, kept_in=tmp_path)
    for name, found in again.items():
        assert found.data.tobytes() == first[name].data.tobytes()
        assert found.indices.tolist() == first[name].indices.tolist()


def changed(**sections: dict[str, object]) -> Callable[[RecommenderSettings], RecommenderSettings]:
    def change(settings: RecommenderSettings) -> RecommenderSettings:
        own = {name: getattr(settings, name).model_copy(update=values) for name, values in sections.items()}
        return settings.model_copy(update=own)

    return change


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        (changed(similarities={"neighbours": 3}), 3),
        (changed(ease={"regularisation": (99.0,)}), 2),
        (changed(ease={"regularisation": (10.0,), "item_block": 7}, similarities={"item_block": 7}), 0),
    ],
)
def test_methods_whose_settings_changed_are_computed_anew_and_block_sizes_change_nothing(
    tmp_path: Path,
    snapshot: Snapshot,
    settings: RecommenderSettings,
    change: Callable[[RecommenderSettings], RecommenderSettings],
    anew: int,
) -> None:
    before = settings.model_copy(update={"ease": settings.ease.model_copy(update={"regularisation": (10.0, 3.0)})})
    compute_similarities(snapshot, before, kept_in=tmp_path)
    compute_similarities(snapshot, change(before), kept_in=tmp_path)
    assert len(kept_files(tmp_path)) == len(METHODS) + anew


def test_one_event_more_makes_everything_anew(tmp_path: Path, settings: RecommenderSettings) -> None:
    for name, more in (("one", []), ("two", [event("u1", "i1", 3)])):
        world = snapshot_from(tmp_path / name, [event("u1", "i2", 5), *more], catalogue(["i1", "i2"]), settings)
        compute_similarities(world, settings, kept_in=tmp_path / "kept")
    assert len(kept_files(tmp_path / "kept")) == 2 * len(METHODS)


def test_a_file_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    kept_or_computed(tmp_path, "a", matrix)
    stored = tmp_path / "a.npz"
    stored.write_bytes(stored.read_bytes()[:100])
    assert (kept_or_computed(tmp_path, "a", matrix) != matrix()).nnz == 0
    assert (kept_or_computed(tmp_path, "a", never) != matrix()).nnz == 0


def test_what_nobody_wanted_for_hours_is_removed(tmp_path: Path) -> None:
    for key in ("old", "used"):
        kept_or_computed(tmp_path, key, matrix)
        past = time.time() - KEPT_SECONDS - 60
        os.utime(tmp_path / f"{key}.npz", (past, past))
    kept_or_computed(tmp_path, "used", never)
    kept_or_computed(tmp_path, "new", matrix)
    assert kept_files(tmp_path) == ["new.npz", "used.npz"]


def test_a_disk_that_is_full_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("numpy.savez", full)
    assert (kept_or_computed(tmp_path, "a", matrix) != matrix()).nnz == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.lock"]


def test_who_comes_second_waits_for_the_first(tmp_path: Path) -> None:
    computing, may_end, seen = threading.Event(), threading.Event(), []

    def slowly() -> sparse.csr_matrix:
        computing.set()
        may_end.wait(10)
        return matrix()

    first = threading.Thread(target=lambda: kept_or_computed(tmp_path, "a", slowly))
    second = threading.Thread(target=lambda: seen.append(kept_or_computed(tmp_path, "a", never)))
    first.start()
    computing.wait(10)
    second.start()
    may_end.set()
    first.join(10)
    second.join(10)
    assert seen[0].nnz == matrix().nnz


def test_past_dates_are_kept_beside_what_queries_spill(
    tmp_path: Path, settings: RecommenderSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path))
    from tests.recommender.small_world import warehouse_of

    world = warehouse_of(tmp_path / "world", EVENTS, random_catalogue(25))
    compute_snapshot(world, settings, DAY, DAY, ["u1"])
    assert kept_similarities(settings) == tmp_path / "spill" / "similarities"
    assert kept_files(kept_similarities(settings))
