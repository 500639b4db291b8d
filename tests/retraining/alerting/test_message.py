"""An alert says everything that on-call asks, first on the phone, then in full."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.retraining.alerting.message import ERROR_LENGTH, SUBJECT_LENGTH, FailedTask
from tests.retraining.alerting.alerts import KILLED, STOPPED, alert


def test_the_whole_message() -> None:
    assert alert(KILLED, STOPPED).text.splitlines() == [
        "[page] recommender_daily 2026-03-02: publish.stage failed",
        "",
        "Failed: publish.stage, discover.evaluate",
        "Since: 2026-03-02 03:12 UTC",
        "Now: readers see 2026-03-01-abc, switched 1 day ago: fresh until 2026-03-03 00:00 UTC",
        "Impact: nothing fresh",
        "First action: clear it",
        "Runbook: runbook#stage",
        "Log: log of stage",
        "Run: scheduled__2026-03-02T03:00:00+00:00 (scheduled) for 2026-03-02",
        "",
        "1. publish.stage",
        "  Error: no error was recorded: it was killed, or the warehouse could not take its error (is the disk full?)",
        "  If it fails: no lists",
        "",
        "2. discover.evaluate",
        "  Error: DataStopError: expected a; found b",
        "  If it fails: no challenger",
        "  First action: mend",
        "  Runbook: runbook#x",
        "  Log: log of x",
    ]


def test_a_message_without_failed_tasks_names_none() -> None:
    text = alert(severity="recovery", details=("over: something",)).text
    assert "Failed:" not in text
    assert text.splitlines()[-1] == "- over: something"


def test_the_subject_fits_a_phone_and_begins_with_how_bad_it_is() -> None:
    long = alert(headline="publish.build_popular_items failed and 17 more that are named below")
    assert len(long.subject) == SUBJECT_LENGTH
    assert long.subject.startswith("[page] recommender_daily 2026-03-02: publish.build_popular_items")
    assert "\n" not in alert(headline="a").subject


def test_the_longest_error_is_cut_and_the_tasks_after_the_fifth_are_only_named() -> None:
    many = [FailedTask(f"task_{n}", "", "", "", "", "ValueError", "x" * 10_000) for n in range(40)]
    text = alert(*many).text
    assert "task_39" in text
    assert "6. task_5" not in text
    assert len(text) < 5 * ERROR_LENGTH + 3000


@pytest.mark.parametrize(
    "other",
    [
        alert(KILLED, STOPPED),
        alert(STOPPED),
        alert(replace(KILLED, error="OSError")),
        alert(KILLED, severity="notice"),
        alert(KILLED, kind="publication_late"),
        alert(KILLED, details=("more",)),
    ],
)
def test_what_is_news_has_another_fingerprint(other) -> None:
    assert other.fingerprint != alert(KILLED).fingerprint


def test_the_order_of_tasks_and_the_age_of_lists_are_no_news() -> None:
    again = alert(STOPPED, KILLED, readers="readers see 2026-03-01-abc, switched 2 days ago", log="another try")
    assert again.fingerprint == alert(KILLED, STOPPED).fingerprint
