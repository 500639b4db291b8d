"""What became of publications: whose events count, for whom, when, and with which estimate beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.recommender.outcomes.steps import check_events_are_in, compare_arms, measure_outcomes
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import ITEM_STATS, USER_ITEMS, USER_STATS
from include.retraining.alerting.incidents import TaskFailure, record_failure
from include.retraining.content_hash import content_hash
from include.retraining.errors import TransientError
from include.retraining.monitoring.tables import ARM_COMPARISONS, OUTCOME_METRICS
from include.retraining.quality.checks import CheckResult
from include.retraining.quality.verdict import record
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS, RUN_COSTS
from tests.recommender.outcomes.published_world import (
    at,
    comparisons,
    days_from,
    happen,
    list_rows,
    outcomes,
    publish,
    run_for,
    switch,
)
from tests.recommender.small_world import evaluation_rows, event

if TYPE_CHECKING:
    from include.retraining.workspace import Workspace
    from tests.recommender.small_world import Rows

    Recommender = Workspace[RecommenderSettings]

FIRST = date(2026, 5, 1)
SECOND = FIRST + timedelta(days=1)
ITEMS = [f"i{number}" for number in range(20)]
MODEL = "recommender_for_you/1"


def on(user: str, item: str, day: date, hour: int = 12, **change: Any) -> dict[str, Any]:
    """An event of a day that arrived the next."""
    return event(user, item, 0, day=day, occurred_at=datetime(day.year, day.month, day.day, hour, tzinfo=UTC), **change)


@pytest.fixture
def world(workspace: Recommender) -> Recommender:
    """Two publications, each read for a day: u1 and u2 in the ranker's arm, u3 held back, nobody else known."""
    everybody = {"*": ITEMS[::-1]}
    for day in (FIRST, SECOND):
        rows = list_rows(day, "for_you", {"u1": ITEMS, "u2": ITEMS, **everybody})
        rows += list_rows(day, "for_you", {"u3": ITEMS}, "baseline", "baseline/own_history")
        rows += list_rows(
            day, "discover", {"u1": ITEMS, "u2": ITEMS, "u3": ITEMS}, "baseline", "baseline/recent_popularity"
        )
        rows += list_rows(day, "discover", everybody)
        PUBLISHED[day] = publish(workspace, day, rows)
    switch(workspace, (PUBLISHED[FIRST], at(FIRST)), (PUBLISHED[SECOND], at(SECOND)))
    return workspace


PUBLISHED: dict[date, str] = {}
HISTORY = [on("u1", "i0", FIRST - timedelta(days=3))]


def mean(rows: list[dict[str, Any]], **where: Any) -> float:
    where = {"surface": "for_you", "arm": "", "model_version": "", "dimension": "all", "metric": "hitrate@10"} | where
    (found,) = [row for row in rows if all(row[name] == value for name, value in where.items())]
    return float(found["mean"])


def users(rows: list[dict[str, Any]], **where: Any) -> int:
    found = [row for row in rows if all(row[name] == value for name, value in where.items())]
    return max((int(row["users"]) for row in found), default=0)


def test_a_publication_gets_the_events_of_the_time_in_which_readers_had_it(world: Recommender) -> None:
    happen(
        world,
        [on("u1", "i0", FIRST, 2), on("u1", "i1", FIRST, 4), on("u2", "i0", SECOND, 2), on("u2", "i19", SECOND, 4)],
    )
    day = SECOND + timedelta(days=1)
    measure_outcomes(run_for(day), world)
    rows = outcomes(world, day, reading="while_current")
    first = [row for row in rows if row["publication_id"] == PUBLISHED[FIRST]]
    second = [row for row in rows if row["publication_id"] == PUBLISHED[SECOND]]
    # Before 03:00 nobody had it; until 03:00 of the next day both wanted what was on top of their list.
    assert (users(first, arm="", dimension="all"), mean(first)) == (2, 1.0)
    assert (users(second, arm="", dimension="all"), mean(second)) == (1, 0.0)
    assert {row["days"] for row in first} == {2}
    assert {row["days"] for row in second} == {1}


def test_held_for_7_days_a_publication_gets_the_week_whoever_was_current(world: Recommender) -> None:
    happen(world, [on("u1", "i0", day) for day in days_from(FIRST - timedelta(days=1), 12)])
    day = FIRST + timedelta(days=7)
    measure_outcomes(run_for(day), world)
    rows = {
        row["publication_id"]: row for row in outcomes(world, day, reading="held_7_days", surface="for_you", arm="")
    }
    assert {name: (row["stage"], row["days"]) for name, row in rows.items()} == {
        PUBLISHED[FIRST]: ("early", 7), PUBLISHED[SECOND]: ("early", 6),
    }  # fmt: skip


