"""What each candidate source brings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from include.recommender.candidates import Candidates, propose
from include.recommender.source_report import CANDIDATES, SourceReport, idle_sources, source_row
from include.recommender.training_set import Targets, targets_of
from tests.recommender.small_world import catalogue, event, random_catalogue, random_events, snapshot_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot

# Who proposes each of the pairs (user, item) below.
PAIRS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 3)]
OWN = [True, True, False, False, False]
RISING = [False, True, True, True, True]


@pytest.fixture
def snapshot(tmp_path: Path, settings: RecommenderSettings) -> Snapshot:
    events = [event(user, item, 5) for user in ("ann", "bob") for item in "abcd"]
    return snapshot_from(tmp_path, events, catalogue("abcd"), settings)


@pytest.fixture
def candidates(snapshot: Snapshot) -> Candidates:
    user, item = np.array(PAIRS).T
    none = np.full(len(PAIRS), -1)
    return Candidates(
        snapshot,
        snapshot,
        "for_you",
        user,
        user,
        item,
        none,
        {},
        {},
        {"own_history": np.array(OWN), "rising": np.array(RISING)},
    )


def targets(pairs: list[tuple[int, int]], wanted: list[int]) -> Targets:
    """Of ann and bob, who wanted so many items in all; those of `pairs` are in the catalogue of four."""
    keys = np.array(sorted(user * 4 + item for user, item in pairs), np.int64)
    return Targets(keys, np.array([0, 1]), np.array(wanted))


def report(candidates: Candidates, wanted: Targets) -> dict[tuple[str, str], float]:
    found = SourceReport()
    found.start(wanted)
    found.add(candidates, wanted)
    return {(name, metric): value for name, metric, value in found.rows()}


def test_recall_is_over_all_that_was_wanted_and_alone_what_nobody_else_proposed(candidates: Candidates) -> None:
    """Ann wanted items 0 and 1, bob 0 and 3, and each something nobody could propose: six in all."""
    found = report(candidates, targets([(0, 0), (0, 1), (1, 0), (1, 3)], [3, 3]))
    assert found == pytest.approx(
        {
            (CANDIDATES, "candidate_recall"): 4 / 6,
            (CANDIDATES, "candidates_per_user"): 5 / 2,
            ("source:own_history", "candidate_recall"): 2 / 6,
            ("source:own_history", "candidates_per_user"): 2 / 2,
            ("source:own_history", "candidate_recall_alone"): 1 / 6,
            ("source:rising", "candidate_recall"): 3 / 6,
            ("source:rising", "candidates_per_user"): 4 / 2,
            ("source:rising", "candidate_recall_alone"): 2 / 6,
        }
    )


def test_what_nobody_proposed_is_found_by_nobody(candidates: Candidates) -> None:
    found = report(candidates, targets([(1, 1), (1, 2)], [1, 2]))
    assert {value for (_, metric), value in found.items() if "recall" in metric} == {0.0}


def test_weeks_add_up(candidates: Candidates) -> None:
    one, other = targets([(0, 0)], [1, 1]), targets([(1, 3)], [4, 4])
    both = SourceReport()
    for week in (one, other):
        both.start(week)
        both.add(candidates, week)
    found = {(name, metric): value for name, metric, value in both.rows()}
    assert found[CANDIDATES, "candidate_recall"] == 2 / 10
    assert found[CANDIDATES, "candidates_per_user"] == 10 / 4
    assert found[source_row("rising"), "candidate_recall_alone"] == 1 / 10


def test_a_report_of_nothing_has_no_rows() -> None:
    assert list(SourceReport().rows()) == []


def test_rule_3_blocks_of_users_do_not_change_the_report(
    tmp_path: Path, settings_with: Callable[..., RecommenderSettings]
) -> None:
    found = []
    for size in (3, 512):
        settings = settings_with(candidates={"user_block": size, "popularity_28d": 5}, publication={"list_size": 5})
        snapshot = snapshot_from(tmp_path, random_events(5, 200, 10, 20, 50), random_catalogue(20), settings)
        users = [str(user) for user in snapshot.user_ids for _ in range(4)]
        items = [f"i{(3 * at) % 20:03d}" for at in range(len(users))]
        wanted = targets_of(snapshot, pa.table({"user_id": users, "item_id": items}), "for_you")
        one = SourceReport()
        one.start(wanted)
        for block in propose(snapshot, wanted.users, settings, "for_you"):
            one.add(block, wanted)
        found.append(one)
    assert found[0] == found[1]
    assert 0 < found[0].found[CANDIDATES] < found[0].wanted
    for name, proposed in found[0].proposed.items():
        assert found[0].alone[name] <= found[0].found[name] <= min(proposed, found[0].found[CANDIDATES])
    # What only one source found is found once: leaving any source out loses at least that.
    assert sum(found[0].alone.values()) <= found[0].found[CANDIDATES]


def test_a_source_alone_loses_its_finds_where_another_proposes_the_same(candidates: Candidates) -> None:
    wanted = targets([(0, 0)], [1, 1])
    assert report(candidates, wanted)["source:own_history", "candidate_recall_alone"] == 0.5
    both = replace(candidates, proposed={**candidates.proposed, "ease_10d": np.ones(len(PAIRS), bool)})
    assert report(both, wanted)["source:own_history", "candidate_recall_alone"] == 0


def test_a_source_is_idle_where_nobody_wanted_what_it_proposed(candidates: Candidates) -> None:
    """Bob's item 3 comes from `rising`, the other two sources find nothing; metrics of contenders do not matter."""
    nothing = replace(candidates, proposed={**candidates.proposed, "ease_10d": np.zeros(len(PAIRS), bool)})
    measured = report(nothing, targets([(1, 3)], [1, 1]))
    rows = [{"contender": name, "metric": metric, "mean": value} for (name, metric), value in measured.items()]
    rows.append({"contender": "challenger", "metric": "ndcg@10", "mean": 0.0})
    assert idle_sources(pa.Table.from_pylist(rows)) == ["own_history", "ease_10d"]
    assert idle_sources(pa.Table.from_pylist(rows[:0], schema=pa.Table.from_pylist(rows).schema)) == []


def test_candidates_that_found_nothing_are_no_idle_source(candidates: Candidates) -> None:
    measured = report(candidates, targets([], [1, 1]))
    rows = [{"contender": name, "metric": metric, "mean": value} for (name, metric), value in measured.items()]
    assert idle_sources(pa.Table.from_pylist(rows)) == ["own_history", "rising"]
