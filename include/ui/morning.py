"""What an operator asks every morning, each answered in a line: fresh, checked, decided, better, changed, how dear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.retraining.monitoring.not_compared import newest_measured, not_compared
from include.retraining.monitoring.tables import DRIFT_METRICS, OUTCOME_METRICS, REPRODUCTIONS
from include.retraining.tables import RUN_COSTS
from include.ui.drift import HORIZONS, SUBJECTS, drifted_of
from include.ui.outcomes import arms_in_words
from include.ui.windows import newest_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse
    from include.ui.dates import Day
    from include.ui.failed import Failed

MINUTE = 60
NAMED = 3


@dataclass(frozen=True)
class Told:
    """One answer: a mark, what it is about, a sentence, and where more is."""

    mark: str
    about: str
    sentence: str
    path: str


def data_line(day: Day | None, failed: Sequence[Failed] = ()) -> Told:
    """The checks of the newest date that has any; those of an earlier try are called so."""
    if day is None or not day.verdict:
        return Told("none", "Data", "No date has been checked yet.", "dates")
    said = {"pass": "every check passed", "warn": "a check warned", "stop": "a check stops the run"}[day.verdict]
    later = next((each for each in failed if each.as_of_date == day.day and each.older_verdict), None)
    if later:
        said = f"in an earlier try {said}; {later.task} failed since, at {later.failed_at:%H:%M} UTC"
    return Told("stop" if later else day.verdict, "Data", f"{day.day}: {said}.", f"quality/{day.day}")


def decision_line(day: Day | None) -> Told:
    """What was decided on the newest date that has a decision."""
    if day is None:
        return Told("none", "Decision", "Nothing has been decided yet.", "champions")
    told = "; ".join(each.sentence for each in day.decided)
    waits = any(each.outcome == "ask" for each in day.decided)
    return Told("warn" if waits else "told", "Decision", f"{day.day}: {told}.", f"dates/{day.day}")


def outcome_line(warehouse: Warehouse, metric: str) -> Told:
    """The latest comparison of arms, the worst first."""
    order = ("ratio_mismatch", "worse", "too_little_data", "no_difference", "better")
    rows = sorted(arms_in_words(warehouse, None, metric), key=lambda row: _place(row["verdict"], order))
    if not rows and newest_date(warehouse, OUTCOME_METRICS) is None:
        return Told(
            "none", "Outcomes", "Nothing has been measured yet: recommender_outcomes does so once unpaused.", "outcomes"
        )
    if not rows:
        return Told("none", "Outcomes", "Measured, and no arms to compare yet.", "outcomes")
    return Told(rows[0]["mark"], "Outcomes", " ".join(row["told"] for row in rows[:2]), "outcomes")


def drift_line(warehouse: Warehouse) -> Told:
    """How many measures are beyond their limits on the newest day, and the longest ones by name."""
    newest = newest_measured(warehouse) or newest_date(warehouse, DRIFT_METRICS)
    if newest is None:
        return Told("none", "Drift", "Nothing has been measured yet: recommender_drift does so once unpaused.", "drift")
    columns = ["horizon", "subject", "name", "value", "threshold", "drifted", "days_in_a_row"]
    rows = warehouse.read(DRIFT_METRICS, {"as_of_date": newest}, columns).to_pylist()
    if not rows:
        why = "; ".join(not_compared(warehouse, newest, SUBJECTS, ()))
        return Told("none", "Drift", f"{newest}: nothing could be compared: {why}.", "drift")
    found = drifted_of(rows)
    if not found:
        unknown = not_compared(warehouse, newest, SUBJECTS, {row["subject"] for row in rows})
        so_far = f" of what could be compared; not compared: {'; '.join(unknown)}" if unknown else ""
        return Told("told" if unknown else "pass", "Drift", f"{newest}: nothing is beyond its limit{so_far}.", "drift")
    counts = " and ".join(
        f"{count} {horizon}" for horizon in HORIZONS if (count := sum(each.horizon == horizon for each in found))
    )
    names = ", ".join(dict.fromkeys(f"{each.subject} {each.name}" for each in found[:NAMED]))
    return Told("warn", "Drift", f"{newest}: beyond their limits: {counts}; longest {names}.", "drift")


def cost_line(warehouse: Warehouse, dag_id: str, dates: Sequence[date]) -> Told:
    """The newest date's time of the daily DAG, beside the mean of the dates before."""
    where = {"as_of_date": list(dates), "dag_id": dag_id}
    rows = warehouse.read(RUN_COSTS, where, ["as_of_date", "seconds"]).to_pylist()
    seconds: dict[date, float] = {}
    for row in rows:
        if row["seconds"] is not None:
            seconds[row["as_of_date"]] = seconds.get(row["as_of_date"], 0.0) + row["seconds"]
    if not seconds:
        return Told("none", "Cost", "No task's time is recorded yet.", "costs")
    last = max(seconds)
    others = [value for day, value in seconds.items() if day != last]
    of = f"on average of the {len(others)} dates" if len(others) > 1 else "on the date"
    usual = f"; {sum(others) / len(others) / MINUTE:.1f} {of} before" if others else ""
    return Told("told", "Cost", f"{last}: {seconds[last] / MINUTE:.1f} minutes of its daily tasks{usual}.", "costs")


def reproduction_line(warehouse: Warehouse) -> Told:
    """Whether champions can be trained again, at the latest attempt."""
    columns = ["as_of_date", "surface", "verdict"]
    rows = sorted(warehouse.read(REPRODUCTIONS, None, columns).to_pylist(), key=lambda row: row["as_of_date"])
    if not rows:
        return Told("none", "Reproduction", "No champion has been trained again yet.", "champions")
    latest: dict[str, Any] = {row["surface"]: row for row in rows}
    words = {"same": "came out the same", "differs": "came out different", "not_possible": "could not be trained again"}
    told = "; ".join(
        f"{row['as_of_date']} {surface} {words.get(row['verdict'], row['verdict'])}" for surface, row in latest.items()
    )
    same = all(row["verdict"] == "same" for row in latest.values())
    return Told("pass" if same else "warn", "Reproduction", f"{told}.", "champions")


def _place(value: str, order: Sequence[str]) -> int:
    return order.index(value) if value in order else len(order)
