"""Rule 7: the alert says that readers keep the last good publication."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.retraining.alerting.log_notifier import report_failed_run


@pytest.mark.parametrize(("reason", "said"), [("timed_out", "timed_out"), (None, "a task failed")])
def test_rule_7_a_failed_run_is_named_with_what_readers_see_and_what_to_do(
    caplog: pytest.LogCaptureFixture, reason: str | None, said: str
) -> None:
    report_failed_run({"dag_run": SimpleNamespace(run_id="run 1", dag_id="recommender_daily"), "reason": reason})
    (record,) = caplog.records
    message = record.getMessage()
    assert record.levelname == "ERROR"
    assert message.startswith(f"Run run 1 of recommender_daily failed: {said}.")
    assert "Readers keep the last good publication" in message
    assert "docs/runbook.md" in message