def test_early_and_matured_figures_are_both_kept_and_late_events_count_in_the_second(world: Recommender) -> None:
    happen(world, [on("u1", "i19", FIRST), on("u2", "i0", FIRST, arrival_date=FIRST + timedelta(days=9))])
    early, matured = FIRST + timedelta(days=7), FIRST + timedelta(days=10)
    for day in (early, matured):
        measure_outcomes(run_for(day), world)
    name = {"publication_id": PUBLISHED[FIRST], "reading": "held_7_days"}
    before, after = outcomes(world, early, **name), outcomes(world, matured, **name)
    assert {row["stage"] for row in before} == {"early"}
    assert {row["stage"] for row in after} == {"matured"}
    assert (mean(before), mean(after)) == (0.0, 0.5)


def test_each_arm_model_and_stranger_is_told_apart(world: Recommender) -> None:
    happen(world, [on("u1", "i0", FIRST), on("u2", "i19", FIRST), on("u3", "i0", FIRST), on("new", "i19", FIRST)])
    day = FIRST + timedelta(days=7)
    measure_outcomes(run_for(day), world)
    rows = outcomes(world, day, publication_id=PUBLISHED[FIRST], reading="held_7_days")
    assert mean(rows) == 0.75  # "new" has the list for everybody, which begins with i19
    assert mean(rows, arm="ranker") == mean(rows, model_version=MODEL) == 0.5
    assert mean(rows, arm="baseline") == mean(rows, model_version="baseline/own_history") == 1.0
    assert users(rows, surface="for_you", model_version="baseline/recent_popularity") == 0
    stranger = {"dimension": "segment", "group_name": "no history"}
    assert (mean(rows, metric="ndcg@10", **stranger), users(rows, surface="for_you", **stranger)) == (1.0, 1)
    assert users(rows, surface="discover", arm="ranker") == 0
    # The same rule makes the list for everybody, and the lists of the arm: of these only the latter are of it.
    rule = {"surface": "discover", "model_version": "baseline/recent_popularity"}
    assert mean(rows, surface="discover", arm="baseline") == mean(rows, **rule) == pytest.approx(2 / 3)
    assert users(rows, dimension="all", **rule) == 3


def test_on_discover_what_a_user_knew_is_neither_wanted_nor_listed(world: Recommender) -> None:
    known = [on("u1", item, FIRST - timedelta(days=2)) for item in ITEMS[:10]]
    happen(world, [*known, on("u1", "i0", FIRST), on("u1", "i10", FIRST)])
    day = FIRST + timedelta(days=7)
    measure_outcomes(run_for(day), world)
    rows = outcomes(world, day, publication_id=PUBLISHED[FIRST], reading="held_7_days")
    # i10 stands at 11, but the list closes up to it; on for_you it does not, and i0 counts.
    assert mean(rows, surface="discover", metric="ndcg@10") == 1.0
    assert mean(rows, surface="for_you", metric="recall@20") == 1.0
    assert mean(rows, surface="for_you", metric="ndcg@10") < 1.0


def test_segments_and_sources_are_those_of_the_lists(world: Recommender) -> None:
    known = {"u1": (3, 2), "u2": (12, 90)}
    put_stats(world, known)
    happen(world, [on("u1", "i0", FIRST), on("u2", "i1", FIRST)])
    day = FIRST + timedelta(days=7)
    measure_outcomes(run_for(day), world)
    rows = outcomes(world, day, publication_id=PUBLISHED[FIRST], reading="held_7_days", surface="for_you", arm="ranker")
    segments = {row["group_name"]: row["mean"] for row in rows if row["dimension"] == "segment"}
    assert set(segments) == {"2-9 events", "10-49 events", "new users", "known users", "category: cat"}
    assert (segments["2-9 events"], segments["new users"]) == (1.0, 1.0)
    assert segments["10-49 events"] == segments["known users"] == pytest.approx(0.6309, abs=1e-4)
    sources = {row["group_name"]: row["mean"] for row in rows if row["dimension"] == "list_source"}
    assert sources == {"item_knn": pytest.approx(0.8155, abs=1e-4), "popularity_7d": pytest.approx(0.3155, abs=1e-4)}


