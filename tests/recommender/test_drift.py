"""Simulated changes of taste are found, quiet weeks are not; what is measured names nobody and does not move."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from include.recommender.drift import compare, measure, persistent, training_window
from include.recommender.pipeline import build_item_stats, build_user_items, build_user_stats
from include.recommender.review import compare_distributions, measure_distributions
from include.recommender.tables import EVENTS, ITEMS, USER_RECOMMENDATIONS, USER_STATS
from include.retraining.alerting import notices
from include.retraining.monitoring.tables import DISTRIBUTIONS, DRIFT_METRICS
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.run import Run
from include.retraining.tables import ALERTS, PROMOTION_DECISIONS, PUBLICATIONS
from tests.recommender.changing_taste import DAY_0, live, service, slowly, suddenly
from tests.recommender.small_world import DAY, applied_decision, catalogue, days_ago, event, quick_ranker
from tests.recommender.test_erasure import put, row_of

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.workspace import Workspace
    from tests.recommender.small_world import FakeRegistry

    Recommender = Workspace[RecommenderSettings]
    Rows = list[dict[str, Any]]

TRAINING = '{"label_days": 7, "snapshot_step_days": 7}'
FOUR_WEEKS = {"training_settings": TRAINING, "chosen_snapshots": "4"}


def on(day: int) -> date:
    """As_of_date of the run that sees a day of the simulation as its last."""
    return DAY_0 + timedelta(days=day + 1)


def crown(workspace: Recommender, registry: Any, learnt_until: date, as_of_date: date) -> str:
    """Put a ranker in office that learnt from the four weeks before a day."""
    tags = {"learnt_until": str(learnt_until), **FOUR_WEEKS}
    model = registry.add(quick_ranker("item_users"), workspace.settings, **tags)
    workspace.warehouse.append_once(PROMOTION_DECISIONS, applied_decision(model.label, as_of_date))
    return str(model.label)


def drifted(rows: Rows) -> set[tuple[str, str]]:
    return {(row["horizon"], row["name"]) for row in rows if row["drifted"]}


@pytest.mark.integration
def test_30_quiet_days_raise_at_most_one_alarm_and_a_sudden_change_on_day_30_raises_short_drift_within_2_days(
    workspace: Recommender,
) -> None:
    live(workspace.warehouse, service(days=33, seed=1), suddenly(share=0.5, on=30))
    for day in (0, 32):
        measure(workspace, on(day))
    alarms = [found for day in range(30) if (found := drifted(compare(workspace, on(day))))]
    assert len(alarms) <= 1, alarms
    after = [drifted(compare(workspace, on(day))) for day in (30, 31)]
    assert any(("short", "taste") in found for found in after), after


@pytest.mark.integration
def test_a_slow_change_from_day_10_raises_long_drift_by_day_24_while_short_stays_silent(
    workspace: Recommender, registry: FakeRegistry
) -> None:
    live(workspace.warehouse, service(days=25, seed=1), slowly(share=0.01, since=10))
    crown(workspace, registry, learnt_until=DAY_0 + timedelta(days=10), as_of_date=DAY_0 + timedelta(days=17))
    for day in (0, 24):
        measure(workspace, on(day))
    found = {day: drifted(compare(workspace, on(day))) for day in range(10, 25)}
    assert ("long", "taste") in set().union(*found.values()), found
    assert not [names for names in found.values() if any(horizon == "short" for horizon, _ in names)]


def history(warehouse: LocalWarehouse, days: int = 60, users: int = 12) -> Rows:
    """Every user touches the cat on every day, and the dog on every third; late rows of yesterday lie beside."""
    rows = [event(f"u{user}", "cat", age) for user in range(users) for age in range(1, days + 1)]
    rows += [event(f"u{user}", "dog", age, event_type="like") for user in range(0, users, 3) for age in range(1, days)]
    rows += [event("late", "dog", age, late=1) for age in range(1, days)]
    store(warehouse, rows)
    items = [*catalogue(["cat"], days_ago(90)), *catalogue(["dog"], days_ago(90), category="dog")]
    warehouse.replace(ITEMS, {"snapshot_date": days_ago(90)}, pa.Table.from_pylist(items, schema=ITEMS.schema))
    return rows


def store(warehouse: LocalWarehouse, rows: Rows) -> None:
    dates = sorted({row["event_date"] for row in rows})
    warehouse.replace(EVENTS, {"event_date": dates}, pa.Table.from_pylist(rows, schema=EVENTS.schema))


def bins(warehouse: LocalWarehouse, day: date, subject: str, name: str) -> dict[str, int]:
    rows = warehouse.read(DISTRIBUTIONS, {"day": day, "subject": subject, "name": name}).to_pylist()
    return {row["bin"]: row["count"] for row in rows}


def test_a_day_of_events_is_counted_in_fixed_bins(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse)
    measure(workspace, DAY)
    of_day = partial(bins, warehouse, days_ago(1), "events")
    assert of_day("event_type") == {"view": 12, "like": 4}
    assert of_day("category") == {"cat": 12, "dog": 4}
    assert of_day("hour") == {"12": 16}
    assert of_day("events_per_user") == {"1": 8, "2 to 3": 4}
    assert of_day("taste") == {"favourite": 12}


def test_hours_are_those_of_the_business(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse, users=1)
    tokyo = workspace.settings.business.model_copy(update={"timezone": "Asia/Tokyo"})
    measure(replace(workspace, settings=workspace.settings.model_copy(update={"business": tokyo})), DAY)
    assert bins(warehouse, days_ago(1), "events", "hour") == {"21": 2}


def test_taste_tells_favourites_others_and_new_ones_apart(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    rows = history(warehouse, days=40, users=3)
    rows = [row for row in rows if row["event_date"] < days_ago(1)]
    rows += [event("u1", "dog", 1), event("u0", "dog", 1), event("u2", "cat", 1), event("new", "cat", 1)]
    store(warehouse, [*rows, event("late", "cat", 1)])
    measure(workspace, DAY)
    found = bins(warehouse, days_ago(1), "events", "taste")
    # u0 has liked dogs beside cats, u1 never has; nothing that "late" did before arrived in time.
    assert found == {"favourite": 1, "touched before": 1, "new to the user": 1, "new user": 2}


def test_what_arrives_late_never_changes_a_day_that_was_measured(
    workspace: Recommender, warehouse: LocalWarehouse
) -> None:
    """Rule 2: a date that is looked at later, or again, finds what it found."""
    rows = history(warehouse)
    measure(workspace, DAY)
    before = warehouse.read(DISTRIBUTIONS).to_pylist()
    future = [event("u1", "dog", -age, late=1) for age in range(3)]
    store(warehouse, [*rows, *(event("u1", "dog", age, late=3) for age in range(1, 30)), *future])
    measure(workspace, DAY)
    assert warehouse.read(DISTRIBUTIONS).to_pylist() == before
    warehouse.delete(DISTRIBUTIONS, {"subject": "events"})
    measure(workspace, DAY)
    assert warehouse.read(DISTRIBUTIONS).to_pylist() == before
    measure(workspace, DAY - timedelta(days=3))
    assert [row for row in warehouse.read(DISTRIBUTIONS).to_pylist() if row["day"] >= before[0]["day"]] == before


def test_a_day_that_was_mended_later_is_measured_anew(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    """Half a day would be a reference for weeks: of events, and of what a cleared run made of them."""
    whole = history(warehouse)
    store(warehouse, [row for row in whole if row["event_date"] < days_ago(1) or row["user_id"] < "u2"])
    for step in (build_item_stats, build_user_stats, build_user_items):
        step(Run(DAY, "run", "manual"), workspace)
    publish(warehouse, DAY, "000000000001", ["rising"], "recommender_for_you/1", -9.0)
    measure(workspace, DAY)
    assert bins(warehouse, days_ago(1), "events", "event_type") != {"view": 12, "like": 4}
    store(warehouse, whole)
    for step in (build_item_stats, build_user_stats, build_user_items):
        step(Run(DAY, "run", "manual"), workspace)
    mended = publish(warehouse, DAY, "000000000002", ["own_history"], "recommender_for_you/1", 1.3)
    append_switch(warehouse, read_switch_log(warehouse), mended, "publish", "w", "y", "r")
    measure(workspace, DAY + timedelta(days=workspace.settings.ingest.lookback_days))
    assert bins(warehouse, days_ago(1), "events", "event_type") == {"view": 12, "like": 4}
    assert bins(warehouse, DAY, "features", "user_days_since_last") == {"1": 12, "2 to 3": 1}
    assert bins(warehouse, DAY, "lists", "sources for_you") == {"own_history": 3}
    assert bins(warehouse, DAY, "scores", "for_you recommender_for_you/1") == {"3": 3}


def test_what_was_measured_of_lists_outlives_them(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse, users=3)
    build_item_stats(Run(DAY, "run", "manual"), workspace)
    name = publish(warehouse, DAY, "000000000001", ["rising"], "recommender_for_you/1", 1.3)
    measure(workspace, DAY)
    warehouse.delete(USER_RECOMMENDATIONS, {"publication_id": name})
    measure(workspace, DAY)
    assert bins(warehouse, DAY, "lists", "sources for_you") == {"rising": 3}
    assert bins(warehouse, DAY, "scores", "for_you recommender_for_you/1") == {"3": 3}


def test_a_rerun_writes_the_same_rows(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse)
    run = Run(DAY, "run", "manual", dag_id="recommender_drift")
    for _ in range(2):
        measure_distributions(run, workspace)
        said = compare_distributions(run, workspace)
        rows = warehouse.read(DRIFT_METRICS).to_pylist()
        assert said == (
            f"0 of 10 measures drifted: none; features: no features on {DAY}; scores: no scores on {DAY}; "
            f"lists: no lists on {DAY}"
        )
        assert {(row["horizon"], row["name"]) for row in rows} == {
            (horizon, name)
            for horizon in ("short", "long")
            for name in ("event_type", "category", "hour", "events_per_user", "taste")
        }
        assert {(row["value"], row["days_in_a_row"]) for row in rows} == {(0.0, 0)}


def test_a_day_without_anything_to_compare_says_why(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    run = Run(DAY, "run", "manual", dag_id="recommender_drift")
    items = catalogue(["cat"], days_ago(90))
    warehouse.replace(ITEMS, {"snapshot_date": days_ago(90)}, pa.Table.from_pylist(items, schema=ITEMS.schema))
    measure_distributions(run, workspace)
    assert compare_distributions(run, workspace).startswith(
        f"nothing could be compared; events: no events on {days_ago(1)}; features: no features on {DAY}"
    )
    store(warehouse, [event("u1", "cat", 1)])
    measure_distributions(run, workspace)
    assert "nothing could be compared; events: no reference days yet" in compare_distributions(run, workspace)


def test_features_are_measured_on_the_statistics_of_the_date(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse, users=3)
    for step in (build_item_stats, build_user_stats, build_user_items):
        step(Run(DAY, "run", "manual"), workspace)
    measure(workspace, DAY)
    features = partial(bins, warehouse, DAY, "features")
    assert features("item_users_7d") == {"2 to 3": 2}
    assert features("user_events_28d") == {"16 to 31": 3, "32 to 63": 1}
    assert features("pair_days_since_last") == {"1": 4, "2 to 3": 1}
    assert sum(features("user_days_since_last").values()) == warehouse.read(USER_STATS).num_rows


def publish(warehouse: LocalWarehouse, day: date, suffix: str, sources: list[str], model: str, score: float) -> str:
    name = f"{day}-{suffix}"
    row = partial(row_of, USER_RECOMMENDATIONS, publication_id=name, as_of_date=day, surface="for_you", item_id="cat")
    own = [row(user_id=f"u{user}", rank=1, sources=sources, model_version=model, score=score) for user in range(3)]
    everybody = row(user_id="*", rank=1, sources=["popularity_7d"], model_version="baseline/recent_popularity")
    put(warehouse, USER_RECOMMENDATIONS, [*own, everybody])
    put(warehouse, PUBLICATIONS, [row_of(PUBLICATIONS, publication_id=name, as_of_date=day, check_result="pass")])
    return name


def test_lists_and_scores_are_those_that_readers_had(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse, users=3)
    for step in (build_item_stats, build_user_stats, build_user_items):
        step(Run(DAY, "run", "manual"), workspace)
    shown = publish(warehouse, DAY, "000000000001", ["own_history", "item_knn"], "recommender_for_you/1", 1.3)
    append_switch(warehouse, read_switch_log(warehouse), shown, "publish", "w", "y", "r")
    publish(warehouse, DAY, "000000000002", ["rising"], "recommender_for_you/2", -9.0)
    measure(workspace, DAY)
    assert bins(warehouse, DAY, "lists", "sources for_you") == {"own_history": 3, "item_knn": 3}
    assert bins(warehouse, DAY, "lists", "categories for_you") == {"cat": 3}
    assert bins(warehouse, DAY, "lists", "novelty for_you") == {"0 to 1": 3}
    assert bins(warehouse, DAY, "scores", "for_you recommender_for_you/1") == {"3": 3}
    assert bins(warehouse, DAY, "scores", "for_you recommender_for_you/2") == {}


def put_scores(warehouse: LocalWarehouse, model: str, days: range, bin_name: str) -> None:
    rows = [
        {"day": days_ago(age), "subject": "scores", "name": f"for_you {model}", "bin": bin_name, "count": 100}
        for age in days
    ]
    for row in rows:
        partition = {"day": row["day"], "subject": "scores"}
        warehouse.replace(DISTRIBUTIONS, partition, pa.Table.from_pylist([row], schema=DISTRIBUTIONS.schema))


def test_scores_are_compared_with_the_same_rankers_only(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse)
    measure(workspace, DAY)
    put_scores(warehouse, "m/1", range(1, 40), "3")
    put_scores(warehouse, "m/2", range(1), "-4")
    assert not [row for row in compare(workspace, DAY) if row["subject"] == "scores"]
    put_scores(warehouse, "m/1", range(1), "-4")
    (short,) = [row for row in compare(workspace, DAY) if row["subject"] == "scores" and row["horizon"] == "short"]
    assert (short["name"], short["value"], short["drifted"]) == ("for_you m/1", 1.0, True)


def test_drift_that_stays_is_told_after_so_many_days_in_no_backfill_and_of_no_older_date(
    workspace: Recommender, warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = history(warehouse)
    since = days_ago(4)
    rows += [event(f"new{user}", "dog", age, event_type="buy") for user in range(40) for age in range(1, 5)]
    store(warehouse, rows)
    for why, told_on in (("backfill", 0), ("manual", -4), ("scheduled", 0)):
        monkeypatch.setattr(notices, "today_in", lambda _, age=told_on: days_ago(age))
        for age in (3, 2, 1, 0):
            run = Run(days_ago(age), f"{why} {age}", why, dag_id="recommender_drift")  # type: ignore[arg-type]
            measure_distributions(run, workspace)
            compare_distributions(run, workspace)
    in_a_row = {
        row["as_of_date"]: row["days_in_a_row"]
        for row in warehouse.read(DRIFT_METRICS, {"horizon": "short", "name": "event_type"}).to_pylist()
    }
    assert list(in_a_row.values()) == [1, 2, 3, 4]
    assert min(in_a_row) == since + timedelta(days=1)
    (alert,) = warehouse.read(ALERTS).to_pylist()
    assert (alert["kind"], alert["severity"], alert["as_of_date"]) == ("drift_persists", "notice", days_ago(1))
    assert "short drift of events, event_type, for 3 days" in alert["text"]


def test_the_notice_comes_again_after_as_many_days() -> None:
    row = {
        "horizon": "long", "subject": "events", "name": "taste", "value": 0.1, "threshold": 0.05, "reference": "before",
    }  # fmt: skip
    told = [days for days in range(10) if persistent([{**row, "days_in_a_row": days}], 3)]
    assert told == [3, 6, 9]


def test_the_reference_is_what_the_oldest_champion_learnt_from(
    workspace: Recommender, warehouse: LocalWarehouse, registry: FakeRegistry
) -> None:
    none = training_window(workspace, DAY)
    assert (none.days[0], none.days[-1], len(none.days)) == (days_ago(35), days_ago(8), 28)
    for surface, until, snapshots in (("for_you", 10, "4"), ("discover", 20, "2")):
        tags = {"learnt_until": str(days_ago(until)), "training_settings": TRAINING, "chosen_snapshots": snapshots}
        model = registry.add(quick_ranker("item_users"), workspace.settings, surface, **tags)
        warehouse.append_once(PROMOTION_DECISIONS, applied_decision(model.label, days_ago(1), surface))
    window = training_window(workspace, DAY)
    assert (window.days[0], window.days[-1], len(window.days)) == (days_ago(34), days_ago(21), 14)
    assert "recommender_discover/2" in window.said
    assert "no champion" in training_window(workspace, days_ago(1)).said


def test_nobody_is_named(workspace: Recommender, warehouse: LocalWarehouse) -> None:
    history(warehouse)
    measure(workspace, DAY)
    text = str(warehouse.read(DISTRIBUTIONS).to_pylist())
    assert not [user for user in range(12) if f"u{user}'" in text]
    assert not {"user_id", "row_id"} & {*DISTRIBUTIONS.columns, *DRIFT_METRICS.columns}
