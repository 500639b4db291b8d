"""A notice about outcomes is sent when they stay below the estimate, or an arm turns bad, and not again every day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from include.retraining.alerting import notices
from include.retraining.alerting.outcomes import tell_of_outcomes
from include.retraining.monitoring.outcome_notices import below_estimate, is_below, turned_bad
from include.retraining.monitoring.tables import ARM_COMPARISONS, OUTCOME_METRICS
from include.retraining.run import Run
from include.retraining.settings import Alerts, Business, Outcomes
from tests.retraining.alerting.alerts import DAY
from tests.retraining.alerting.conftest import CHAT

RUN = Run(DAY, "scheduled__outcomes", "scheduled", dag_id="recommender_outcomes")
FORETOLD = {"offline_mean": 0.30, "offline_low": 0.29, "offline_high": 0.31}
METRIC = "ndcg@10"


def matured(warehouse, day: date, mean: float, **change: Any) -> None:
    row = {
        "computed_for": day, "publication_id": f"{day - timedelta(days=10)}-x", "as_of_date": day - timedelta(days=10),
        "reading": "held_7_days", "stage": "matured", "days": 7, "surface": "for_you", "arm": "ranker",
        "model_version": "", "dimension": "all", "group_name": "all", "metric": METRIC, "users": 100, "mean": mean,
        "low": mean - 0.01, "high": mean + 0.01, **FORETOLD, **change,
    }  # fmt: skip
    rows = pa.Table.from_pylist([row], schema=OUTCOME_METRICS.schema)
    warehouse.replace(OUTCOME_METRICS, {"computed_for": day}, rows)


def compared(warehouse, day: date, verdict: str, **change: float) -> None:
    row = {
        "computed_for": day, "surface": "for_you", "arm": "ranker", "reference_arm": "baseline",
        "reading": "while_current", "metric": METRIC, "days": 14, "users": 950, "reference_users": 90, "mean": 0.2,
        "reference_mean": 0.3, "difference": -0.1, "low": -0.15, "high": -0.05, "verdict": verdict,
        "sample_ratio_p": 0.00001, **change,
    }  # fmt: skip
    rows = pa.Table.from_pylist([row], schema=ARM_COMPARISONS.schema)
    warehouse.replace(ARM_COMPARISONS, {"computed_for": day}, rows)


def told(warehouse, day: date = DAY) -> str:
    return below_estimate(warehouse, day, "for_you", METRIC, in_a_row=3)


@pytest.mark.parametrize(("mean", "below"), [(0.25, True), (0.288, False), (0.35, False)])
def test_below_is_by_more_than_both_errors_allow(mean: float, below: bool) -> None:
    row = {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, **FORETOLD}
    assert is_below(row) is below


def test_a_figure_without_an_interval_says_nothing() -> None:
    assert not is_below({"mean": 0.0, "low": None, "high": None, **FORETOLD})


def test_every_third_bad_day_in_a_row_is_told(warehouse) -> None:
    days = [DAY - timedelta(days=back) for back in range(6, -1, -1)]
    matured(warehouse, days[0], 0.30)
    said = []
    for day in days[1:]:
        matured(warehouse, day, 0.20)
        said.append(told(warehouse, day))
    assert [bool(line) for line in said] == [False, False, True, False, False, True]
    assert "the last 6 outcomes are worse than foretold" in said[-1]
    assert "0.2000, the offline estimate 0.3000" in said[-1]


@pytest.mark.parametrize(
    "change",
    [{"stage": "early"}, {"reading": "while_current"}, {"arm": "baseline"}, dict.fromkeys(FORETOLD, None)],
    ids=["early", "while current", "held back", "never evaluated"],
)
def test_only_matured_figures_of_the_ranker_beside_an_estimate_count(warehouse, change: dict[str, Any]) -> None:
    for back in range(3):
        matured(warehouse, DAY - timedelta(days=back), 0.20, **change)
    assert told(warehouse) == ""


def test_one_good_day_begins_the_count_anew(warehouse) -> None:
    for back, mean in enumerate((0.2, 0.2, 0.3, 0.2)):
        matured(warehouse, DAY - timedelta(days=back), mean)
    assert told(warehouse) == ""


def test_an_arm_that_turned_bad_is_told_once(warehouse) -> None:
    compared(warehouse, DAY - timedelta(days=1), "no_difference")
    compared(warehouse, DAY, "worse")
    (line,) = turned_bad(warehouse, DAY, METRIC)
    assert line == "for_you: arm ranker against baseline, while_current: worse by 0.1000 (ndcg@10, -0.1500 to -0.0500)"
    compared(warehouse, DAY + timedelta(days=1), "worse")
    assert turned_bad(warehouse, DAY + timedelta(days=1), METRIC) == []
    compared(warehouse, DAY + timedelta(days=2), "ratio_mismatch")
    (line,) = turned_bad(warehouse, DAY + timedelta(days=2), METRIC)
    assert "the sizes of the arms are no accident (p = 1e-05)" in line


def test_the_notice_says_where_more_members_of_one_arm_come(warehouse) -> None:
    compared(warehouse, DAY, "worse", came_ratio_p=0.0004)
    (line,) = turned_bad(warehouse, DAY, METRIC)
    assert line.endswith("(ndcg@10, -0.1500 to -0.0500); the arms differ in who comes: read wanted_items")


@pytest.mark.parametrize("verdict", ["better", "no_difference", "too_little_data"])
def test_no_other_verdict_is_worth_a_notice(warehouse, verdict: str) -> None:
    compared(warehouse, DAY, verdict)
    assert turned_bad(warehouse, DAY, METRIC) == []


def test_the_notice_names_what_it_saw_and_is_no_page(warehouse, chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of yesterday at the latest: a missed date that somebody makes up for by hand is no news."""
    monkeypatch.setattr(notices, "today_in", lambda _: DAY + timedelta(days=2))
    compared(warehouse, DAY, "worse")
    settings = SimpleNamespace(alerts=Alerts(channels=(CHAT,)), outcomes=Outcomes(), business=Business())
    workspace = SimpleNamespace(warehouse=warehouse, settings=settings)
    made_up_for = replace(RUN, run_id="manual", why="manual")
    assert "not sent" in tell_of_outcomes(made_up_for, workspace, ("for_you",), METRIC)
    assert chat.texts == []
    monkeypatch.setattr(notices, "today_in", lambda _: DAY + timedelta(days=1))
    assert "worse by 0.1" in tell_of_outcomes(RUN, workspace, ("for_you",), METRIC)
    (text,) = chat.texts
    assert "[notice] recommender_outcomes" in text
    assert "outcomes-worse" in text
    backfill = replace(RUN, run_id="backfill", why="backfill")
    assert "not sent" in tell_of_outcomes(backfill, workspace, ("for_you",), METRIC)
    assert len(chat.texts) == 1


def test_a_quiet_day_sends_nothing(warehouse, chat) -> None:
    workspace = SimpleNamespace(warehouse=warehouse, settings=SimpleNamespace(alerts=Alerts(), outcomes=Outcomes()))
    assert tell_of_outcomes(RUN, workspace, ("for_you",), METRIC) == "nothing worth a notice"
    assert chat.texts == []