def put_stats(workspace: Recommender, known: dict[str, tuple[int, int]]) -> None:
    """User statistics as (events, days since the first), and one liked item of a category each."""

    def rows(table: Any, found: Rows) -> None:
        workspace.warehouse.replace(table, {"as_of_date": FIRST}, pa.Table.from_pylist(found, schema=table.schema))

    rows(USER_STATS, [
        {"as_of_date": FIRST, "user_id": user, "events": events, "first_date": FIRST - timedelta(days=days)}
        for user, (events, days) in known.items()
    ])  # fmt: skip
    rows(USER_ITEMS, [
        {"as_of_date": FIRST, "user_id": user, "item_id": "i0", "weight_medium_micros": 5} for user in known
    ])  # fmt: skip
    rows(ITEM_STATS, [{"as_of_date": FIRST, "item_id": "i0", "category": "cat"}])


def decided(workspace: Recommender, day: date) -> None:
    row = dict.fromkeys(PROMOTION_DECISIONS.columns, "") | {
        "as_of_date": day, "surface": "for_you", "kind": "decided", "decision_id": "d", "model_version": MODEL,
        "reasons": [], "recorded_at": at(day), "answered_at": None,
    }  # fmt: skip
    workspace.warehouse.append_once(PROMOTION_DECISIONS, pa.Table.from_pylist([row], schema=PROMOTION_DECISIONS.schema))
    where = {"as_of_date": day, "surface": "for_you"}
    workspace.warehouse.replace(EVALUATION_RESULTS, where, evaluation_rows(day, 0.05))


def test_a_whole_week_stands_beside_the_estimate_that_the_promotion_rested_on(world: Recommender) -> None:
    decided(world, FIRST - timedelta(days=5))
    happen(world, [on(user, "i0", FIRST) for user in ("u1", "u2", "u3")])
    for age in (6, 7):
        measure_outcomes(run_for(FIRST + timedelta(days=age)), world)
    name = {"publication_id": PUBLISHED[FIRST], "surface": "for_you", "dimension": "all", "metric": "ndcg@10"}
    rows = outcomes(world, FIRST + timedelta(days=7), reading="held_7_days", **name)
    week = {(row["arm"], row["model_version"]): row["offline_mean"] for row in rows}
    assert week["ranker", ""] == week["", MODEL] == pytest.approx(0.25)
    assert week["", ""] is None  # users without history were in no evaluation
    assert {row["offline_mean"] for row in outcomes(world, FIRST + timedelta(days=6), **name)} == {None}


def test_an_estimate_by_other_events_stands_beside_no_outcome(world: Recommender) -> None:
    decided(world, FIRST - timedelta(days=5))
    business = world.settings.business.model_copy(update={"positive_event_types": ("like",)})
    changed = replace(world, settings=world.settings.model_copy(update={"business": business}))
    happen(changed, [on(user, "i0", FIRST) | {"event_type": "like"} for user in ("u1", "u2", "u3")])
    measure_outcomes(run_for(FIRST + timedelta(days=7)), changed)
    name = {"publication_id": PUBLISHED[FIRST], "arm": "ranker", "dimension": "all", "metric": "ndcg@10"}
    (row,) = outcomes(changed, FIRST + timedelta(days=7), reading="held_7_days", surface="for_you", **name)
    assert row["mean"] is not None
    assert row["offline_mean"] is None


def test_nothing_published_is_nothing_to_measure(workspace: Recommender) -> None:
    assert measure_outcomes(run_for(FIRST), workspace) == 0
    assert "nothing to compare" in compare_arms(run_for(FIRST), workspace)


def test_outcomes_wait_for_the_daily_run(workspace: Recommender) -> None:
    with pytest.raises(TransientError, match="recommender_daily for 2026-05-01"):
        check_events_are_in(run_for(FIRST), workspace)
    for outcome, severity in (("passed", "critical"), ("failed", "warning")):
        record(workspace.warehouse, FIRST, "inputs", [CheckResult("c", severity, outcome, "", "", 1, 0, ())])
        assert "2026-04-30 are in" in check_events_are_in(run_for(FIRST), workspace)


