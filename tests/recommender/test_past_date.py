"""A past date is the same whether made anew or found; it is found only where nothing changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyarrow import feather

from include.recommender.past_date import FOLDER, PastDate
from include.recommender.settings import RecommenderSettings
from include.recommender.similarities import METHODS
from include.recommender.snapshot import users_of_shard
from tests.recommender.small_world import (
    DAY,
    catalogue,
    days_ago,
    event,
    random_catalogue,
    random_events,
    warehouse_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.snapshot import Snapshot

EVENTS = random_events(seed=5, count=400, users=15, items=25, days=40)
SOME = ["u000", "u003", "nobody"]


@pytest.fixture
def past(tmp_path: Path, settings: RecommenderSettings, monkeypatch: pytest.MonkeyPatch) -> PastDate:
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path))
    return PastDate(warehouse_of(tmp_path / "world", EVENTS, random_catalogue(25)), settings, DAY, DAY)


def kept_files(home: Path, pattern: str = "*/*.npz") -> list[str]:
    return sorted(path.name for path in (home / "spill" / FOLDER).glob(pattern))


def never(*_: object, **__: object) -> None:
    raise AssertionError("it was kept: nothing is to be computed")


def assert_same(one: Snapshot, other: Snapshot) -> None:
    assert one.item_ids.tolist() == other.item_ids.tolist()
    assert one.user_ids.tolist() == other.user_ids.tolist()
    for kind in ("items", "users", "pairs"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        assert list(mine) == list(theirs)
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name])
    for name in ("pair_user", "pair_item", "pair_start"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert set(one.similarities) == set(other.similarities)
    for name, matrix in one.similarities.items():
        assert matrix.data.tobytes() == other.similarities[name].data.tobytes()
        assert matrix.indices.tolist() == other.similarities[name].indices.tolist()


def test_the_next_task_finds_what_the_first_one_made(
    tmp_path: Path, past: PastDate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = past.of_users(SOME)
    assert len(kept_files(tmp_path)) == len(METHODS)
    monkeypatch.setattr("include.recommender.past_date.compute_similarities", never)
    found = replace(past).of_users(SOME)
    assert_same(found, first)
    assert set(found.user_ids[found.pair_user]) == {"u000", "u003"}


def test_of_everybody_has_the_rows_of_some_users_too(past: PastDate) -> None:
    everybody, some = past.of_everybody(), past.of_users(SOME)
    assert everybody.user_ids.tolist() == some.user_ids.tolist()
    for user in np.unique(some.pair_user):
        ours = slice(*everybody.pair_start[user : user + 2])
        theirs = slice(*some.pair_start[user : user + 2])
        assert everybody.pair_item[ours].tolist() == some.pair_item[theirs].tolist()
        for name, values in everybody.pairs.items():
            assert values[ours].tolist() == some.pairs[name][theirs].tolist()


@pytest.mark.parametrize("shards", [1, 3, 40])
def test_parts_of_the_users_have_the_rows_of_everybody(past: PastDate, shards: int) -> None:
    everybody, parts = past.of_everybody(), [past.of_part((shard, shards)) for shard in range(shards)]
    for name, values in everybody.pairs.items():
        assert np.concatenate([part.pairs[name] for part in parts]).tolist() == values.tolist()
    assert len(everybody.pair_item) > 100
    for shard, part in enumerate(parts):
        theirs = users_of_shard(len(everybody.user_ids), shard, shards)
        assert set(part.pair_user) == set(theirs)
        assert part.users["events"][theirs].tolist() == everybody.users["events"][theirs].tolist()
    assert len(past.of_part(None).pair_item) == 0


def test_who_cannot_tell_changes_keeps_nothing(tmp_path: Path, past: PastDate, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = past.of_users(SOME)
    monkeypatch.setattr("include.recommender.past_date.TellsChanges", type("Nobody", (), {}))
    (tmp_path / "spill" / FOLDER).rename(tmp_path / "before")
    assert_same(replace(past).of_users(SOME), kept)
    assert not (tmp_path / "spill" / FOLDER).exists()


def changed(**sections: dict[str, object]) -> Callable[[RecommenderSettings], RecommenderSettings]:
    def change(settings: RecommenderSettings) -> RecommenderSettings:
        own = {name: getattr(settings, name).model_copy(update=values) for name, values in sections.items()}
        return settings.model_copy(update=own)

    return change


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        (changed(similarities={"neighbours": 3}), 3),
        (changed(similarities={"items_per_user": 9}), 3),
        (changed(ease={"regularisation": (99.0,)}), 2),
        (changed(ease={"regularisation": (10.0,), "item_block": 7}, similarities={"item_block": 7}), 0),
        (changed(features={"half_life_long_days": 5}), len(METHODS)),
        (changed(features={"history_days": 400}), len(METHODS)),
        (changed(training={"seed": 5}), 0),
    ],
)
def test_what_depends_on_changed_settings_is_made_anew_and_block_sizes_change_nothing(
    tmp_path: Path, past: PastDate, change: Callable[[RecommenderSettings], RecommenderSettings], anew: int
) -> None:
    before = changed(ease={"regularisation": (10.0, 3.0)})(past.settings)
    for settings in (before, change(before)):
        replace(past, settings=settings).of_users(SOME)
    assert len(kept_files(tmp_path)) == len(METHODS) + anew


def test_a_run_of_a_week_later_finds_it_whatever_came_since(
    tmp_path: Path, past: PastDate, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = [event("u003", "i001", 0), event("u004", "new", -6)]
    known = [*random_catalogue(25), *catalogue(["new"], days_ago(-7))]
    first, world = past.of_users(SOME), warehouse_of(tmp_path / "later", [*EVENTS, *later], known)
    monkeypatch.setattr("include.recommender.past_date.compute_similarities", never)
    assert_same(replace(past, warehouse=world, known_until=days_ago(-7)).of_users(SOME), first)


@pytest.mark.parametrize(
    "change", [{"day": days_ago(1)}, {"events": [*EVENTS, event("u003", "i001", 3)]}, {"items": random_catalogue(24)}]
)
def test_another_day_event_or_item_makes_everything_anew(
    tmp_path: Path, past: PastDate, change: dict[str, object]
) -> None:
    world = warehouse_of(tmp_path / "other", change.pop("events", EVENTS), change.pop("items", random_catalogue(25)))
    past.of_users(SOME)
    replace(past, warehouse=world, **change).of_users(SOME)
    assert len(kept_files(tmp_path)) == 2 * len(METHODS)


def test_a_write_meanwhile_keeps_nothing(tmp_path: Path, past: PastDate, monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter(range(100))
    monkeypatch.setattr(type(past.warehouse), "state", lambda *_: str(next(states)))
    past.of_users(SOME)
    assert kept_files(tmp_path) == []


def test_no_id_of_a_user_is_kept(tmp_path: Path, past: PastDate) -> None:
    past.of_users(SOME)
    (table,) = (tmp_path / "spill" / FOLDER).glob("*/*.arrow")
    assert "user_id" not in feather.read_table(table).column_names
    for path in (tmp_path / "spill" / FOLDER).glob("*/*.npz"):
        with np.load(path, allow_pickle=False) as stored:
            assert all(np.issubdtype(stored[name].dtype, np.integer) for name in stored.files)
