"""What is old goes; what a rollback, lineage or a champion needs stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from include.recommender import expiry
from include.recommender.operations import remove_expired, vacuum_tables
from include.recommender.tables import (
    DRAFT_USER_RECOMMENDATIONS,
    EVENTS,
    EXPOSURES,
    LIST_EXPLANATIONS,
    TRAINING_SET,
    USER_RECOMMENDATIONS,
    USER_STATS,
)
from include.retraining.monitoring.tables import DISTRIBUTIONS, DRIFT_METRICS
from include.retraining.operation import Operation
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.retention import versions_to_keep
from include.retraining.tables import (
    DATA_QUALITY_RESULTS,
    PROMOTION_DECISIONS,
    PUBLICATIONS,
    QUARANTINED_ROWS,
    RUN_COSTS,
)
from tests.recommender.test_erasure import put, row_of

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.workspace import Workspace

TODAY = date(2026, 6, 30)
NOW, DRY = Operation("run", "scheduled", "weekly", False), Operation("run", "me", "a look", True)
DAYS = {"publications_days": 30, "keep_publications": 2, "drafts_days": 7, "features_days": 60, "quarantine_days": 90}


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def recommender(
    workspace: Workspace[RecommenderSettings],
    settings_with: Callable[..., RecommenderSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace[RecommenderSettings]:
    monkeypatch.setattr(expiry, "_today", lambda _: TODAY)
    return replace(workspace, settings=settings_with(retention=DAYS))


def publish(warehouse: LocalWarehouse, days: int, kind: Any = "publish", **change: Any) -> str:
    """A publication of a date, switched to unless `kind` is empty."""
    name = f"{ago(days)}-{days:012d}"
    put(warehouse, USER_RECOMMENDATIONS, [row_of(USER_RECOMMENDATIONS, publication_id=name, as_of_date=ago(days))])
    values = {"model_versions": "{}", "table_versions": "{}", "publication_id": name} | change
    put(warehouse, PUBLICATIONS, [row_of(PUBLICATIONS, **values)])
    if kind:
        append_switch(warehouse, read_switch_log(warehouse), name, kind, "w", "y", "r")
    return name


def publications(warehouse: LocalWarehouse) -> list[str]:
    return sorted(values["publication_id"] for values in warehouse.partitions(USER_RECOMMENDATIONS))


def days_of(warehouse: LocalWarehouse, table: Any, column: str = "as_of_date") -> list[str]:
    return sorted({values[column] for values in warehouse.partitions(table)})


def test_young_publications_stay_and_old_ones_go(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    names = [publish(warehouse, days) for days in (40, 31, 30, 1)]
    report = remove_expired(NOW, recommender)
    assert publications(warehouse) == names[2:]
    assert "user_recommendations: 2 rows; 2 publication_id" in report


def test_the_current_one_and_those_before_it_stay_however_old(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    names = [publish(warehouse, days) for days in (400, 300, 200)]
    staged = publish(warehouse, 100, kind="")
    append_switch(warehouse, read_switch_log(warehouse), names[1], "rollback", "w", "y", "r")
    remove_expired(NOW, recommender)
    assert publications(warehouse) == names[1:]
    assert staged not in publications(warehouse)


def test_one_that_was_taken_back_by_itself_counts_for_no_rollback(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    names = [publish(warehouse, days) for days in (400, 300)]
    bad = publish(warehouse, 200)
    append_switch(warehouse, read_switch_log(warehouse), names[1], "auto_revert", "w", "y", "r")
    remove_expired(NOW, recommender)
    assert publications(warehouse) == names
    assert bad not in publications(warehouse)


def test_training_sets_of_kept_publications_and_champions_stay(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    for days in (300, 200, 100, 10):
        for surface in ("for_you", "discover"):
            put(warehouse, TRAINING_SET, [row_of(TRAINING_SET, as_of_date=ago(days), surface=surface)])
    for days, kind, version in ((300, "decided", "1"), (200, "decided", "2"), (200, "applied", "2")):
        change = {"as_of_date": ago(days), "surface": "for_you", "kind": kind, "model_version": f"ranker/{version}"}
        put(warehouse, PROMOTION_DECISIONS, [row_of(PROMOTION_DECISIONS, **change)])
    publish(warehouse, 20, model_versions=json.dumps({"for_you": "ranker/1", "discover": "baseline/own_history"}))
    remove_expired(NOW, recommender)
    kept = {(values["as_of_date"], values["surface"]) for values in warehouse.partitions(TRAINING_SET)}
    young = {(str(ago(10)), "for_you"), (str(ago(10)), "discover")}
    assert kept == young | {(str(ago(300)), "for_you"), (str(ago(200)), "for_you")}


def test_each_kind_of_table_has_its_own_limit(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    for days in (400, 89, 61, 60, 8, 7):
        for table in (USER_STATS, DRAFT_USER_RECOMMENDATIONS, DATA_QUALITY_RESULTS):
            put(warehouse, table, [row_of(table, as_of_date=ago(days))])
        put(warehouse, QUARANTINED_ROWS, [row_of(QUARANTINED_ROWS, arrival_date=ago(days))])
        put(warehouse, EXPOSURES, [row_of(EXPOSURES, arrival_date=ago(days))])
        put(warehouse, EVENTS, [row_of(EVENTS, event_date=ago(days))])
    remove_expired(NOW, recommender)
    assert days_of(warehouse, USER_STATS) == [str(ago(days)) for days in (60, 8, 7)]
    assert days_of(warehouse, DRAFT_USER_RECOMMENDATIONS) == [str(ago(7))]
    assert len(days_of(warehouse, DATA_QUALITY_RESULTS)) == 5
    assert str(ago(400)) not in days_of(warehouse, QUARANTINED_ROWS, "arrival_date")
    assert days_of(warehouse, EXPOSURES, "arrival_date") == [str(ago(days)) for days in (89, 61, 60, 8, 7)]
    assert len(days_of(warehouse, EVENTS, "event_date")) == 6


def test_samples_of_rows_go_with_the_quarantine_that_tells_whose_they_are(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    for days in (91, 90):
        checks = [row_of(DATA_QUALITY_RESULTS, as_of_date=ago(days), check_name=name) for name in ("a", "b")]
        put(warehouse, DATA_QUALITY_RESULTS, [checks[0], checks[1] | {"sample_keys": []}])
    before = warehouse.read(DATA_QUALITY_RESULTS).to_pylist()
    dry = remove_expired(DRY, recommender)
    assert warehouse.read(DATA_QUALITY_RESULTS).to_pylist() == before
    assert "data_quality_results: samples of 1 checks" in dry
    assert "data_quality_results: samples of 1 checks" in remove_expired(NOW, recommender)
    left = warehouse.read(DATA_QUALITY_RESULTS).to_pylist()
    assert left == [row | {"sample_keys": [] if row["as_of_date"] == ago(91) else row["sample_keys"]} for row in before]
    assert "samples" not in remove_expired(NOW, recommender)


def test_reasons_stay_as_long_as_their_publication(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    for days in (200, 100):
        put(warehouse, LIST_EXPLANATIONS, [row_of(LIST_EXPLANATIONS, as_of_date=ago(days))])
    publish(warehouse, 100)
    remove_expired(NOW, recommender)
    assert days_of(warehouse, LIST_EXPLANATIONS) == [str(ago(100))]


def test_a_dry_run_counts_the_same_and_removes_nothing(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts where the rows lie: weeks of them are not read to know how many there are."""
    read = warehouse.read

    def read_others(table: Any, *arguments: Any) -> Any:
        assert table not in (USER_STATS, TRAINING_SET, USER_RECOMMENDATIONS)
        return read(table, *arguments)

    monkeypatch.setattr(warehouse, "read", read_others)
    for days in (40, 39, 2, 1):
        publish(warehouse, days)
        put(warehouse, USER_STATS, [row_of(USER_STATS, as_of_date=ago(60 + days))])
        put(warehouse, TRAINING_SET, [row_of(TRAINING_SET, as_of_date=ago(60 + days), surface="for_you")])
    dry = remove_expired(DRY, recommender)
    assert len(publications(warehouse)) == 4
    assert [line for line in dry.splitlines() if line.startswith("  ")]
    assert dry.replace("would go (dry run: nothing did)", "removed") == remove_expired(NOW, recommender)
    assert len(publications(warehouse)) == 2