def test_outcomes_are_not_measured_on_a_day_that_stopped_unless_it_was_accepted(workspace: Recommender) -> None:
    record(workspace.warehouse, FIRST, "inputs", [CheckResult("c", "critical", "failed", "", "", 1, 1, ())])
    with pytest.raises(TransientError, match="its data checks stop the date"):
        check_events_are_in(run_for(FIRST), workspace)
    tried(workspace, "check_inputs", 1)
    tried(workspace, "decide_data_verdict", 2, failed=True)
    with pytest.raises(TransientError, match="its data checks stop the date"):
        check_events_are_in(run_for(FIRST), workspace)
    tried(workspace, "decide_data_verdict", 3, run_id="accepted")
    assert "are in" in check_events_are_in(run_for(FIRST), workspace)
    tried(workspace, "check_inputs", 4, run_id="later")
    with pytest.raises(TransientError, match="past decide_data_verdict"):
        check_events_are_in(run_for(FIRST), workspace)


def tried(workspace: Recommender, task: str, hour: int, run_id: str = "first", failed: bool = False) -> None:
    """A try of a task of the daily run, as the audit tables keep it."""
    when = datetime(2026, 5, 1, hour, tzinfo=UTC)
    task_id, warehouse = f"check_data.{task}", workspace.warehouse
    row = dict.fromkeys(RUN_COSTS.columns) | {
        "as_of_date": FIRST, "dag_id": "recommender_daily", "run_id": run_id, "task_id": task_id, "map_index": -1,
        "try_number": 1, "job_id": f"{run_id} {task_id}", "statement": "task", "recorded_at": when,
    }  # fmt: skip
    warehouse.append_once(RUN_COSTS, pa.Table.from_pylist([row], schema=RUN_COSTS.schema))
    if failed:
        said = TaskFailure("recommender_daily", run_id, task_id, -1, 1, "DataStopError", "", "", "", when)
        record_failure(warehouse, said)


def hashes(workspace: Recommender, day: date) -> dict[str, str]:
    measure_outcomes(run_for(day), workspace)
    compare_arms(run_for(day), workspace)
    return {
        table.name: content_hash(table, workspace.warehouse.read(table, {"computed_for": day}))
        for table in (OUTCOME_METRICS, ARM_COMPARISONS)
    }


PAST = [on(user, item, day, hour) for day in days_from(FIRST - timedelta(days=2), 5) for user, item, hour in
        (("u1", "i0", 2), ("u1", "i3", 9), ("u2", "i12", 5), ("u3", "i0", 9), ("new", "i7", 20))]  # fmt: skip
NOW = FIRST + timedelta(days=3)
someone, something = st.sampled_from(["u1", "u3", "new", "stranger"]), st.sampled_from(["i0", "i5", "i19"])
today_or_later = st.builds(
    lambda user, item, days, early: on(
        user, item, NOW + timedelta(days=days), arrival_date=NOW - timedelta(days=early)
    ),
    someone, something, st.integers(0, 20), st.integers(0, 3),
)  # fmt: skip
arrives_later = st.builds(
    lambda user, item, back, days: on(
        user, item, NOW - timedelta(days=back), arrival_date=NOW + timedelta(days=days)
    ),
    someone, something, st.integers(1, 4), st.integers(1, 9),
)  # fmt: skip


@pytest.mark.integration
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(today_or_later | arrives_later, min_size=3, max_size=12))
def test_rule_2_the_future_changes_nothing(world: Recommender, future: Rows) -> None:
    happen(world, PAST)
    before = hashes(world, NOW)
    assert outcomes(world, NOW)
    assert comparisons(world, NOW)
    happen(world, [*PAST, *future])
    assert hashes(world, NOW) == before


def test_rule_2_a_publication_or_switch_of_later_changes_nothing(world: Recommender) -> None:
    happen(world, PAST)
    before = hashes(world, NOW)
    later = publish(world, NOW, list_rows(NOW, "for_you", {"u1": ITEMS[::-1], "*": ITEMS}))
    switch(world, (PUBLISHED[FIRST], at(FIRST)), (PUBLISHED[SECOND], at(SECOND)), (later, at(NOW)))
    assert hashes(world, NOW) == before


def test_rule_3_a_rerun_is_the_same_run(world: Recommender) -> None:
    happen(world, PAST)
    first = hashes(world, NOW)
    assert hashes(world, NOW) == first
    rows = outcomes(world, NOW)
    assert len({tuple(row[name] for name in OUTCOME_METRICS.key) for row in rows}) == len(rows)


def test_positive_events_are_what_the_settings_say(world: Recommender) -> None:
    liking = replace(world, settings=RecommenderSettings(business={"positive_event_types": ["like"]}))
    happen(world, [on("u1", "i0", FIRST), on("u2", "i0", FIRST, event_type="like")])
    measure_outcomes(run_for(FIRST + timedelta(days=7)), liking)
    assert users(outcomes(world, FIRST + timedelta(days=7)), dimension="all") == 1
