"""Calendar, champions, decisions, outcomes, drift, cost: on simulated days, on empty tables, and asked wrongly."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from benchmarks.page_speed import pages
from benchmarks.simulated_history import SimulatedHistory, publication_id
from include.retraining.monitoring.tables import ARM_COMPARISONS, DISTRIBUTIONS, DRIFT_METRICS, OUTCOME_METRICS
from include.retraining.tables import DATA_QUALITY_RESULTS, EVALUATION_RESULTS, PROMOTION_DECISIONS, RUN_COSTS
from include.ui.dates import Day
from include.ui.decided import Decided
from include.ui.morning import decision_line
from include.ui.outcomes import sentence
from tests.conftest import put_in_place, warehouse_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

    from include.retraining.warehouse.local import LocalWarehouse
    from include.retraining.warehouse.table import Table

TODAY = datetime.now(UTC).date()
NASTY = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def written(
    empty_tables: tuple[Path, dict[str, Table]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, SimulatedHistory]:
    """The folder of a warehouse with twelve days until today."""
    warehouse = warehouse_in(tmp_path_factory.mktemp("history"), empty_tables)
    simulated = SimulatedHistory(TODAY, days=12, users=3, items=30)
    simulated.write(warehouse)
    return warehouse.folder, simulated


@pytest.fixture
def history(warehouse: LocalWarehouse, written: tuple[Path, SimulatedHistory]) -> SimulatedHistory:
    """Those days in the warehouse of the test."""
    folder, simulated = written
    put_in_place(folder, warehouse)
    return simulated


def text_of(reader: TestClient, path: str, status: int = 200) -> str:
    answer = reader.get(path)
    assert answer.status_code == status, answer.text
    return " ".join(unescape(answer.text).split())


def pictures_in(text: str) -> list[str]:
    return re.findall(r'<div class="picture" role="img" aria-label="([^"]+)"> ?<svg viewBox', text)


def put(warehouse: LocalWarehouse, table: Any, day_column: str, changes: dict[str, Any], **only: str) -> None:
    """In place of the newest rows of a partitioned table those of them that are meant, with other values."""
    rows = warehouse.read(table, {day_column: TODAY, **only}).to_pylist()
    partitions = {tuple(row[name] for name in table.partition) for row in rows}
    for values in partitions:
        where = dict(zip(table.partition, values, strict=True))
        chosen = [row | changes for row in rows if all(row[name] == value for name, value in where.items())]
        warehouse.replace(table, where, pa.Table.from_pylist(chosen, schema=table.schema))


EMPTY = {
    "/": "recommender_outcomes does so once unpaused",
    "/dates": "Nothing was checked, decided or published in these months",
    f"/dates/{TODAY}": "Nothing was decided: no run of",
    "/champions": "Nothing has been decided yet",
    "/outcomes": "No outcome has been measured in these days",
    "/drift": "Nothing has been compared in these days",
    "/costs": "Nothing is recorded for these days",
}


@pytest.mark.parametrize(("path", "told"), EMPTY.items())
@pytest.mark.usefixtures("warehouse")
def test_a_fresh_install_is_told_in_words(reader: TestClient, path: str, told: str) -> None:
    text = text_of(reader, path)
    assert told in text
    assert pictures_in(text) == []


def test_every_page_works_with_history_and_each_picture_has_words_and_figures(
    reader: TestClient, history: SimulatedHistory
) -> None:
    for path in pages(history):
        if path.startswith("POST"):
            continue
        text = text_of(reader, path)
        assert len(pictures_in(text)) == text.count("<svg") == text.count("<summary>Figures"), path
        assert all(len(told) > 20 for told in pictures_in(text))
        assert not re.search(r'style="|<style|xlink', text), path


def test_the_calendar_says_in_words_what_its_signs_say(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    failed = {"outcome": "failed", "severity": "critical"}
    put(warehouse, DATA_QUALITY_RESULTS, "as_of_date", failed)
    text = text_of(reader, "/dates")
    said = re.search(rf'aria-label="({TODAY}: [^"]+)"', text)
    assert said
    assert said[1].startswith(f"{TODAY}: data stop; discover ")
    assert said[1].endswith("publication current")
    before = TODAY - timedelta(days=1)
    assert re.search(rf'aria-label="{before}: data \w+; [^"]+; publication superseded"', text)
    assert f'href="./dates/{TODAY}"' in text


def test_the_calendar_reads_a_verdict_as_the_page_of_the_date_does(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    for severity, outcome, verdict in (
        ("info", "failed", "pass"), ("warning", "failed", "warn"), ("info", "crashed", "stop"),
    ):  # fmt: skip
        put(warehouse, DATA_QUALITY_RESULTS, "as_of_date", {"severity": severity, "outcome": outcome})
        assert f"{TODAY}: data {verdict};" in text_of(reader, "/dates")
        assert f"</span> {verdict}</span>" in text_of(reader, f"/dates/{TODAY}")


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/dates?months=7", 404, "months among 3, 12"),
        ("/dates?until=soon", 400, "as_of_date as YYYY-MM-DD"),
        ("/dates?until=9999-12", 404, "a date of our time"),
        ("/dates/2026-02-30", 400, "as_of_date as YYYY-MM-DD"),
        ("/dates/0001-01-01", 404, "a date of our time"),
        ("/dates/9999-12-31", 404, "a date of our time"),
        ("/quality/0001-01-01", 200, "No checks are recorded"),
        ("/quality/9999-12-31", 200, "No checks are recorded"),
        ("/drift?days=1000", 404, "days among 30, 90, 365"),
        ("/outcomes?days=x", 404, "days among 30, 90, 365"),
        ("/drift/events/nothing", 404, "choose one there"),
        ("/decisions/2026-01-01/for_you", 404, "choose a date of the calendar"),
    ],
)
@pytest.mark.usefixtures("warehouse")
def test_what_is_asked_wrongly_is_answered_with_what_is_right(
    reader: TestClient, path: str, status: int, told: str
) -> None:
    assert told in text_of(reader, path, status)


def test_a_date_tells_all_about_itself(reader: TestClient, history: SimulatedHistory) -> None:
    text = text_of(reader, f"/dates/{TODAY}")
    for part in (
        f'href="../quality/{TODAY}"', f'href="../decisions/{TODAY}/for_you"', publication_id(TODAY),
        "minutes, every try",
        'href="../../dags/rollback_publication" data-airflow', 'href="../../dags/recommender_daily" data-airflow',
    ):  # fmt: skip
        assert part in text


def test_a_decision_shows_its_reasons_evidence_and_model_card(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    first = history.dates[0]
    text = text_of(reader, f"/decisions/{first}/for_you")
    assert "promoted" in text
    assert "over own_history +0.0192 [+0.0150, +0.0231]" in text
    assert 'href="../../models/recommender_for_you/1/card"' in text
    assert "Applied" in text
    assert f'href="../../publications/{publication_id(first)}"' in text
    assert len(pictures_in(text)) == 3
    for surface in ("for_you", "discover"):
        warehouse.delete(EVALUATION_RESULTS, {"as_of_date": first, "surface": surface})
    assert "The measurements of this date are gone" in text_of(reader, f"/decisions/{first}/for_you")


def test_an_answer_of_a_person_is_what_counts(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    (row,) = warehouse.read(
        PROMOTION_DECISIONS, {"as_of_date": TODAY, "surface": "for_you", "kind": "decided"}
    ).to_pylist()
    asked = row | {"decision_id": "asked", "choice": "ask", "recorded_at": row["recorded_at"] + timedelta(hours=1)}
    warehouse.append_once(PROMOTION_DECISIONS, pa.Table.from_pylist([asked], schema=PROMOTION_DECISIONS.schema))
    assert "a person was asked" in text_of(reader, f"/decisions/{TODAY}/for_you")
    answer = asked | {"kind": "approved", "who": "hana", "reasons": ["looks right"], "choice": "ask"}
    warehouse.append_once(PROMOTION_DECISIONS, pa.Table.from_pylist([answer], schema=PROMOTION_DECISIONS.schema))
    text = text_of(reader, f"/decisions/{TODAY}/for_you")
    assert "</span> approved</span>" in text
    assert "hana: looks right" in text
    assert "for_you approved" in text_of(reader, "/dates")


def test_champions_are_told_with_terms_lines_and_reproduction(reader: TestClient, history: SimulatedHistory) -> None:
    text = text_of(reader, "/champions")
    assert len(pictures_in(text)) == 2
    assert "challenger 0.1" in text
    assert "best baseline 0.1" in text
    assert "now</span> since" in text
    assert "trained again: the same" in text


def test_outcomes_are_by_arm_with_the_arms_in_words(reader: TestClient, history: SimulatedHistory) -> None:
    text = text_of(reader, "/outcomes")
    assert "On for_you the arm ranker does better than baseline: ndcg@10 +0.01" in text
    assert "14 days, 19,000 and 1,000 users" in text
    assert "users are split as planned (p = 0.43)" in text
    told = " ".join(pictures_in(text))
    assert all(name in told for name in ("ranker 0.1", "baseline 0.1", "offline estimate 0.142"))
    other = text_of(reader, "/outcomes?reading=held_7_days&metric=recall@20")
    assert "recall@20 by arm, for_you" in other
    assert 'href="./documents/docs/data_model.md#training_set">what each one is' in text
    assert 'id="training_set"' in reader.get("/documents/docs/data_model.md").text
    assert f"on {TODAY - timedelta(days=7)}" in " ".join(pictures_in(other))
    assert "early figures" in other or "stage=matured" in other


def test_outcomes_without_arms_to_compare_are_not_called_unmeasured(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    for values in warehouse.partitions(ARM_COMPARISONS):
        warehouse.delete(ARM_COMPARISONS, {name: date.fromisoformat(value) for name, value in values.items()})
    assert "Measured, and no arms to compare yet" in text_of(reader, "/")


def test_an_arm_without_a_name_is_called_all_users(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    put(warehouse, OUTCOME_METRICS, "computed_for", {"arm": ""}, arm="ranker")
    text = text_of(reader, "/outcomes")
    assert "all users 0." in " ".join(pictures_in(text))
    assert re.search(r">all users</text>", text)
    assert '<th scope="col"></th>' not in text
    assert not re.search(r"arm ?</span>", text)


def test_words_of_the_pages_are_explained_at_their_foot(reader: TestClient, history: SimulatedHistory) -> None:
    for path, words in {
        "/outcomes": ("ndcg@10", "map@10", "held for 7 days", "matured", "early"),
        "/drift": ("limit", "distance"),
        f"/decisions/{TODAY}/for_you": ("margin", "smallest change that can be told from chance"),
    }.items():
        text = text_of(reader, path)
        assert all(f"<dt>{word}</dt><dd>" in text for word in words), path
        for section in re.findall(r"documents/docs/operate\.md#([\w-]+)", text):
            assert f'id="{section}"' in reader.get("/documents/docs/operate.md").text


def test_a_day_whose_drift_could_not_be_compared_says_why(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    warehouse.delete(DRIFT_METRICS, {"as_of_date": TODAY})
    warehouse.delete(DISTRIBUTIONS, {"day": TODAY - timedelta(days=1), "subject": "events"})
    for path in ("/", "/drift"):
        text = text_of(reader, path)
        assert "othing could be compared" in text
        assert f"events: no events on {TODAY - timedelta(days=1)}; features: no reference days yet" in text


def test_the_line_about_decisions_carries_the_figures() -> None:
    reasons = ("ndcg@10 over own_history +0.0823 [+0.0636, +0.1016]", "there is no champion yet", "2185 users ...")
    decided = Decided(TODAY, "for_you", "promote", reasons, "m/2", "m/1", "own_history", datetime.now(UTC), ())
    assert decided.figures == f"{reasons[0]}, {reasons[1]}"
    kept = replace(decided, choice="keep", reasons=("only 3 users in the evaluated weeks, 50 are needed", "more"))
    assert kept.figures == kept.reasons[0]
    day = Day(TODAY, "pass", (decided,), ())
    assert f"{TODAY}: on for_you the new ranker takes over ({decided.figures})." in decision_line(day).sentence


def test_what_is_not_there_to_choose_is_replaced_by_what_is(reader: TestClient, history: SimulatedHistory) -> None:
    assert "ndcg@10 by arm, for_you" in text_of(reader, f"/outcomes?metric={NASTY}&stage=never")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"verdict": "worse", "difference": -0.01, "low": -0.02, "high": -0.001},
            "does worse than baseline: ndcg@10 -0.0100",
        ),
        ({"verdict": "better", "came_ratio_p": 0.0004}, "users); the arms differ in who comes: read wanted_items."),
        ({"verdict": "no_difference"}, "cannot be told apart from baseline"),
        ({"verdict": "too_little_data", "difference": None}, "has too little data beside baseline (14 days"),
        ({"verdict": "ratio_mismatch", "sample_ratio_p": 0.0004}, "users are not split as the experiment says"),
    ],
)  # fmt: skip
def test_each_verdict_about_arms_is_a_sentence(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory, changes: dict[str, Any], told: str
) -> None:
    put(warehouse, ARM_COMPARISONS, "computed_for", changes)
    assert told in text_of(reader, "/outcomes")
    assert told in text_of(reader, "/")
    row = warehouse.read(ARM_COMPARISONS, {"computed_for": TODAY}).to_pylist()[0]
    assert told.partition(":")[0] in sentence(row)


def test_drift_shows_short_and_long_apart(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    rows = warehouse.read(DRIFT_METRICS, {"as_of_date": TODAY}).to_pylist()
    quiet = [row | {"drifted": False} for row in rows if row["horizon"] == "short"]
    far = {"value": 0.4, "drifted": True, "days_in_a_row": 5}
    moved = [row | (far if row["name"] == "category" and row["subject"] == "lists" else {"drifted": False})
             for row in rows if row["horizon"] == "long"]  # fmt: skip
    warehouse.replace(
        DRIFT_METRICS, {"as_of_date": TODAY}, pa.Table.from_pylist(quiet + moved, schema=DRIFT_METRICS.schema)
    )
    text = text_of(reader, "/drift")
    assert (
        'long</span> <a href="./drift/lists/category">lists: category</a> 0.4, limit 0.1, for 5 days in a row' in text
    )
    short, _, long = text.partition("Gradual: the last week")
    assert len(pictures_in(short)) == len(pictures_in(long)) == 4
    assert "beyond their limits: 1 long; longest lists category" in text_of(reader, "/")
    one = text_of(reader, "/drift/lists/category")
    assert len(pictures_in(one)) == 3
    assert "beyond its limit" in one


def test_cost_counts_every_try_and_tells_slowest_tasks_apart(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    (row,) = warehouse.read(RUN_COSTS, {"as_of_date": TODAY, "task_id": "publish.stage"}).to_pylist()
    again = row | {"job_id": "again", "try_number": 2, "seconds": 6000.0}
    before = text_of(reader, "/costs")
    warehouse.append_once(RUN_COSTS, pa.Table.from_pylist([again], schema=RUN_COSTS.schema))
    after = text_of(reader, "/costs")
    other = row | {"job_id": "other", "dag_id": "recommender_drift", "seconds": 60000.0}
    days_before = text_of(reader, f"/dates/{TODAY}"), text_of(reader, "/")
    warehouse.append_once(RUN_COSTS, pa.Table.from_pylist([other], schema=RUN_COSTS.schema))
    assert (text_of(reader, f"/dates/{TODAY}"), text_of(reader, "/")) == days_before, "only the daily DAG's time"
    last = [float(re.search(r"all tasks ([\d.]+) on", text)[1]) for text in (before, after)]  # type: ignore[index]
    assert last[1] - last[0] == pytest.approx(100, rel=0.02)
    for name in ("for_you evaluate", "discover evaluate", "score_users", "Money", "MiB"):
        assert name in after


def test_names_in_tables_stay_text_in_pages_and_pictures(
    reader: TestClient, warehouse: LocalWarehouse, history: SimulatedHistory
) -> None:
    put(warehouse, OUTCOME_METRICS, "computed_for", {"arm": NASTY, "model_version": NASTY}, arm="ranker")
    put(warehouse, ARM_COMPARISONS, "computed_for", {"arm": NASTY})
    rows = warehouse.read(DRIFT_METRICS, {"as_of_date": TODAY}).to_pylist()
    renamed = [row | {"name": f"{NASTY}{at}", "drifted": True} for at, row in enumerate(rows)]
    warehouse.replace(DRIFT_METRICS, {"as_of_date": TODAY}, pa.Table.from_pylist(renamed, schema=DRIFT_METRICS.schema))
    for path in ("/", "/outcomes", "/drift", f"/drift/events/{NASTY}0", f"/decisions/{TODAY}/<script>alert"):
        raw = reader.get(path).text
        assert "alert" in raw, path
        assert "<script" not in raw.replace('<script src="', ""), path


def test_pages_look_back_from_the_newest_figures(reader: TestClient, warehouse: LocalWarehouse) -> None:
    """In a home that was left alone for a year."""
    SimulatedHistory(TODAY - timedelta(days=500), days=5, users=1, items=30).write(warehouse)
    for path in ("/drift", "/costs", "/outcomes", "/champions"):
        assert pictures_in(text_of(reader, path)), path
    assert str((TODAY - timedelta(days=500)).year) in text_of(reader, "/dates")
