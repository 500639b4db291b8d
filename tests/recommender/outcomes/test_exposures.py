"""The log of what was shown: landed, checked, and what it adds to outcomes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from include.recommender.forgetting import forget
from include.recommender.outcomes.steps import compare_arms, ingest_exposures, measure_outcomes
from include.recommender.tables import EXPOSURES
from include.retraining.errors import LandedDataError
from include.retraining.landing import MARKER
from include.retraining.operation import Operation
from include.retraining.tables import QUARANTINED_ROWS
from tests.recommender.outcomes.published_world import (
    at,
    comparisons,
    happen,
    list_rows,
    outcomes,
    publish,
    run_for,
    switch,
)
from tests.recommender.small_world import event

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

DAY = date(2026, 5, 1)
NEXT = DAY + timedelta(days=1)
GOOD = {
    "publication_id": "2026-05-01-aaaaaaaaaaaa", "surface": "for_you", "user_id": "u1", "item_id": "i1", "position": 1,
    "shown_at": "2026-05-01T10:00:00Z",
}  # fmt: skip


def land(home: Path, arrival: date, rows: list[dict[str, Any]], complete: bool = True) -> None:
    folder = home / "landing" / "exposures" / arrival.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    if complete:
        (folder / MARKER).touch()


def stored(workspace: Recommender) -> list[dict[str, Any]]:
    return workspace.warehouse.read(EXPOSURES).to_pylist()


def test_landed_rows_become_typed_rows_each_once(workspace: Recommender, tmp_path: Path) -> None:
    land(tmp_path, NEXT, [GOOD, GOOD, GOOD | {"position": "2.0", "item_id": " i2 "}])
    assert ingest_exposures(run_for(NEXT), workspace) == "2 exposures"
    first, second = sorted(stored(workspace), key=lambda row: row["position"])
    assert (first["item_id"], second["item_id"], second["position"]) == ("i1", "i2", 2)
    assert first["shown_at"] == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert (first["shown_date"], first["arrival_date"]) == (DAY, NEXT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"publication_id": " "}, "publication_id_missing"),
        ({"surface": "elsewhere"}, "surface_unknown"),
        ({"surface": None}, "surface_unknown"),
        ({"user_id": None}, "user_id_missing"),
        ({"user_id": "cat@example.com"}, "user_id_looks_personal"),
        ({"item_id": ""}, "item_id_missing"),
        ({"position": "first"}, "position_unreadable"),
        ({"position": 0}, "position_unreadable"),
        ({"position": 1.5}, "position_unreadable"),
        ({"shown_at": "at noon"}, "shown_at_unreadable"),
        ({"shown_at": "infinity"}, "shown_at_unreadable"),
        ({"shown_at": "20260-05-01T10:00:00Z"}, "shown_at_unreadable"),
        ({"shown_at": "2026-05-02T00:00:00Z"}, "dated_after_arrival"),
    ],
)
def test_rule_6_a_row_that_breaks_a_rule_is_kept_aside(
    workspace: Recommender, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    land(tmp_path, NEXT, [GOOD, GOOD | change])
    ingest_exposures(run_for(NEXT), workspace)
    assert len(stored(workspace)) == 1
    (row,) = workspace.warehouse.read(QUARANTINED_ROWS, {"source": "exposures"}).to_pylist()
    assert row["reason"] == reason
    assert "cat@example.com" not in row["landed_row"]


def test_an_earlier_delivery_is_taken_in_once_and_that_of_the_date_anew(workspace: Recommender, tmp_path: Path) -> None:
    land(tmp_path, NEXT, [GOOD])
    later = NEXT + timedelta(days=1)
    land(tmp_path, later, [GOOD | {"shown_at": "2026-05-02T09:00:00Z"}])
    land(tmp_path, later + timedelta(days=1), [GOOD], complete=False)
    assert ingest_exposures(run_for(later), workspace) == "2 exposures"
    assert ingest_exposures(run_for(later), workspace) == "1 exposures"
    assert {row["arrival_date"] for row in stored(workspace)} == {NEXT, later}


def test_without_a_log_outcomes_go_by_lists_and_say_so(workspace: Recommender) -> None:
    assert "go by lists alone" in ingest_exposures(run_for(NEXT), workspace)


def test_a_delivery_that_lacks_a_column_is_refused(workspace: Recommender, tmp_path: Path) -> None:
    land(tmp_path, NEXT, [{name: value for name, value in GOOD.items() if name != "position"}])
    with pytest.raises(LandedDataError, match="position"):
        ingest_exposures(run_for(NEXT), workspace)


def shown_world(workspace: Recommender, home: Path) -> str:
    """u1 and u2 in the ranker's arm, u3 held back, u4 never shown anything; clicks and a click before the showing."""
    rows = list_rows(DAY, "for_you", {"u1": ["i1", "i2"], "u2": ["i1", "i2"], "u4": ["i1", "i2"], "*": ["i1"]})
    rows += list_rows(DAY, "for_you", {"u3": ["i1", "i2"]}, "baseline", "baseline/own_history")
    name = publish(workspace, DAY, rows)
    switch(workspace, (name, at(DAY)))
    shown = [
        {"user_id": user, "item_id": item, "position": position, "shown_at": f"2026-05-01T{hour}:00:00Z"}
        for user, item, position, hour in (
            ("u1", "i1", 1, "10"), ("u1", "i2", 2, "10"), ("u1", "i1", 1, "12"), ("u2", "i1", 1, "10"),
            ("u3", "i1", 1, "10"), ("u3", "i2", 2, "10"),
        )
    ]  # fmt: skip
    land(home, NEXT, [GOOD | {"publication_id": name} | row for row in shown])

    def at_hour(user: str, item: str, hour: int) -> dict[str, Any]:
        return event(user, item, 0, day=DAY, occurred_at=datetime(2026, 5, 1, hour, tzinfo=UTC))

    happen(
        workspace, [at_hour("u1", "i1", 13), at_hour("u2", "i1", 9), at_hour("u3", "i2", 11), at_hour("u4", "i1", 12)]
    )
    ingest_exposures(run_for(NEXT), workspace)
    return name


