"""What the sources propose becomes candidates: the best of each, what may be shown, ranks that do not move."""

from __future__ import annotations

from dataclasses import fields, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.recommender.candidates import FILLER, RANKED, Proposer, caps, ordered, propose, propose_block
from include.recommender.settings import SURFACES, RecommenderSettings
from include.recommender.sources import SOURCE_NAMES, SOURCES
from tests.recommender.small_world import catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.snapshot import Snapshot

EVENTS = random_events(seed=11, count=500, users=20, items=40, days=70)
ITEMS = random_catalogue(40)
# Fewer than there are to propose, each different, so that a mix-up shows.
SMALL_CAPS = {name: 3 + number for number, name in enumerate(SOURCE_NAMES)}
LIST_SIZE = 6


@pytest.fixture
def some(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(
        business={"positive_event_types": ["like"]},
        candidates=SMALL_CAPS | {"for_you_share": 1.0},
        publication={"list_size": LIST_SIZE},
    )


@pytest.fixture
def snapshot(tmp_path: Path, some: RecommenderSettings) -> Snapshot:
    return snapshot_from(tmp_path, EVENTS, ITEMS, some)


@pytest.fixture(params=SURFACES)
def block(request: pytest.FixtureRequest, snapshot: Snapshot, some: RecommenderSettings) -> Candidates:
    """The candidates of everyone, on each surface."""
    (candidates,) = propose(snapshot, everyone(snapshot), some, request.param)
    return candidates


def everyone(snapshot: Snapshot) -> np.ndarray:
    return np.arange(snapshot.shape[0])


def with_caps(using: RecommenderSettings, **changed: int) -> RecommenderSettings:
    return using.model_copy(update={"candidates": using.candidates.model_copy(update=changed)})


def keys_of(candidates: Candidates) -> set[tuple[int, int]]:
    return set(zip(candidates.user.tolist(), candidates.item.tolist(), strict=True))


def touched_pairs(snapshot: Snapshot) -> set[tuple[int, int]]:
    return set(zip(snapshot.pair_user.tolist(), snapshot.pair_item.tolist(), strict=True))


def dense_scores(snapshot: Snapshot, name: str) -> np.ndarray:
    """Scores of a source, shape (users, items)."""
    source = next(source for source in SOURCES if source.name == name)
    if source.personal:
        return np.asarray(source.personal(snapshot, everyone(snapshot)).toarray())
    assert source.common
    return np.tile(source.common(snapshot), (snapshot.shape[0], 1))


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_every_source_proposes_its_best_that_may_be_shown_and_scores_what_the_others_proposed(
    block: Candidates, name: str
) -> None:
    snapshot, touched = block.snapshot, touched_pairs(block.snapshot)
    if name not in block.scores:
        assert (block.surface, name) == ("discover", "own_history")
        return
    scores = dense_scores(snapshot, name)
    expected = set()
    for user in everyone(snapshot).tolist():
        allowed = [
            item
            for item in np.flatnonzero(snapshot.recommendable & (scores[user] > 0)).tolist()
            if block.surface == "for_you" or (user, item) not in touched
        ]
        allowed.sort(key=lambda item: (-round(scores[user, item] * 1e6), item))
        expected |= {(user, item) for item in allowed[: SMALL_CAPS[name]]}
    assert keys_of(block.take(block.proposed[name])) == expected
    shown = np.where(snapshot.recommendable, scores, 0)
    np.testing.assert_allclose(block.scores[name], shown[block.user, block.item], rtol=1e-12)


@pytest.mark.parametrize("surface", SURFACES)
def test_more_items_than_a_word_has_bits_and_both_surfaces_at_once_change_nothing(
    tmp_path: Path, some: RecommenderSettings, surface: str
) -> None:
    events = random_events(seed=12, count=900, users=12, items=200, days=70)
    snapshot = snapshot_from(tmp_path, events, random_catalogue(200), some)
    found = Proposer(snapshot, some, tuple(SURFACES)).of_block(everyone(snapshot))[surface]
    assert (found.item > 128).sum() > 20
    touched, shown = touched_pairs(snapshot), snapshot.recommendable
    for name, scores in found.scores.items():
        dense = dense_scores(snapshot, name) * shown
        np.testing.assert_allclose(scores, dense[found.user, found.item], rtol=1e-12, err_msg=name)
    own = np.array([pair in touched for pair in zip(found.user.tolist(), found.item.tolist(), strict=True)])
    assert ((found.pair >= 0) == own).all()
    assert own.any() == (surface == "for_you")
    (alone,) = propose(snapshot, everyone(snapshot), some, surface)
    for part in ("user", "item", "pair"):
        assert getattr(found, part).tolist() == getattr(alone, part).tolist()
    assert found.features.tobytes() == alone.features.tobytes()


def test_similarities_that_were_rounded_to_0_take_nothing_from_others(
    snapshot: Snapshot, some: RecommenderSettings
) -> None:
    matrices = {method: matrix.copy() for method, matrix in snapshot.similarities.items()}
    for matrix in matrices.values():
        matrix.data[::2] = 0
    rounded = replace(snapshot, similarities=matrices)
    (found,) = propose(rounded, everyone(rounded), some, "for_you")
    for name, scores in found.scores.items():
        shown = dense_scores(rounded, name) * rounded.recommendable
        np.testing.assert_allclose(scores, shown[found.user, found.item], rtol=1e-12, err_msg=name)


def test_candidates_are_sorted_unique_and_may_be_shown(block: Candidates) -> None:
    keys = block.user * block.snapshot.shape[1] + block.item
    assert (np.diff(keys) > 0).all()
    assert block.snapshot.recommendable[block.item].all()
    assert not block.snapshot.recommendable.all()


def test_sources_names_who_proposed_a_pair(block: Candidates) -> None:
    assert all(block.sources().to_pylist())
    for at, names in enumerate(block.sources().to_pylist()):
        assert names == [name for name in block.scores if block.proposed[name][at]]


def test_ranks_are_those_of_the_scores_within_the_user_and_equal_scores_share_one(block: Candidates) -> None:
    ties = 0
    for name, scores in block.scores.items():
        for user in everyone(block.snapshot):
            own = block.user == user
            for score, rank in zip(scores[own], block.ranks[name][own], strict=True):
                expected = 1 + np.sum(scores[own].astype(np.float32) > np.float32(score)) if score > 0 else np.nan
                np.testing.assert_equal(rank, expected, err_msg=name)
            known = block.ranks[name][own & (scores > 0)]
            ties += len(known) - len(np.unique(known))
    assert ties > 50
    assert block.ranks.keys() == {*block.scores, *RANKED}


def test_a_users_own_pairs_are_ranked_from_the_latest(snapshot: Snapshot, some: RecommenderSettings) -> None:
    (block,) = propose(snapshot, everyone(snapshot), some, "for_you")
    last, ranks = block.pair_values("last_date"), block.ranks["pair_recency"]
    assert (np.isnan(last) == np.isnan(ranks)).all()
    for user in everyone(snapshot):
        own = (block.user == user) & ~np.isnan(last)
        assert ranks[own].tolist() == [1 + np.sum(last[own] > day) for day in last[own]]


def test_where_nothing_is_to_be_repeated_there_is_nothing_to_rank_by(
    snapshot: Snapshot, some: RecommenderSettings
) -> None:
    (block,) = propose(snapshot, everyone(snapshot), some, "discover")
    for name in RANKED:
        assert np.isnan(block.ranks[name]).all(), name
    assert (block.pair == -1).all()


def test_pair_finds_what_the_user_did_with_the_item(block: Candidates) -> None:
    known = {
        (int(user), int(item)): at
        for at, (user, item) in enumerate(zip(block.snapshot.pair_user, block.snapshot.pair_item, strict=True))
    }
    expected = [known.get((int(user), int(item)), -1) for user, item in zip(block.user, block.item, strict=True)]
    assert block.pair.tolist() == expected
    assert {at >= 0 for at in expected} == ({True, False} if block.surface == "for_you" else {False})
    events = block.snapshot.pairs["events"]
    assert block.pair_values("events", -5).tolist() == [events[at] if at >= 0 else -5 for at in expected]


@pytest.mark.parametrize("size", [1, 7, 20])
def test_rule_3_blocks_of_users_give_what_one_block_gives(
    snapshot: Snapshot, some: RecommenderSettings, block: Candidates, size: int
) -> None:
    parts = list(propose(snapshot, everyone(snapshot), with_caps(some, user_block=size), block.surface))
    assert len(parts) == -(-snapshot.shape[0] // size)
    for of in ("user", "item", "features"):
        assert np.concatenate([getattr(part, of) for part in parts]).tobytes() == getattr(block, of).tobytes()
    for of in ("scores", "ranks", "proposed"):
        whole = getattr(block, of)
        assert all(getattr(part, of).keys() == whole.keys() for part in parts)
        for name in whole:
            assert np.concatenate([getattr(part, of)[name] for part in parts]).tobytes() == whole[name].tobytes(), name


def test_take_keeps_the_chosen_pairs_with_the_ranks_they_had_among_all(block: Candidates) -> None:
    second = np.flatnonzero(block.ranks["popularity_28d"] == 2)
    mask = np.isin(np.arange(len(block.user)), second)
    chosen = np.array([4, 0, 9, *second])
    part = block.take(chosen)
    assert set(part.ranks["popularity_28d"][3:]) == {2}
    assert part.item.tolist() == block.item[chosen].tolist()
    np.testing.assert_array_equal(part.features, block.features[chosen])
    np.testing.assert_array_equal(block.take(mask).features, block.features[second])
    assert part.sources() == block.sources().take(chosen)
    copied = {"user", "row", "item", "pair", "scores", "ranks", "proposed"}
    assert copied == {field.name for field in fields(part)} - {"snapshot", "block", "surface", "_matrices"}
    assert (part.snapshot, part.block, part.surface) == (block.snapshot, block.block, block.surface)


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_a_cap_of_0_switches_a_source_off_but_not_the_one_that_fills_up(
    snapshot: Snapshot, some: RecommenderSettings, name: str
) -> None:
    without = with_caps(some, **{name: 0})
    (candidates,) = propose(snapshot, everyone(snapshot), without, "for_you")
    assert set(candidates.scores) == (set(SOURCE_NAMES) if name == FILLER else set(SOURCE_NAMES) - {name})
    assert candidates.features.shape[0] == len(candidates.user)
    (alone,) = propose(snapshot, everyone(snapshot), with_caps(some, **dict.fromkeys(SOURCE_NAMES, 0)), "for_you")
    assert list(alone.scores) == [FILLER]
    assert np.bincount(alone.user).tolist() == [LIST_SIZE] * snapshot.shape[0]


@pytest.mark.parametrize(
    ("surface", "share", "size", "own", "filler"),
    [
        ("for_you", 0.5, 5, 50, 25),
        ("for_you", 0.5, 50, 50, 50),
        ("for_you", 0.333, 5, 34, 17),
        ("for_you", 1.0, 90, 100, 90),
        ("discover", 0.5, 5, None, 50),
    ],
)
def test_for_you_takes_a_share_of_each_cap_and_the_filler_proposes_a_list_at_least(
    settings_with: Callable[..., RecommenderSettings],
    surface: str,
    share: float,
    size: int,
    own: int | None,
    filler: int,
) -> None:
    using = settings_with(publication={"list_size": size}, candidates={"for_you_share": share})
    found = {source.name: number for source, number in caps(using, surface).items()}
    assert (found.get("own_history"), found[FILLER]) == (own, filler)
    of_all = using.candidates.model_dump(include=set(found))
    taken = share if surface == "for_you" else 1
    assert found == {name: ceil(cap * taken) for name, cap in of_all.items()} | {FILLER: filler}


def test_own_history_has_no_say_where_nothing_is_repeated(settings_with: Callable[..., RecommenderSettings]) -> None:
    names = {surface: {source.name for source in caps(settings_with(), surface)} for surface in SURFACES}
    assert names["for_you"] - names["discover"] == {"own_history"}
    assert names["for_you"] == set(SOURCE_NAMES)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 250),
    items=st.integers(1, 25),
    cap=st.sampled_from([0, 2, 10]),
    types=st.sampled_from([[], ["like"], ["buy"]]),
)
def test_discover_never_shows_what_a_user_touched_in_any_way_and_fills_the_list_where_it_can(
    tmp_path: Path, quality_settings: object, seed: int, count: int, items: int, cap: int, types: list[str]
) -> None:
    using = RecommenderSettings(
        business={"positive_event_types": types},  # type: ignore[arg-type]
        candidates=dict.fromkeys(SOURCE_NAMES, cap),  # type: ignore[arg-type]
        publication={"list_size": 4},  # type: ignore[arg-type]
    )
    snapshot = snapshot_from(tmp_path, random_events(seed, count, 8, items, 60), random_catalogue(items), using)
    touched, shown = touched_pairs(snapshot), set(np.flatnonzero(snapshot.recommendable).tolist())
    found: dict[str, set[tuple[int, int]]] = {surface: set() for surface in SURFACES}
    for surface in SURFACES:
        for candidates in propose(snapshot, everyone(snapshot), using, surface):
            found[surface] |= keys_of(candidates)
            assert np.isfinite(candidates.features[~np.isnan(candidates.features)]).all()
    assert not found["discover"] & touched
    for user in everyone(snapshot).tolist():
        new = shown - {item for of, item in touched if of == user}
        assert sum(of == user for of, _ in found["discover"]) >= min(4, len(new))
        assert sum(of == user for of, _ in found["for_you"]) >= min(4, len(shown))


