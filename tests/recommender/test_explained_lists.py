"""Why the items of a few lists stand where they do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from include.recommender.candidates import propose_block
from include.recommender.contenders import baseline, contender_from
from include.recommender.contributions import BASE, contributions_to
from include.recommender.drafts import lists_of
from include.recommender.explained_lists import FEATURES_PER_ROW, explained_lists, positions_of, sampled_users
from include.recommender.features import FEATURE_NAMES
from include.recommender.lists import top_block
from include.recommender.tables import LIST_EXPLANATIONS
from tests.recommender.small_rankers import FEW, ranker_on
from tests.recommender.small_world import DAY, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from include.recommender.contenders import Contender
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

SURFACE, SIZE, SAMPLED = "for_you", 6, 3


@pytest.fixture
def small(settings_with: Any) -> RecommenderSettings:
    return settings_with(publication={"list_size": SIZE}, explanations={"sampled_users": SAMPLED})


@pytest.fixture
def snapshot(small: RecommenderSettings, tmp_path: Path) -> Snapshot:
    return snapshot_from(tmp_path, random_events(9, 200, 8, 20, 40), random_catalogue(20), small)


@pytest.fixture
def ranked(snapshot: Snapshot, small: RecommenderSettings) -> Contender:
    return contender_from("recommender_for_you/1", ranker_on(snapshot, small), small)


def everybody(snapshot: Snapshot) -> np.ndarray:
    return np.arange(snapshot.shape[0])


def explained(snapshot: Snapshot, contender: Contender, settings: RecommenderSettings) -> list[dict[str, Any]]:
    return explained_lists(snapshot, everybody(snapshot), contender, SURFACE, 1, settings).to_pylist()


def test_every_row_of_the_sampled_lists_has_its_base_and_what_moved_it(
    snapshot: Snapshot, ranked: Contender, small: RecommenderSettings
) -> None:
    rows = explained(snapshot, ranked, small)
    sample = snapshot.user_ids[sampled_users(snapshot, everybody(snapshot), SURFACE, SAMPLED)]
    expected = {(user, rank): len(FEW) + 1 for user in sample for rank in range(1, SIZE + 1)}
    assert Counter((row["user_id"], row["rank"]) for row in rows) == expected
    assert sum(row["feature"] == BASE for row in rows) == SAMPLED * SIZE
    assert {(row["as_of_date"], row["shard"], row["surface"]) for row in rows} == {(DAY, 1, SURFACE)}


def test_rule_8_what_is_explained_is_what_is_published(
    snapshot: Snapshot, ranked: Contender, small: RecommenderSettings
) -> None:
    lists = lists_of(snapshot, {SURFACE: ranked}, SIZE, everybody(snapshot), 0, everybody=False).to_pylist()
    published = {(row["user_id"], row["rank"]): (row["item_id"], row["score"]) for row in lists}
    rows = explained(snapshot, ranked, small)
    assert {published[row["user_id"], row["rank"]] == (row["item_id"], row["score"]) for row in rows} == {True}


def test_the_contributions_sum_up_to_the_score_where_few_features_count(
    snapshot: Snapshot, ranked: Contender, small: RecommenderSettings
) -> None:
    """The ranker looks at no more features than are kept, so none that moves a score is left out."""
    assert len(FEW) <= FEATURES_PER_ROW
    rows = explained(snapshot, ranked, small)
    sums: Counter[tuple[str, int]] = Counter()
    for row in rows:
        sums[row["user_id"], row["rank"]] += row["contribution"]
    scores = {(row["user_id"], row["rank"]): row["score"] for row in rows}
    assert len(set(scores.values())) > 1
    assert sums == pytest.approx(scores, rel=1e-4, abs=1e-3)


def test_of_many_features_those_that_moved_a_score_most_are_kept(
    snapshot: Snapshot, small: RecommenderSettings
) -> None:
    many = ranker_on(snapshot, small, names=FEATURE_NAMES)
    candidates = propose_block(snapshot, everybody(snapshot), small, SURFACE)
    contender = contender_from("recommender_for_you/1", many, small)
    whole = contributions_to(candidates, np.arange(len(candidates.user)), many)
    place = {
        (snapshot.user_ids[user], snapshot.item_ids[item]): at
        for at, (user, item) in enumerate(zip(candidates.user, candidates.item, strict=True))
    }
    rows = explained(snapshot, contender, small)
    assert len(rows) == SAMPLED * SIZE * (FEATURES_PER_ROW + 1)
    for row in (row for row in rows if row["feature"] != BASE):
        added = whole.added[place[row["user_id"], row["item_id"]]]
        assert abs(row["contribution"]) >= np.sort(np.abs(added))[-FEATURES_PER_ROW] - 1e-6
        assert row["contribution"] == pytest.approx(added[FEATURE_NAMES.index(row["feature"])], abs=1e-6)


def test_a_missing_value_is_null(snapshot: Snapshot, ranked: Contender, small: RecommenderSettings) -> None:
    assert {row["value"] for row in explained(snapshot, ranked, small) if row["feature"] == BASE} == {None}


def test_a_list_that_a_rule_made_has_no_contributions(snapshot: Snapshot, small: RecommenderSettings) -> None:
    found = explained_lists(snapshot, everybody(snapshot), baseline("own_history", small), SURFACE, 0, small)
    assert (found.num_rows, found.schema) == (0, LIST_EXPLANATIONS.schema)


def test_nobody_is_sampled_where_the_settings_say_so(snapshot: Snapshot, ranked: Contender, settings_with: Any) -> None:
    found = explained_lists(
        snapshot, everybody(snapshot), ranked, SURFACE, 0, settings_with(explanations={"sampled_users": 0})
    )
    assert (found.num_rows, found.schema) == (0, LIST_EXPLANATIONS.schema)


def test_the_sample_keeps_its_users_when_others_come_or_go(snapshot: Snapshot) -> None:
    users = everybody(snapshot)
    chosen = sampled_users(snapshot, users, SURFACE, SAMPLED)
    others = np.setdiff1d(users, chosen)
    assert list(sampled_users(snapshot, np.union1d(chosen, others[:1]), SURFACE, SAMPLED)) == list(chosen)
    left = sampled_users(snapshot, users[users != chosen[0]], SURFACE, SAMPLED)
    assert set(chosen[1:]) < set(left)


def test_surfaces_have_samples_of_their_own_and_small_ones_are_taken_whole(snapshot: Snapshot) -> None:
    users = everybody(snapshot)
    assert list(sampled_users(snapshot, users, SURFACE, 100)) == list(users)
    samples = {tuple(sampled_users(snapshot, users, surface, 4)) for surface in (SURFACE, "discover")}
    assert len(samples) == 2


def test_listed_items_are_found_among_their_candidates(
    snapshot: Snapshot, ranked: Contender, small: RecommenderSettings
) -> None:
    candidates = propose_block(snapshot, np.array([1, 4]), small, SURFACE)
    lists = top_block(candidates, ranked.scorer(candidates), SIZE)
    at = positions_of(candidates, lists)
    assert list(candidates.user[at]) == list(lists.user)
    assert list(candidates.item[at]) == list(lists.item)
