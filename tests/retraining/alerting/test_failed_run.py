"""A failed run becomes one alert: every cause named, in order, each with what is known about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.retraining.alerting.failed_run import TaskPage, failed_run_alert, failures_in
from include.retraining.alerting.readers import Readers
from tests.retraining.alerting.alerts import LINKS, NIGHT, PAGE, RUN, failure, said

PAGES = {
    name: TaskPage(PAGE, name, depth)
    for depth, name in enumerate(["ingest", "train_2", "publish.score_users", "publish.stage"])
}
READERS = Readers("readers see something")


def named(states: dict, words: dict | None = None) -> list[tuple[str, int]]:
    return [(found.task_id, found.map_index) for found in failures_in(states, PAGES, words or {})]


def test_upstream_failed_and_skipped_tasks_are_no_causes() -> None:
    states = {"ingest": "failed", "publish.stage": "upstream_failed", "train_2": "skipped", "gone": "failed"}
    assert named(states) == [("ingest", -1)]


def test_the_first_cause_comes_first_whatever_airflow_says_first() -> None:
    assert named({"publish.stage": "failed", "ingest": "failed"}) == [("ingest", -1), ("publish.stage", -1)]


def test_shards_are_told_apart_and_a_name_that_ends_in_a_number_is_no_shard() -> None:
    states = {"publish.score_users_1": "failed", "publish.score_users_0": "success", "train_2": "failed"}
    assert named(states) == [("train_2", -1), ("publish.score_users", 1)]


def test_among_equals_who_failed_first_comes_first_and_who_said_nothing_last() -> None:
    states = {f"publish.score_users_{shard}": "failed" for shard in range(3)}
    words = {
        ("publish.score_users", shard): said("publish.score_users", failed_at=NIGHT + timedelta(minutes=minutes))
        for shard, minutes in ((1, 2), (2, 1))
    }
    assert [index for _, index in named(states, words)] == [2, 1, 0]


def test_without_states_the_tasks_that_said_something_are_named() -> None:
    assert named({}, {("ingest", -1): said("ingest")}) == [("ingest", -1)]


def test_an_error_of_ours_gives_its_next_step_and_its_section() -> None:
    alert = failed_run_alert(RUN, [failure("publish.stage", said())], READERS, ("page", "bad"), LINKS, "task_failure")
    (task,) = alert.failed
    assert (task.error, task.message) == ("CommitConflictError", "expected a free number; found a taken one")
    assert task.first_action == alert.first_action == "let the retry decide"
    assert alert.runbook == "https://wiki/runbook#commit-conflict-error"
    assert alert.log == (
        "https://airflow/dags/recommender_daily/runs/scheduled__2026-03-02T03%3A00%3A00%2B00%3A00"
        "/tasks/publish.stage?try_number=3"
    )
    assert alert.since == NIGHT
    assert task.impact == "nothing is published today; readers keep the last publication."


@pytest.mark.parametrize("words", [None, said(error="OSError", message="disk", next_step="", runbook_section="")])
def test_a_killed_task_and_a_foreign_error_give_the_tasks_own_action_and_section(words) -> None:
    alert = failed_run_alert(RUN, [failure("publish.score_users", words, 1)], READERS, ("page", "bad"), LINKS, "")
    assert alert.headline == "publish.score_users[1] failed"
    assert alert.first_action == "read the log; clear the task."
    assert alert.runbook == "https://wiki/runbook#score_users"
    assert "/tasks/publish.score_users/mapped/1" in alert.log


def test_several_causes_are_counted_in_the_headline() -> None:
    failures = [failure("ingest"), failure("publish.stage", said())]
    alert = failed_run_alert(RUN, failures, READERS, ("notice", "fine"), LINKS, "")
    assert alert.headline == "ingest failed and 1 more"
    assert (alert.severity, alert.impact, alert.readers) == ("notice", "fine", "readers see something")


def test_a_run_that_failed_without_a_failed_task_gives_airflows_reason() -> None:
    alert = failed_run_alert(RUN, [], READERS, ("page", "bad"), LINKS, "timed_out")
    assert alert.headline == "the run failed (timed_out)"
    assert alert.runbook == "https://wiki/runbook#the-first-minute"
    assert alert.log == LINKS.run


def test_a_task_without_a_page_still_gets_an_action() -> None:
    bare = failure("ingest")
    alert = failed_run_alert(RUN, [type(bare)("x", -1, TaskPage("", "", 0), None)], READERS, ("page", "bad"), LINKS, "")
    assert alert.first_action
    assert alert.runbook == "https://wiki/runbook#the-first-minute"
