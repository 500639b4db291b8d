"""What the pages say of runs that failed: the first cause, what it said, what to do, and whether it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.retraining.alerting.channels import Delivery
from include.retraining.alerting.incidents import TaskFailure, record_alert, record_failure
from include.retraining.alerting.message import Alert, FailedTask, parts_of
from include.retraining.quality.checks import CheckResult
from include.retraining.quality.verdict import record
from include.retraining.run import Run
from include.retraining.tables import RUN_COSTS
from include.ui.at_work import AtWork
from include.ui.failed import failed_dates, failed_of
from tests.retraining.publishing import publish

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from include.retraining.warehouse.local import LocalWarehouse

DAG_ID, DAY, NOON = "recommender_daily", date(2026, 1, 10), datetime(2026, 1, 10, 12, tzinfo=UTC)
RUN = Run(DAY, "manual__1", "manual", dag_id=DAG_ID)
INGEST = FailedTask(
    "check_data.ingest", "no lists", "have the file delivered again", "docs/runbook.md#landed-data-error", "log",
    "LandedDataError", "expected a parquet file; found <b>text</b>",
)  # fmt: skip
KILLED = FailedTask("publish.score_users[2]", "no lists", "give it memory", "docs/runbook.md#score_users", "log")


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def failure(task: FailedTask = INGEST, run: Run = RUN, when: datetime = NOON, try_number: int = 1) -> TaskFailure:
    return TaskFailure(
        DAG_ID, run.run_id, task.name, -1, try_number, task.error, task.message, task.first_action,
        task.runbook.partition("#")[2], when,
    )  # fmt: skip


def alert(*failed: FailedTask, kind: str = "run_failed", run: Run = RUN) -> Alert:
    return Alert(
        "page", kind, run, "failed", "readers", "none", failed[0].first_action if failed else "none",
        failed[0].runbook if failed else "docs/runbook.md#recovered", "log", NOON, failed,
    )  # type: ignore[arg-type]  # fmt: skip


def tried(warehouse: LocalWarehouse, task_id: str, when: datetime, run: Run = RUN, try_number: int = 1) -> None:
    row = dict.fromkeys(RUN_COSTS.columns) | {
        "as_of_date": run.as_of_date, "dag_id": DAG_ID, "run_id": run.run_id, "task_id": task_id, "map_index": -1,
        "try_number": try_number, "job_id": f"{run.run_id} {task_id} {try_number}", "statement": "task",
        "recorded_at": when, "seconds": 1.0,
    }  # fmt: skip
    warehouse.append_once(RUN_COSTS, pa.Table.from_pylist([row], schema=RUN_COSTS.schema))


@pytest.fixture
def checked(warehouse: LocalWarehouse) -> LocalWarehouse:
    """A first try whose checks stopped at eleven, then a second one whose ingest failed at noon."""
    record(warehouse, DAY, "inputs", [CheckResult("events.volume", "critical", "failed", "a", "b", 1, 1, ())])
    tried(warehouse, "check_data.check_inputs", at(-1))
    tried(warehouse, "check_data.ingest", at(-1.5))
    record_failure(
        warehouse, replace(failure(when=at(-0.9)), task_id="check_data.decide_data_verdict", error="DataStopError")
    )
    tried(warehouse, "check_data.ingest", NOON - timedelta(seconds=1), try_number=2)
    record_failure(warehouse, failure(try_number=2))
    return warehouse


def text_of(reader: TestClient, path: str) -> str:
    answer = reader.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(answer.text).split())


def test_a_failure_is_told_with_its_error_first_action_and_links(reader: TestClient, checked: LocalWarehouse) -> None:
    record_alert(checked, alert(INGEST), Delivery())
    for path, root in (("/", "./"), (f"/dates/{DAY}", "../")):
        raw, text = reader.get(path).text, text_of(reader, path)
        assert "found &lt;b&gt;text" in raw
        for part in (
            "failed</span>", "LandedDataError: expected a parquet file; found",
            "check_data.ingest</a> of 2026-01-10, 2026-01-10 12:00 UTC",
            "First action: have the file delivered again",
            f'href="{root}../dags/recommender_daily/runs/manual__1/tasks/check_data.ingest?try_number=2" data-airflow',
            f'href="{root}../dags/recommender_daily/runs/manual__1" data-airflow',
            f'href="{root}documents/docs/runbook.md#landed-data-error"',
        ):  # fmt: skip
            assert part in text, (path, part)


def test_a_verdict_older_than_the_failure_says_so(reader: TestClient, checked: LocalWarehouse) -> None:
    assert "those of an earlier try, and say nothing" in text_of(reader, f"/dates/{DAY}")
    assert "2026-01-10: in an earlier try a check stops the run; check_data.ingest failed since, at 12:00" in text_of(
        reader, "/"
    )
    assert "These checks are those of an earlier try" in text_of(reader, f"/quality/{DAY}")
    tried(checked, "check_data.check_inputs", at(1), try_number=2)
    for path in ("/", f"/dates/{DAY}", f"/quality/{DAY}"):
        assert "earlier try" not in text_of(reader, path)


def test_where_nothing_was_ever_checked_no_verdict_is_older(reader: TestClient, warehouse: LocalWarehouse) -> None:
    record_failure(warehouse, failure())
    record_alert(warehouse, alert(INGEST), Delivery())
    text = text_of(reader, f"/dates/{DAY}")
    assert "LandedDataError" in text
    assert "earlier try" not in text


def test_a_stop_is_no_older_than_its_own_verdict(reader: TestClient, warehouse: LocalWarehouse) -> None:
    record(warehouse, DAY, "inputs", [CheckResult("events.volume", "critical", "failed", "a", "b", 1, 1, ())])
    tried(warehouse, "check_data.check_inputs", at(-1))
    record_failure(warehouse, replace(failure(), task_id="check_data.decide_data_verdict", error="DataStopError"))
    text = text_of(reader, f"/dates/{DAY}")
    assert "DataStopError" in text
    assert "earlier try" not in text


def test_a_task_that_was_killed_is_known_from_the_alert(reader: TestClient, warehouse: LocalWarehouse) -> None:
    record_alert(warehouse, alert(KILLED), Delivery())
    text = text_of(reader, f"/dates/{DAY}")
    assert "no error was recorded: it was killed" in text
    assert "First action: give it memory" in text
    assert "/tasks/publish.score_users/mapped/2" in text
    assert "runbook.md#score_users" in text


def test_a_run_that_failed_without_a_task_is_told_too(reader: TestClient, warehouse: LocalWarehouse) -> None:
    record_alert(warehouse, alert(), Delivery())
    text = text_of(reader, f"/dates/{DAY}")
    assert "no task failed by itself" in text
    assert 'href="../../dags/recommender_daily/runs/manual__1" data-airflow>the run</a>' in text


def test_what_was_tried_again_without_an_error_is_over(checked: LocalWarehouse) -> None:
    assert failed_of(checked, DAG_ID, [DAY])[DAY].task == "check_data.ingest"
    tried(checked, "check_data.ingest", at(1), replace(RUN, run_id="another"))
    assert failed_of(checked, DAG_ID, [DAY]) == {}


def test_what_failed_after_the_alert_counts_first(checked: LocalWarehouse) -> None:
    verdict = replace(INGEST, name="check_data.decide_data_verdict")
    record_alert(checked, alert(verdict, KILLED), Delivery())
    assert failed_of(checked, DAG_ID, [DAY])[DAY].task == "check_data.ingest"
    record_alert(checked, alert(INGEST, KILLED), Delivery())
    found = failed_of(checked, DAG_ID, [DAY])[DAY]
    assert (found.task, found.others) == ("check_data.ingest", 1)


def test_a_success_of_the_date_ends_it_and_one_of_a_later_date_does_not(checked: LocalWarehouse) -> None:
    record_alert(checked, alert(INGEST), Delivery())
    later = replace(RUN, as_of_date=DAY + timedelta(days=1), run_id="later")
    record_alert(checked, alert(kind="recovered", run=later), Delivery())
    assert failed_dates(checked, DAG_ID, [DAY]) == set(failed_of(checked, DAG_ID, [DAY])) == {DAY}
    record_alert(checked, alert(kind="recovered"), Delivery())
    assert failed_dates(checked, DAG_ID, [DAY]) == set(failed_of(checked, DAG_ID, [DAY])) == set()


def test_the_first_page_leaves_out_what_failed_before_the_date_that_readers_see(
    reader: TestClient, checked: LocalWarehouse
) -> None:
    record_alert(checked, alert(INGEST), Delivery())
    publish(checked, DAY + timedelta(days=1), 3)
    text = text_of(reader, "/")
    assert "What failed" not in text
    assert "failed</span></th>" in text
    assert f"{DAY}: data stop; nothing decided; no publication; its last run failed" in text_of(reader, "/dates")


def test_another_dags_failures_are_not_those_of_the_date(warehouse: LocalWarehouse) -> None:
    record_alert(warehouse, alert(INGEST, run=replace(RUN, dag_id="recommender_drift")), Delivery())
    assert failed_of(warehouse, DAG_ID, [DAY]) == {}


@pytest.mark.usefixtures("warehouse")
def test_work_in_progress_is_told(reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    work = [AtWork(DAY, 14, 32, NOON, "../dags/recommender_daily/runs/r")]
    for module in ("overview", "dates"):
        monkeypatch.setattr(f"include.ui.{module}.runs_at_work", lambda _: work)
    assert "run of 2026-01-10</a>: 14 of 32 tasks have ended, since 2026-01-10 12:00 UTC" in text_of(reader, "/")
    assert "14 of 32 tasks" in text_of(reader, f"/dates/{DAY}")
    assert "14 of 32 tasks" not in text_of(reader, f"/dates/{DAY + timedelta(days=1)}")


def test_an_alerts_named_lines_can_be_read_back() -> None:
    parts = parts_of(alert(INGEST, KILLED).text)
    assert parts["Failed"] == "check_data.ingest, publish.score_users[2]"
    assert parts["First action"] == "have the file delivered again"
    assert parts["Runbook"] == "docs/runbook.md#landed-data-error"
