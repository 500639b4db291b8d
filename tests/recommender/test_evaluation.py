"""Contenders compared on the holdout: the same users, the same week, each with its own candidates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from include.recommender.baselines import BASELINES
from include.recommender.contenders import Contender, baseline
from include.recommender.evaluation import CHALLENGER, CHAMPION, evaluate_contenders, evidence_from
from include.recommender.metrics import PER_USER
from include.retraining.content_hash import content_hash
from include.retraining.errors import TrainingDataError
from include.retraining.promotion.paired_bootstrap import bootstrap_mean
from include.retraining.tables import EVALUATION_RESULTS
from tests.recommender.small_world import DAY, catalogue, event, random_catalogue, random_events, warehouse_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings

    Evaluate = Callable[..., dict[tuple[str, str, str], dict[str, Any]]]

HOLDOUT = 7
EVENTS = random_events(seed=51, count=700, users=25, items=30, days=60)


def item_order(candidates: Candidates) -> np.ndarray:
    return -candidates.item.astype(float)


@pytest.fixture
def quick(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(promotion={"bootstrap_samples": 100})


@pytest.fixture
def contenders(quick: RecommenderSettings) -> dict[str, Contender]:
    return {name: baseline(name, quick) for name in BASELINES} | {CHALLENGER: Contender("it/2", item_order, quick)}


@pytest.fixture
def run(tmp_path: Path, quick: RecommenderSettings) -> Callable[..., pa.Table]:
    def evaluate(contenders: dict[str, Contender], events: Any = EVENTS, items: Any = None) -> pa.Table:
        warehouse = warehouse_of(tmp_path, events, items or random_catalogue(30))
        return evaluate_contenders(warehouse, quick, DAY, "for_you", contenders)

    return evaluate


def indexed(results: pa.Table) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(row["contender"], row["versus"], row["metric"]): row for row in results.to_pylist()}


def test_every_contender_has_every_metric_and_the_challenger_its_differences(
    run: Callable[..., pa.Table], contenders: dict[str, Contender]
) -> None:
    results = run(contenders | {CHAMPION: Contender("it/1", item_order, contenders[CHALLENGER].settings)})
    assert results.schema.equals(EVALUATION_RESULTS.schema)
    rows = indexed(results)
    plain = {(name, "", metric) for name in (*contenders, CHAMPION) for metric in PER_USER}
    overall = {(name, "", metric) for name in (*contenders, CHAMPION) for metric in ("coverage@20", "novelty@20")}
    paired = {(CHALLENGER, versus, metric) for versus in (*BASELINES, CHAMPION) for metric in PER_USER}
    assert rows.keys() == plain | overall | paired
    assert rows[CHAMPION, "", "ndcg@10"]["model_version"] == "it/1"
    assert rows[CHALLENGER, CHAMPION, "ndcg@10"]["model_version"] == "it/2"
    assert {row["mean"] for key, row in rows.items() if key[1] == CHAMPION} == {0.0}
    assert len({row["users"] for row in rows.values()}) == 1


def test_metrics_are_those_of_the_lists_a_week_ago_against_what_users_then_wanted(
    run: Callable[..., pa.Table], contenders: dict[str, Contender]
) -> None:
    history = [row for row in EVENTS if (DAY - row["event_date"]).days > HOLDOUT]
    history = [row for row in history if (DAY - row["arrival_date"]).days >= HOLDOUT]
    week = [row for row in EVENTS if (DAY - row["event_date"]).days <= HOLDOUT and row["arrival_date"] <= DAY]
    known = {row["user_id"] for row in history}
    wanted: dict[str, set[str]] = {}
    for row in week:
        if row["user_id"] in known:
            wanted.setdefault(row["user_id"], set()).add(row["item_id"])
    active = {row["item_id"] for row in random_catalogue(30) if row["is_active"]}
    shown = sorted(active & {row["item_id"] for row in history})[:20]  # item_order, the same list for everyone
    recalls = np.array([len(items.intersection(shown)) / len(items) for _, items in sorted(wanted.items())])
    row = indexed(run(contenders))[CHALLENGER, "", "recall@20"]
    expected = bootstrap_mean(recalls, 100, 20240501)
    assert row["users"] == len(wanted) > 10
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((expected.mean, expected.low, expected.high))


def test_differences_are_paired_by_user(run: Callable[..., pa.Table], contenders: dict[str, Contender]) -> None:
    rows = indexed(run(contenders))
    for name in BASELINES:
        for metric in PER_USER:
            gain = rows[CHALLENGER, "", metric]["mean"] - rows[name, "", metric]["mean"]
            assert rows[CHALLENGER, name, metric]["mean"] == pytest.approx(gain)
            row = rows[CHALLENGER, name, metric]
            assert row["low"] <= row["mean"] <= row["high"]


def test_a_champion_with_other_candidate_settings_is_scored_with_its_own(
    run: Callable[..., pa.Table], contenders: dict[str, Contender], settings_with: Callable[..., RecommenderSettings]
) -> None:
    asked: list[RecommenderSettings] = []
    narrow = settings_with(
        candidates={"own_history": 1, "similar_items": 1, "popularity": 20}, features={"history_days": 63},
        promotion={"bootstrap_samples": 100},
    )  # fmt: skip

    def scorer(candidates: Candidates) -> np.ndarray:
        asked.append(narrow)
        for source, limit in (("own_history", 1), ("similar_items", 1), ("popularity_28d", 20)):
            assert np.nanmax(candidates.ranks[source]) <= limit
        return item_order(candidates)

    rows = indexed(run(contenders | {CHAMPION: Contender("it/1", scorer, narrow)}))
    alone = indexed(run({CHAMPION: Contender("it/1", scorer, narrow)}))
    assert asked
    for metric in PER_USER:
        assert rows[CHAMPION, "", metric] == alone[CHAMPION, "", metric]
    assert rows[CHAMPION, "", "recall@20"]["mean"] != rows[CHALLENGER, "", "recall@20"]["mean"]


def test_a_champion_of_a_shorter_history_is_compared_on_the_users_both_know(
    run: Callable[..., pa.Table], contenders: dict[str, Contender], settings_with: Callable[..., RecommenderSettings]
) -> None:
    old = [event("old friend", "i001", 100), event("old friend", "i002", 3)]
    short = settings_with(features={"history_days": 63}, promotion={"bootstrap_samples": 100})
    rows = indexed(run(contenders | {CHAMPION: Contender("it/1", item_order, short)}, EVENTS + old))
    champion, challenger = rows[CHAMPION, "", "ndcg@10"]["users"], rows[CHALLENGER, "", "ndcg@10"]["users"]
    assert challenger == champion + 1
    assert rows[CHALLENGER, CHAMPION, "ndcg@10"]["users"] == champion


def test_rule_3_a_rerun_gives_the_same_results(run: Callable[..., pa.Table], contenders: dict[str, Contender]) -> None:
    first, again = (content_hash(EVALUATION_RESULTS, run(contenders)) for _ in range(2))
    assert first == again


def test_a_holdout_without_known_users_is_refused(
    run: Callable[..., pa.Table], contenders: dict[str, Contender]
) -> None:
    events = [event("known", "i001", 20), event("new", "i001", 3)]
    with pytest.raises(TrainingDataError, match="known users with positive events"):
        run(contenders, events)


def test_evidence_takes_the_best_baseline_and_both_comparisons(
    run: Callable[..., pa.Table], contenders: dict[str, Contender], quick: RecommenderSettings
) -> None:
    champion = Contender("it/1", item_order, quick)
    results = run(contenders | {CHAMPION: champion})
    rows = indexed(results)
    evidence = evidence_from(results, quick.promotion)
    best = max(BASELINES, key=lambda name: rows[name, "", "ndcg@10"]["mean"])
    assert evidence.best_baseline == best
    assert evidence.over_baseline.mean == rows[CHALLENGER, best, "ndcg@10"]["mean"]
    assert evidence.over_champion is not None
    assert evidence.over_champion.mean == 0
    assert evidence.coverage == {name: rows[name, "", "coverage@20"]["mean"] for name in (*contenders, CHAMPION)}


def test_evidence_follows_the_metric_of_the_policy_and_needs_no_champion(
    run: Callable[..., pa.Table], contenders: dict[str, Contender], quick: RecommenderSettings
) -> None:
    results = run(contenders)
    policy = quick.promotion.model_copy(update={"metric": "map@10"})
    evidence = evidence_from(results, policy)
    assert evidence.over_champion is None
    rows = indexed(results)
    assert evidence.over_baseline.mean == rows[CHALLENGER, evidence.best_baseline, "map@10"]["mean"]


def test_coverage_and_novelty_of_known_lists(run: Callable[..., pa.Table], quick: RecommenderSettings) -> None:
    events = [event(user, item, 20) for user, item in (("u", "a"), ("v", "a"), ("v", "b"))]
    events += [event(user, "b", 2) for user in "uv"]
    rows = indexed(run({CHALLENGER: Contender("it/1", item_order, quick)}, events, catalogue(["a", "b", "unseen"])))
    assert rows[CHALLENGER, "", "coverage@20"]["mean"] == 1
    assert rows[CHALLENGER, "", "novelty@20"]["mean"] == pytest.approx((0 - math.log2(2 / 3)) / 2)
