"""What the pages say of lists that are late: what the deadline's alarm told, until readers have them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

from include.recommender.workspace import open_recommender
from include.retraining.alerting.watch import check_publication_is_out
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.run import Run
from tests.retraining.publishing import publish

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from include.retraining.warehouse.local import LocalWarehouse

DAG_ID = "recommender_daily"
TODAY = datetime.now(UTC).date()
BEFORE, EARLIER = TODAY - timedelta(days=1), TODAY - timedelta(days=2)


def look(day: date = TODAY) -> str:
    """What publication_watch does at the deadline; no channel is wanted, so the log is all there is."""
    run = Run(day, f"scheduled__{day}", "scheduled", dag_id="publication_watch")
    return check_publication_is_out(run, open_recommender(), DAG_ID)


def text_of(reader: TestClient, path: str) -> str:
    answer = reader.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(answer.text).split())


def test_fresh_lists_of_yesterday_do_not_hide_that_todays_are_late(
    reader: TestClient, warehouse: LocalWarehouse
) -> None:
    """Yesterday's are fresh all day, and a paused DAG has neither a failed run nor one at work."""
    publish(warehouse, BEFORE, 3)
    assert look().startswith("sent: [page]")
    for path, root in (("/", "./"), (f"/dates/{TODAY}", "../")):
        text = text_of(reader, path)
        for part in (
            f"Late</span> {TODAY}: not published by 07:00, told ",
            f"readers have no lists of {TODAY}",
            f"First action: open {DAG_ID}: is it paused, queued, waiting for events, or does a task hang?",
            f'href="{root}documents/docs/runbook.md#publication-late"',
            f'href="{root}../dags/{DAG_ID}" data-airflow',
        ):
            assert part in text, (path, part)
    text = text_of(reader, "/")
    assert "Fresh</span>" in text
    assert 'class="now careful"' in text
    assert "Late</span>" not in text_of(reader, f"/dates/{BEFORE}")


def test_the_first_page_says_that_todays_lists_are_not_there(reader: TestClient, warehouse: LocalWarehouse) -> None:
    """Before the deadline too, and where nobody watches it."""
    missing = f"no lists of today, {TODAY}: due by 07:00 (UTC)"
    assert missing not in text_of(reader, "/"), "before the first publication the headline says it"
    publish(warehouse, BEFORE, 3)
    text = text_of(reader, "/")
    assert missing in text
    assert 'class="now good"' in text
    publish(warehouse, TODAY, 4)
    assert missing not in text_of(reader, "/")


def test_what_is_late_is_told_until_readers_have_it(reader: TestClient, warehouse: LocalWarehouse) -> None:
    publish(warehouse, EARLIER, 3)
    for day in (BEFORE, TODAY):
        look(day)
    text = text_of(reader, "/")
    assert text.index(f"Late</span> {TODAY}") < text.index(f"Late</span> {BEFORE}")
    publish(warehouse, BEFORE, 4)
    assert f"Late</span> {BEFORE}" not in text_of(reader, "/")
    assert "Late</span>" not in text_of(reader, f"/dates/{BEFORE}")
    publish(warehouse, TODAY, 5)
    for path in ("/", f"/dates/{TODAY}"):
        assert "Late</span>" not in text_of(reader, path)


def test_under_a_hold_the_first_action_is_its_release(reader: TestClient, warehouse: LocalWarehouse) -> None:
    staged, _ = publish(warehouse, BEFORE, 3)
    append_switch(warehouse, read_switch_log(warehouse), staged.publication_id, "hold", "yuki", "dogs", "run 9")
    assert look().startswith("sent: [notice]")
    text = text_of(reader, "/")
    assert f"Late</span> {TODAY}: not published: on hold" in text
    assert "release it once the next lists are right" in text
