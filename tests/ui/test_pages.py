"""Overview, data quality, publications: on small tables, on empty ones, and for what is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.recommender.blocked_lists import plan_list_blocking
from include.retraining.operation import Operation, perform
from include.retraining.publication.blocking import plan_blocking
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.publication.stage import record_publication
from include.retraining.publication.switch import switch_current
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.quality.checks import CheckResult
from include.retraining.quality.privacy import hash_key, keyed_hash
from include.retraining.quality.verdict import record
from include.retraining.tables import QUARANTINED_ROWS
from tests.retraining.publishing import LINEAGE, publish, run_of, stage_lists

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from include.retraining.warehouse.local import LocalWarehouse

DAY, NEXT = date(2026, 1, 10), date(2026, 1, 11)
NASTY = '<script>alert("x")</script>'


def quarantine(warehouse: LocalWarehouse, count: int, reason: str = "user_id_missing") -> None:
    rows = [
        {
            "arrival_date": DAY, "source": "events", "row_id": f"r{number}", "event_date": DAY, "reason": reason,
            "landed_row": NASTY, "file": "f",
        }
        for number in range(count)
    ]  # fmt: skip
    warehouse.replace(
        QUARANTINED_ROWS,
        {"arrival_date": DAY, "source": "events"},
        pa.Table.from_pylist(rows, schema=QUARANTINED_ROWS.schema),
    )


def roll_back(warehouse: LocalWarehouse, publication_id: str, who: str, why: str) -> None:
    append_switch(warehouse, read_switch_log(warehouse), publication_id, "rollback", who, why, "run 9")


def check(name: str, severity: str = "warning", outcome: str = "passed", *keys: str) -> CheckResult:
    return CheckResult(name, severity, outcome, f"{name} is there", "3 of 1000 rows differ", 1000, 3, keys)  # type: ignore[arg-type]


def text_of(reader: TestClient, path: str, status: int = 200) -> str:
    answer = reader.get(path)
    assert answer.status_code == status
    return " ".join(answer.text.split())


def test_every_check_is_shown_with_what_was_expected_observed_and_a_sample(
    reader: TestClient, warehouse: LocalWarehouse
) -> None:
    record(warehouse, DAY, "arrivals", [check("user_id missing", "warning", "failed", "r1", "h:0123456789abcdef")])
    record(warehouse, DAY, "inputs", [check("events there", "critical")])
    quarantine(warehouse, 1200)
    text = text_of(reader, f"/quality/{DAY}")
    assert "user_id missing is there" in text
    assert "3 of 1000 rows differ" in text
    assert "<code>r1</code> <code>h:0123456789abcdef</code>" in text
    assert "failed: warns" in text
    assert '<td>user_id_missing</td><td class="number">1,200</td>' in text
    assert 'aria-hidden="true">!</span> warn</span>' in text


@pytest.mark.parametrize(
    ("severity", "outcome", "verdict", "told"),
    [
        ("critical", "failed", "stop", "failed: stops"),
        ("info", "crashed", "stop", "crashed: stops"),
        ("warning", "failed", "warn", "failed: warns"),
        ("info", "failed", "pass", "failed: noted"),
        ("critical", "passed", "pass", "passed"),
    ],
)
def test_a_verdict_and_a_result_are_told_in_words(
    reader: TestClient, warehouse: LocalWarehouse, severity: str, outcome: str, verdict: str, told: str
) -> None:
    record(warehouse, DAY, "arrivals", [check("a", severity, outcome)])
    text = text_of(reader, f"/quality/{DAY}")
    assert f"</span> {verdict}</span>" in text
    assert f"</span> {told}</span>" in text


def test_a_date_without_checks_says_why_there_is_nothing(reader: TestClient, warehouse: LocalWarehouse) -> None:
    record(warehouse, DAY, "arrivals", [check("a")])
    text = text_of(reader, f"/quality/{NEXT}")
    assert "No checks are recorded for this date" in text
    assert "No row of the delivery of this date is in quarantine" in text
    assert f'<a href="../quality/{DAY}" rel="prev">' in text


@pytest.mark.parametrize("path", ["/quality/yesterday", "/quality/2026-13-01", "/?as_of_date=x"])
def test_what_is_no_date_is_refused_with_what_to_write(reader: TestClient, path: str) -> None:
    text = text_of(reader, path, 400)
    for part in ("Expected", "as_of_date as YYYY-MM-DD", "Found", "Next step", "like 2026-01-31", "as-of-date-error"):
        assert part in text


def test_what_came_with_the_data_stays_text(reader: TestClient, warehouse: LocalWarehouse) -> None:
    record(warehouse, DAY, "arrivals", [check(NASTY, "critical", "failed", NASTY)])
    quarantine(warehouse, 1, NASTY)
    staged, _ = publish(warehouse, DAY, 3)
    publish(warehouse, NEXT, 4)
    roll_back(warehouse, staged.publication_id, NASTY, NASTY)
    pages = [f"/quality/{DAY}", "/publications", f"/publications/{staged.publication_id}", f"/quality/{NASTY}"]
    for page in [*pages, f"/publications/{NASTY}", f"/documents/{NASTY}"]:
        text = reader.get(page).text
        assert "&lt;script&gt;" in text or "no such page" in text, page
        assert "<script" not in text.replace('<script src="', "")


def test_the_first_page_names_what_readers_see_and_the_latest_dates(
    reader: TestClient, warehouse: LocalWarehouse
) -> None:
    first, _ = publish(warehouse, DAY, 3)
    second, _ = publish(warehouse, NEXT, 4)
    record(warehouse, DAY, "inputs", [check("a", "warning", "failed")])
    text = text_of(reader, "/")
    assert f"readers see {second.publication_id}" in text
    assert "Not fresh" in text
    assert text.index(second.publication_id) < text.index(first.publication_id)
    assert "superseded" in text
    assert text.count("no checks") == 1


def test_the_first_page_of_a_fresh_install_says_what_will_come(reader: TestClient) -> None:
    text = text_of(reader, "/")
    assert "readers see nothing: there is no publication yet" in text
    assert 'The first run of <a href="./../dags/recommender_daily" data-airflow>' in text
    assert "None has been made yet" in text_of(reader, "/publications")


def test_looking_up_a_date_leads_to_its_page(reader: TestClient) -> None:
    answer = reader.get("/?as_of_date=2026-01-10", follow_redirects=False)
    assert answer.headers["location"] == "dates/2026-01-10"
    answer = reader.get("/dates?as_of_date=2026-01-10", follow_redirects=False)
    assert answer.headers["location"] == "dates/2026-01-10"


def test_a_publication_says_what_became_of_it_and_who_did_that(reader: TestClient, warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, DAY, 3)
    second, _ = publish(warehouse, NEXT, 4)
    roll_back(warehouse, first.publication_id, "yuki", "lists of dogs")
    text = text_of(reader, f"/publications/{second.publication_id}")
    for part in ("rolled back", "yuki", "lists of dogs", 'href="../models/ranker/1"', "user_recommendations", "4"):
        assert part in text
    assert "readers see it now" in text_of(reader, f"/publications/{first.publication_id}")


def test_a_ranker_has_a_page_and_a_baseline_none(reader: TestClient, warehouse: LocalWarehouse) -> None:
    staged = stage_lists(warehouse, DAY, 3)
    ranked_by = {"for_you": "ranker/1", "discover": "baseline/own_history"}
    record_publication(
        warehouse, run_of(DAY), MachinerySettings(), staged, replace(LINEAGE, model_versions=ranked_by), "warn"
    )
    switch_current(warehouse, run_of(DAY), staged.publication_id, "hold")
    for path, root in (("/", "./"), (f"/publications/{staged.publication_id}", "../")):
        text = text_of(reader, path)
        assert f'<a href="{root}models/ranker/1">ranker/1</a>' in text
        assert "<dd>baseline/own_history</dd>" in text


def test_the_page_says_where_a_rollback_without_an_id_leads(reader: TestClient, warehouse: LocalWarehouse) -> None:
    assert "left empty" not in text_of(reader, "/publications")
    first, _ = publish(warehouse, DAY, 3)
    assert "leads to nothing: there is none that readers had before" in text_of(reader, "/publications")
    publish(warehouse, NEXT, 4)
    assert f">{first.publication_id}</a>, which readers had before" in text_of(reader, "/publications")


def test_what_is_blocked_is_told_with_who_and_why_and_people_by_hashes(
    reader: TestClient, warehouse: LocalWarehouse
) -> None:
    assert "Nothing: no item and no list" in text_of(reader, "/publications")
    publish(warehouse, DAY, 3)
    operation = Operation("run 1", "hana", NASTY, dry_run=False)
    perform(operation, plan_list_blocking(warehouse, operation, "block", "for_you", ["u1"], ["all"], []))
    items = [f"p{number:02}" for number in range(22)]
    perform(operation, plan_blocking(warehouse, operation, "block", items, items, {}, users_among=set))
    back = replace(operation, run_id="run 2")
    perform(back, plan_blocking(warehouse, back, "unblock", ["p00"], items, {}, users_among=set))
    text = text_of(reader, "/publications")
    assert "Blocked: 23</h2>" in text
    assert "and 3 blocked before these" in text
    assert 'item p21</th> <td data-name="Since">2' in text
    assert "hana</td>" in text
    assert "&lt;script&gt;" in text
    assert "item p00<" not in text
    back = replace(operation, run_id="run 3")
    perform(back, plan_blocking(warehouse, back, "unblock", items[1:], items, {}, users_among=set))
    text = text_of(reader, "/publications")
    assert "Blocked: 2</h2>" in text
    assert f"the list of user {keyed_hash('u1', hash_key())} on for_you" in text
    assert "what is popular in all" in text
    assert ">u1<" not in text


def test_stale_lists_look_graver_than_a_warning(reader: TestClient, warehouse: LocalWarehouse) -> None:
    publish(warehouse, DAY, 3)
    text = text_of(reader, "/")
    assert 'class="now bad"' in text
    assert '<span aria-hidden="true">✕</span> Not fresh' in text


def test_a_date_without_a_run_between_others_is_a_gap(reader: TestClient, warehouse: LocalWarehouse) -> None:
    for number in (8, 11):
        record(warehouse, date(2026, 1, number), "arrivals", [check("a")])
    text = text_of(reader, "/dates?until=2026-01")
    assert text.count("no run of it left anything") == 2 * len((9, 10))
    assert 'aria-label="2026-01-09: no run of it left anything"' in text


def test_of_a_publication_that_was_checked_again_the_last_check_counts(
    reader: TestClient, warehouse: LocalWarehouse
) -> None:
    staged = stage_lists(warehouse, DAY, 3, "stop")
    assert "rejected" in text_of(reader, f"/publications/{staged.publication_id}")
    assert stage_lists(warehouse, DAY, 3, "pass").publication_id == staged.publication_id
    text = text_of(reader, f"/publications/{staged.publication_id}")
    assert "complete, and no reader has seen it" in text
    assert "Nobody: no reader has seen it" in text


def test_an_unknown_publication_is_answered_with_the_newest(reader: TestClient, warehouse: LocalWarehouse) -> None:
    staged = stage_lists(warehouse, DAY, 3)
    text = text_of(reader, "/publications/2026-01-10-nothing", 404)
    assert staged.publication_id in text
