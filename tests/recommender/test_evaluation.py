"""Contenders compared on past weeks: the same users, each with its own candidates, nobody on what it learnt from."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from include.recommender.baselines import baselines_of
from include.recommender.contenders import Contender, baseline
from include.recommender.evaluation import (
    CHALLENGER,
    CHAMPION,
    FOR_EVERYBODY,
    Results,
    Week,
    evaluate_weeks,
    evaluation_weeks,
    per_user_of,
)
from include.recommender.lists import top_lists
from include.recommender.metrics import DEPTH, PER_USER
from include.recommender.past_date import PastDate
from include.recommender.source_report import CANDIDATES
from include.recommender.statistics import targets_between
from include.recommender.training_set import targets_of
from include.retraining.errors import TrainingDataError
from tests.recommender.small_world import DAY, catalogue, days_ago, event, random_catalogue, random_events, warehouse_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings

    Evaluate = Callable[..., Results]

EVENTS = random_events(seed=51, count=700, users=25, items=30, days=60)
HOLDOUT, BEFORE = days_ago(7), days_ago(14)


def item_order(candidates: Candidates) -> np.ndarray:
    return -candidates.item.astype(float)


def reverse_order(candidates: Candidates) -> np.ndarray:
    return candidates.item.astype(float)


@pytest.fixture
def quick(settings_with: Callable[..., RecommenderSettings]) -> RecommenderSettings:
    return settings_with(training={"threads": 1})


@pytest.fixture
def contenders(quick: RecommenderSettings) -> dict[str, Contender]:
    rules = {name: baseline(name, quick) for name in baselines_of("for_you")}
    return rules | {CHALLENGER: Contender("it/2", item_order, quick)}


@pytest.fixture
def run(tmp_path: Path, quick: RecommenderSettings) -> Evaluate:
    def evaluate(
        *weeks: Week, events: Any = EVENTS, items: Any = None, surface: str = "for_you", **settings: Any
    ) -> Results:
        warehouse = warehouse_of(tmp_path, events, items or random_catalogue(30))
        return evaluate_weeks(warehouse, settings.get("settings", quick), DAY, surface, weeks)

    return evaluate


def challenge(settings: RecommenderSettings, scorer: Callable[[Candidates], np.ndarray] = item_order) -> Any:
    return {CHALLENGER: Contender("it/2", scorer, settings)}


def assert_same(left: Results, right: Results) -> None:
    assert left.per_user.keys() == right.per_user.keys()
    for name, weeks in left.per_user.items():
        assert weeks.keys() == right.per_user[name].keys()
        for first, frame in weeks.items():
            pd.testing.assert_frame_equal(frame, right.per_user[name][first], check_exact=True)
    assert left.overall == right.overall
    assert left.sources == right.sources


def test_the_evaluated_weeks_lie_back_to_back_and_end_on_the_date(
    settings_with: Callable[..., RecommenderSettings],
) -> None:
    assert evaluation_weeks(DAY, settings_with()) == [days_ago(7), days_ago(14), days_ago(21)]
    other = settings_with(evaluation={"weeks": 2}, training={"holdout_days": 5})
    assert evaluation_weeks(DAY, other) == [days_ago(5), days_ago(10)]


def test_everybody_is_measured_on_the_same_users_by_every_metric(
    run: Evaluate, contenders: dict[str, Contender], quick: RecommenderSettings
) -> None:
    results = run(Week(HOLDOUT, contenders | {CHAMPION: Contender("it/1", item_order, quick)}))
    users = results.per_user[CHALLENGER][HOLDOUT].index.tolist()
    assert len(users) > 10
    assert results.per_user.keys() - {FOR_EVERYBODY} == {*contenders, CHAMPION}
    for name in (*contenders, CHAMPION):
        frame = results.per_user[name][HOLDOUT]
        assert frame.columns.tolist() == list(PER_USER)
        assert frame.index.tolist() == users
        assert results.overall[name][HOLDOUT].keys() == {"coverage@20", "novelty@20"}
    assert results.segments[HOLDOUT].index.tolist() == users
    same = results.per_user[CHAMPION][HOLDOUT], results.per_user[CHALLENGER][HOLDOUT]
    pd.testing.assert_frame_equal(*same, check_exact=True)


def recalls_by_hand(first: date, places: int = 20) -> dict[str, float]:
    """Recall@20 of users known when a week began, of lists in the order of the item ids, from the raw events."""
    end = first + timedelta(days=7)
    history = [row for row in EVENTS if row["event_date"] < first and row["arrival_date"] <= first]
    week = [row for row in EVENTS if first <= row["event_date"] < end and row["arrival_date"] <= DAY]
    known = {row["user_id"] for row in history}
    wanted: dict[str, set[str]] = {}
    for row in week:
        if row["user_id"] in known:
            wanted.setdefault(row["user_id"], set()).add(row["item_id"])
    active = {row["item_id"] for row in random_catalogue(30) if row["is_active"]}
    shown = sorted(active & {row["item_id"] for row in history})[:places]  # the same list for everyone
    return {user: len(items.intersection(shown)) / len(items) for user, items in wanted.items()}


def test_rule_2_lists_are_those_of_the_day_a_week_began_against_what_users_then_wanted(
    run: Evaluate, quick: RecommenderSettings
) -> None:
    results = run(*(Week(first, challenge(quick)) for first in (HOLDOUT, BEFORE)))
    for first in (HOLDOUT, BEFORE):
        assert results.per_user[CHALLENGER][first]["recall@20"].to_dict() == pytest.approx(recalls_by_hand(first))
    assert recalls_by_hand(HOLDOUT) != recalls_by_hand(BEFORE)


@pytest.mark.parametrize(("list_size", "measured"), [(3, 3), (40, 20)])
def test_places_that_would_not_be_published_are_not_measured(
    run: Evaluate, settings_with: Callable[..., RecommenderSettings], list_size: int, measured: int
) -> None:
    own = settings_with(training={"threads": 1}, publication={"list_size": list_size})
    results = run(Week(HOLDOUT, challenge(own)), settings=own)
    recalls = results.per_user[CHALLENGER][HOLDOUT]["recall@20"].to_dict()
    assert recalls == pytest.approx(recalls_by_hand(HOLDOUT, measured))


def test_rule_2_what_arrives_after_the_date_of_the_run_is_not_known(run: Evaluate, quick: RecommenderSettings) -> None:
    later = [event(f"u{user:03d}", "i000", 2, late=9) for user in range(25)]
    assert_same(run(Week(HOLDOUT, challenge(quick)), events=EVENTS + later), run(Week(HOLDOUT, challenge(quick))))


def test_each_week_has_contenders_of_its_own_as_predecessors_stand_in_for_the_challenger(
    run: Evaluate, quick: RecommenderSettings
) -> None:
    weeks = Week(HOLDOUT, challenge(quick)), Week(BEFORE, challenge(quick, reverse_order))
    both, alone = run(*weeks), [run(week) for week in weeks]
    for week, one in zip(weeks, alone, strict=True):
        found, expected = (results.per_user[CHALLENGER][week.first] for results in (both, one))
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        assert both.overall[CHALLENGER][week.first] == one.overall[CHALLENGER][week.first]
    swapped = run(Week(BEFORE, challenge(quick)))
    assert not both.per_user[CHALLENGER][BEFORE].equals(swapped.per_user[CHALLENGER][BEFORE])


def test_a_champion_that_learnt_from_a_week_is_measured_on_the_others_only(
    run: Evaluate, contenders: dict[str, Contender], quick: RecommenderSettings
) -> None:
    champion = {CHAMPION: Contender("it/1", reverse_order, quick)}
    results = run(Week(HOLDOUT, contenders | champion), Week(BEFORE, contenders))
    assert list(results.per_user[CHAMPION]) == [HOLDOUT]
    assert list(results.per_user[CHALLENGER]) == [HOLDOUT, BEFORE]


def test_a_champion_with_other_candidate_settings_is_scored_with_its_own(
    run: Evaluate, contenders: dict[str, Contender], settings_with: Callable[..., RecommenderSettings]
) -> None:
    asked: list[tuple[int, set[str]]] = []
    off = dict.fromkeys(("ease_10d", "ease_60d", "item_knn", "item_knn_recent", "last_basket", "popularity_1d"), 0)
    narrow = settings_with(candidates={**off, "own_history": 1}, features={"history_days": 77}, training={"threads": 1})

    def scorer(candidates: Candidates) -> np.ndarray:
        proposed = np.bincount(candidates.user[candidates.proposed["own_history"]])
        asked.append((int(proposed.max()), set(candidates.proposed)))
        return reverse_order(candidates)

    champion = {CHAMPION: Contender("it/1", scorer, narrow)}
    together, alone = run(Week(HOLDOUT, contenders | champion)), run(Week(HOLDOUT, champion))
    assert {most for most, _ in asked} == {1}
    assert not set(off) & set.union(*(sources for _, sources in asked))
    found, expected = (results.per_user[CHAMPION][HOLDOUT] for results in (together, alone))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_on_discover_only_what_is_new_to_a_user_counts(run: Evaluate, quick: RecommenderSettings) -> None:
    known = [event(user, item, 20) for user in ("again", "curious") for item in "ab"] + [event("other", "c", 20)]
    week = [event("again", "a", 3), event("curious", "a", 3), event("curious", "c", 3)]
    results = run(
        Week(HOLDOUT, challenge(quick)), events=known + week, items=catalogue(["a", "b", "c"]), surface="discover"
    )
    frame = results.per_user[CHALLENGER][HOLDOUT]
    assert frame.index.tolist() == ["curious"]
    assert frame.loc["curious"].to_dict() == {"ndcg@10": 1, "recall@20": 1, "hitrate@10": 1, "map@10": 1}


COLD = [
    *(event(f"friend {number}", "popular", 20) for number in range(3)),
    *(event(f"friend {number}", "second", 9) for number in range(2)),
    event("friend 0", "third", 8),
    event("friend 0", "popular", 3),
    # Two users without history want three things, one of which nobody had seen before.
    *(event("stranger", item, 3) for item in ("second", "new")),
    event("guest", "third", 2),
]


def test_the_list_for_everybody_is_measured_for_those_without_history(
    run: Evaluate, quick: RecommenderSettings
) -> None:
    """The list is popular, second, third. The second place is worth 1 / log2(3), the third 1 / log2(4)."""
    items = catalogue(["popular", "second", "third", "new"])
    frame = run(Week(HOLDOUT, challenge(quick)), events=COLD, items=items).per_user[FOR_EVERYBODY][HOLDOUT]
    second = 1 / math.log2(3)
    assert frame.loc["stranger"].to_dict() == pytest.approx(
        {"ndcg@10": second / (1 + second), "recall@20": 0.5, "hitrate@10": 1, "map@10": 0.25}
    )
    assert frame.loc["guest"].to_dict() == pytest.approx(
        {"ndcg@10": 0.5, "recall@20": 1, "hitrate@10": 1, "map@10": 1 / 3}
    )
    assert frame.index.tolist() == ["guest", "stranger"]


def test_the_list_for_everybody_is_measured_as_long_as_it_would_be_published(
    run: Evaluate, settings_with: Callable[..., RecommenderSettings]
) -> None:
    """Of popular, second, third only the first two are."""
    short = settings_with(publication={"list_size": 2})
    items = catalogue(["popular", "second", "third", "new"])
    frame = run(Week(HOLDOUT, challenge(short)), events=COLD, items=items).per_user[FOR_EVERYBODY][HOLDOUT]
    assert frame["recall@20"].to_dict() == {"guest": 0, "stranger": 0.5}


def test_a_sample_is_drawn_of_known_users_and_one_of_those_without_history(
    run: Evaluate, quick: RecommenderSettings
) -> None:
    """One known user wants something, and two strangers: who is drawn with them must not stand for her."""
    few = quick.model_copy(update={"evaluation": quick.evaluation.model_copy(update={"max_users": 1})})
    items = catalogue(["popular", "second", "third", "new"])
    results = run(Week(HOLDOUT, challenge(few)), events=COLD, items=items, settings=few)
    assert results.per_user[CHALLENGER][HOLDOUT].index.tolist() == ["friend 0"]
    assert len(results.per_user[FOR_EVERYBODY][HOLDOUT]) == 1


def test_the_list_for_everybody_is_of_the_days_that_the_run_chose(
    run: Evaluate, settings_with: Callable[..., RecommenderSettings]
) -> None:
    """In the last three days before the week, only `second` and `third` were touched, in this order of users."""
    settings = settings_with(lists={"popularity_days": [3]})
    items = catalogue(["popular", "second", "third", "new"])
    frame = run(Week(HOLDOUT, challenge(settings)), events=COLD, items=items).per_user[FOR_EVERYBODY][HOLDOUT]
    assert frame.loc["stranger", "map@10"] == 0.5
    assert frame.loc["guest", "map@10"] == 0.5


def test_the_list_for_everybody_is_measured_once_a_week_and_only_where_there_is_somebody(
    run: Evaluate, contenders: dict[str, Contender], settings_with: Callable[..., RecommenderSettings]
) -> None:
    champion = {CHAMPION: Contender("it/1", item_order, settings_with(candidates={"rising": 0}))}
    history = [event("friend 0", "popular", 30), event("friend 0", "second", 12)]
    weeks = Week(HOLDOUT, contenders | champion), Week(BEFORE, contenders | champion)
    results = run(*weeks, events=COLD + history, items=catalogue(["popular", "second", "third", "new"]))
    assert list(results.per_user[CHAMPION]) == [HOLDOUT, BEFORE]
    # Whoever came in the week before had come earlier too.
    assert list(results.per_user[FOR_EVERYBODY]) == [HOLDOUT]
    assert len(results.per_user[FOR_EVERYBODY][HOLDOUT]) == 2


def test_a_week_without_known_users_adds_nothing(run: Evaluate, quick: RecommenderSettings) -> None:
    events = [event("known", "i001", 12), event("known", "i001", 3)]
    results = run(Week(HOLDOUT, challenge(quick)), Week(BEFORE, challenge(quick)), events=events)
    assert list(results.per_user[CHALLENGER]) == [HOLDOUT]
    assert list(results.segments) == [HOLDOUT]
    assert (results.sources.users, results.sources.wanted) == (1, 1)


def test_weeks_without_any_known_user_are_refused(run: Evaluate, quick: RecommenderSettings) -> None:
    events = [event("known", "i001", 20), event("new", "i001", 3)]
    with pytest.raises(TrainingDataError, match="known users with positive events"):
        run(Week(HOLDOUT, challenge(quick)), events=events)
    with pytest.raises(TrainingDataError, match="known users with positive events"):
        run()


@pytest.mark.parametrize("change", [{"training": {"threads": 3}}, {"candidates": {"user_block": 4}}], ids=str)
def test_rule_3_neither_threads_nor_blocks_of_users_change_the_results(
    run: Evaluate, contenders: dict[str, Contender], settings_with: Callable[..., RecommenderSettings], change: Any
) -> None:
    other = settings_with(**change)
    others = {name: Contender(it.label, it.scorer, other) for name, it in contenders.items()}
    expected = run(*(Week(first, contenders) for first in (HOLDOUT, BEFORE)))
    assert_same(run(*(Week(first, others) for first in (HOLDOUT, BEFORE)), settings=other), expected)


def test_coverage_and_novelty_of_known_lists(run: Evaluate, quick: RecommenderSettings) -> None:
    """Both items that could be shown are: `a` was touched by both users (0 bits), `b` by one of them."""
    events = [event(user, item, 20) for user, item in (("u", "a"), ("v", "a"), ("v", "b"))]
    events += [event(user, "b", 2) for user in "uv"]
    results = run(Week(HOLDOUT, challenge(quick)), events=events, items=catalogue(["a", "b", "unseen"]))
    found = results.overall[CHALLENGER][HOLDOUT]
    assert found == pytest.approx({"coverage@20": 1, "novelty@20": (0 - math.log2(2 / 3)) / 2})


def test_sources_are_reported_for_the_challenger_over_all_weeks(
    run: Evaluate, contenders: dict[str, Contender], settings_with: Callable[..., RecommenderSettings]
) -> None:
    champion = {CHAMPION: Contender("it/1", item_order, settings_with(candidates={"rising": 0}))}
    results = run(*(Week(first, contenders | champion) for first in (HOLDOUT, BEFORE)))
    assert results.sources.users == sum(len(frame) for frame in results.per_user[CHALLENGER].values())
    assert results.sources.found[CANDIDATES] <= results.sources.wanted
    assert results.sources.found[CANDIDATES] > results.sources.users
    assert_same(run(*(Week(first, challenge(contenders[CHALLENGER].settings)) for first in (HOLDOUT, BEFORE))), Results(
        {name: results.per_user[name] for name in (FOR_EVERYBODY, CHALLENGER) if name in results.per_user},
        {CHALLENGER: results.overall[CHALLENGER]}, results.segments, results.sources,
    ))  # fmt: skip


def test_metrics_of_any_lists_are_measured_the_same_way(
    run: Evaluate, quick: RecommenderSettings, tmp_path: Path
) -> None:
    warehouse = warehouse_of(tmp_path, EVENTS, random_catalogue(30))
    snapshot = PastDate(warehouse, quick, HOLDOUT, DAY).of_everybody()
    targets = targets_of(snapshot, targets_between(warehouse, quick, HOLDOUT, DAY, DAY), "for_you")
    lists = top_lists(snapshot, targets.users, {"it": item_order}, quick, "for_you", DEPTH)["it"]
    frame = run(Week(HOLDOUT, challenge(quick))).per_user[CHALLENGER][HOLDOUT]
    for metric, values in per_user_of(snapshot, targets, lists).items():
        assert frame[metric].tolist() == values.tolist()