def test_versions_that_kept_publications_name_outlive_the_vacuum(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in range(4):
        put(warehouse, EVENTS, [row_of(EVENTS, user_id=f"u{value}")])
    publish(warehouse, 3, table_versions=json.dumps({"events": 2, "items": 0}))
    monkeypatch.setattr("include.retraining.warehouse.delta_history.HOURS_OF_A_DAY", 0)
    assert versions_to_keep(warehouse, set(publications(warehouse))) == {"events": [2], "items": [0]}
    dry = vacuum_tables(DRY, recommender)
    report = vacuum_tables(NOW, recommender)
    assert "  events: 2 files" in report
    assert dry.replace("would go (dry run: nothing did)", "removed") == report
    folder = str(warehouse.folder / "events")
    assert DeltaTable(folder, version=2).to_pyarrow_table()["user_id"].to_pylist() == ["u1"]
    assert warehouse.read(EVENTS)["user_id"].to_pylist() == ["u3"]


def test_nothing_is_old_in_a_new_home(recommender: Workspace[RecommenderSettings]) -> None:
    assert remove_expired(NOW, recommender).splitlines()[1:] == ["kept publications: none yet"]
    assert vacuum_tables(NOW, recommender) == "files removed: 0, 0 bytes"


def test_limits_that_make_no_sense_are_refused(settings_with: Callable[..., RecommenderSettings]) -> None:
    with pytest.raises(ValueError, match="keep_publications"):
        settings_with(retention={"keep_publications": 1})


def test_how_long_things_are_kept_changes_no_result(settings_with: Callable[..., RecommenderSettings]) -> None:
    assert settings_with(retention={"drafts_days": 3}).hash == settings_with().hash
    assert settings_with(privacy={"hash_user_ids": True}).hash != settings_with().hash


def test_old_distributions_and_drift_metrics_go(
    recommender: Workspace[RecommenderSettings], warehouse: LocalWarehouse
) -> None:
    for days in (401, 400, 1):
        put(warehouse, DISTRIBUTIONS, [row_of(DISTRIBUTIONS, day=ago(days), subject="events")])
        put(warehouse, DRIFT_METRICS, [row_of(DRIFT_METRICS, as_of_date=ago(days))])
    remove_expired(NOW, recommender)
    left = [str(ago(days)) for days in (400, 1)]
    assert days_of(warehouse, DISTRIBUTIONS, "day") == days_of(warehouse, DRIFT_METRICS) == left


def rows_of_costs(number: int) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist([row_of(RUN_COSTS, as_of_date=TODAY, job_id=f"job {number}")], schema=RUN_COSTS.schema)