def test_for_you_shows_again_what_a_user_touched(snapshot: Snapshot, some: RecommenderSettings) -> None:
    (candidates,) = propose(snapshot, everyone(snapshot), some, "for_you")
    assert len(keys_of(candidates) & touched_pairs(snapshot)) > snapshot.shape[0]


def test_a_user_without_likes_is_proposed_what_is_popular(tmp_path: Path, some: RecommenderSettings) -> None:
    snapshot = snapshot_from(tmp_path, [*EVENTS, event("viewer", "i001", 1)], ITEMS, some)
    for surface in SURFACES:
        (candidates,) = propose(snapshot, np.flatnonzero(snapshot.user_ids == "viewer"), some, surface)
        common = {source.name for source in SOURCES if source.common}
        assert {name for names in candidates.sources().to_pylist() for name in names} <= common
        assert len(candidates.user) >= LIST_SIZE
        assert ("i001" in snapshot.item_ids[candidates.item]) is (surface == "for_you")


def test_a_blocked_item_is_proposed_to_nobody(snapshot: Snapshot, some: RecommenderSettings) -> None:
    for surface in SURFACES:
        (before,) = propose(snapshot, everyone(snapshot), some, surface)
        blocked = str(snapshot.item_ids[before.item[np.argmax(before.scores["popularity_28d"])]])
        served = snapshot.without([blocked])
        (candidates,) = propose(served, everyone(served), some, surface)
        assert blocked not in set(served.item_ids[candidates.item])
        assert np.nanmin(candidates.ranks["popularity_28d"]) == 1


def test_no_users_give_no_blocks_and_an_empty_block(snapshot: Snapshot, some: RecommenderSettings) -> None:
    nobody = np.zeros(0, np.int64)
    for surface in SURFACES:
        assert list(propose(snapshot, nobody, some, surface)) == []
        assert propose_block(snapshot, nobody, some, surface).features.shape[0] == 0


@pytest.mark.parametrize("surface", SURFACES)
def test_nothing_to_show_gives_no_candidates(tmp_path: Path, some: RecommenderSettings, surface: str) -> None:
    snapshot = snapshot_from(tmp_path, [event("u", "gone", 2)], catalogue(["gone"], is_active=False), some)
    (candidates,) = propose(snapshot, everyone(snapshot), some, surface)
    assert (len(candidates.user), len(candidates.sources())) == (0, 0)


def test_ordered_goes_by_score_then_by_position_and_keeps_to_the_mask() -> None:
    scores = np.array([1.0, 3.0, 1.0, 0.0, 2.0])
    assert ordered(scores, np.ones(5, bool)).tolist() == [1, 4, 0, 2, 3]
    assert ordered(scores, np.array([True, False, True, True, False])).tolist() == [0, 2, 3]