def test_click_through_is_of_those_who_were_shown_something_and_by_position(
    workspace: Recommender, tmp_path: Path
) -> None:
    shown_world(workspace, tmp_path)
    measure_outcomes(run_for(NEXT), workspace)
    rows = outcomes(workspace, NEXT, reading="while_current", metric="click_through")
    means = {(row["arm"], row["model_version"], row["group_name"]): (row["mean"], row["users"]) for row in rows}
    # One click follows the later of two showings of i1 to u1; u2 wanted it before it was shown; u4 was shown nothing.
    assert means["", "", "all"] == (pytest.approx(2 / 6), 3)
    assert means["ranker", "", "all"] == (pytest.approx(1 / 4), 2)
    assert means["", "baseline/own_history", "all"] == (pytest.approx(1 / 2), 1)
    assert means["", "", "1"] == (pytest.approx(1 / 4), 3)
    assert means["", "", "2"] == (pytest.approx(1 / 2), 2)
    assert {row["dimension"] for row in rows} == {"all", "position"}


def test_what_a_newcomer_was_shown_is_of_no_model(workspace: Recommender, tmp_path: Path) -> None:
    """The same rule made the list for everybody and that of u1."""
    rule = ("baseline", "baseline/recent_popularity")
    name = publish(workspace, DAY, list_rows(DAY, "for_you", {"u1": ["i1"], "*": ["i1"]}, *rule))
    switch(workspace, (name, at(DAY)))
    land(tmp_path, NEXT, [GOOD | {"publication_id": name, "user_id": user} for user in ("u1", "new")])
    ingest_exposures(run_for(NEXT), workspace)
    measure_outcomes(run_for(NEXT), workspace)
    rows = outcomes(workspace, NEXT, metric="click_through", dimension="all")
    found = {(row["arm"], row["model_version"]): row["users"] for row in rows}
    assert found == {("", ""): 2, ("baseline", ""): 1, ("", "baseline/recent_popularity"): 1}


def test_arms_are_compared_by_what_those_shown_did(workspace: Recommender, tmp_path: Path) -> None:
    shown_world(workspace, tmp_path)
    compare_arms(run_for(NEXT), workspace)
    (row,) = comparisons(workspace, NEXT, reading="while_current", metric="click_through")
    assert (row["users"], row["reference_users"], row["verdict"]) == (2, 1, "too_little_data")
    assert row["difference"] == pytest.approx(1 / 4 - 1 / 2)


def test_what_was_shown_counts_from_the_business_date_on_which_readers_got_the_lists(
    workspace: Recommender, tmp_path: Path
) -> None:
    """In Los Angeles they get them on the evening before, at 20:00, which is the next day by UTC."""
    business = workspace.settings.business.model_copy(update={"timezone": "America/Los_Angeles"})
    workspace = replace(workspace, settings=workspace.settings.model_copy(update={"business": business}))
    name = shown_world(workspace, tmp_path)
    evening = {"publication_id": name, "shown_at": "2026-05-01T04:00:00Z"}
    land(tmp_path, NEXT, [GOOD | evening | {"user_id": user} for user in ("u1", "u3")])
    ingest_exposures(run_for(NEXT), workspace)
    compare_arms(run_for(NEXT), workspace)
    (row,) = comparisons(workspace, NEXT, reading="while_current", metric="click_through")
    assert (row["users"], row["reference_users"]) == (1, 1)


def test_rule_2_exposures_that_arrive_later_are_not_known_yet(workspace: Recommender, tmp_path: Path) -> None:
    name = shown_world(workspace, tmp_path)
    measure_outcomes(run_for(NEXT), workspace)
    before = outcomes(workspace, NEXT)
    land(tmp_path, NEXT + timedelta(days=1), [GOOD | {"publication_id": name, "user_id": "u2", "position": 3}])
    ingest_exposures(run_for(NEXT + timedelta(days=1)), workspace)
    measure_outcomes(run_for(NEXT), workspace)
    assert outcomes(workspace, NEXT) == before


def test_a_person_is_forgotten_in_exposures_their_quarantine_and_landed_files(
    workspace: Recommender, tmp_path: Path
) -> None:
    land(tmp_path, NEXT, [GOOD, GOOD | {"user_id": "u2"}, GOOD | {"position": 0}])
    ingest_exposures(run_for(NEXT), workspace)
    said = forget(Operation("run 1", "dpo", "asked", dry_run=False), workspace, "u1")
    assert "exposures/2026-05-02/part.jsonl: 2 rows" in said
    assert [row["user_id"] for row in stored(workspace)] == ["u2"]
    assert workspace.warehouse.read(QUARANTINED_ROWS).num_rows == 0
    ingest_exposures(run_for(NEXT), workspace)
    assert [row["user_id"] for row in stored(workspace)] == ["u2"]
