"""A person is forgotten in a home with a published day, while readers read."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.recommender.current import current_user_recommendations, open_current
from include.recommender.ingest import ingest_dates
from include.recommender.operations import block_items
from include.recommender.tables import (
    EVENTS,
    EVERYBODY,
    EXPOSURES,
    LIST_EXPLANATIONS,
    PUBLISHED_TABLES,
    RECOMMENDER_TABLES,
    USER_RECOMMENDATIONS,
)
from include.recommender.workspace import open_recommender
from include.retraining import airflow_steps
from include.retraining.content_hash import content_hash
from include.retraining.operation import Operation
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.quality.privacy import keyed_hash
from include.retraining.tables import ERASURES, PUBLICATIONS
from tests.byte_search import files_with
from tests.dags.conftest import run_form
from tests.simulated_home import DAY_BEFORE

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG

    from include.retraining.warehouse.protocol import Warehouse

pytestmark = pytest.mark.integration


def person_with_everything(warehouse: Warehouse) -> str:
    """A user whose lists are explained: so every table holds them."""
    return str(warehouse.read(LIST_EXPLANATIONS, {"surface": "for_you"}, ["user_id"])["user_id"][0].as_py())


def show_to(warehouse: Warehouse, people: list[str]) -> None:
    """Let an application have shown something to these people, of which the small service delivers no log."""
    day = datetime(2026, 1, 5, 12, tzinfo=UTC)
    rows = [
        {
            "arrival_date": day.date(), "row_id": f"shown to {person}", "shown_date": day.date(), "publication_id": "p",
            "surface": "discover", "user_id": person, "item_id": "i", "position": 1, "shown_at": day,
        }
        for person in people
    ]  # fmt: skip
    warehouse.replace(EXPOSURES, {"arrival_date": day.date()}, pa.Table.from_pylist(rows, schema=EXPOSURES.schema))


def of_others(warehouse: Warehouse, user_id: str) -> dict[str, str]:
    """Content of every table without one user's rows."""
    contents = {}
    for table in RECOMMENDER_TABLES:
        rows = warehouse.read(table)
        if "user_id" in table.columns:
            rows = rows.filter(pc.not_equal(rows["user_id"], user_id))
        contents[table.name] = content_hash(table, rows)
    return contents


@pytest.fixture
def seen_by_readers(home: Path) -> Iterator[list[Any]]:
    """What readers got, again and again: rows of a list, or the error."""
    warehouse, stop, seen = open_current(), threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(current_user_recommendations(warehouse, EVERYBODY, "for_you").num_rows)
            except Exception as error:  # noqa: BLE001 (whatever a reader meets is what this is about)
                seen.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    yield seen
    stop.set()
    reader.join()


def test_the_person_is_nowhere_and_everybody_else_sees_what_they_saw(
    home: Path, dags: dict[str, DAG], seen_by_readers: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    workspace = open_recommender()
    warehouse = workspace.warehouse
    person = person_with_everything(warehouse)
    show_to(warehouse, [person, "somebody else"])
    blocking = Operation("a block", "operator", "asked for it", dry_run=False)
    block_items(blocking, workspace, "block", None, "discover", [person], None, None)
    current, others = read_switch_log(warehouse).current, of_others(warehouse, person)
    publications = warehouse.read(PUBLICATIONS)
    assert {table.name for table in RECOMMENDER_TABLES if "user_id" in table.columns} <= {
        name.split("/")[0] for name in files_with(home / "warehouse", person)
    }
    with caplog.at_level(logging.INFO, airflow_steps.__name__):
        state, tasks = run_form(dags["forget_user"], reason="letter of 12 March", user_id=person, dry_run=False)
    assert state == "success", tasks
    assert set(tasks.values()) == {"success"}
    assert files_with(home / "warehouse", person) == []
    assert of_others(warehouse, person) == others
    assert warehouse.read(PUBLICATIONS) == publications
    assert read_switch_log(warehouse).current == current
    assert set(seen_by_readers) == {workspace.settings.publication.list_size}
    everybody = current_user_recommendations(warehouse, person, "for_you")
    assert set(everybody["user_id"].to_pylist()) == {EVERYBODY}
    assert set(warehouse.read(ERASURES)["user_hash"].to_pylist()) == {keyed_hash(person, "for tests")}
    assert keyed_hash(person, "for tests") in caplog.text
    assert person not in caplog.text

    days = [day - timedelta(days=1) for day in workspace.landing.ready_days("events") if day <= DAY_BEFORE]
    before = content_hash(EVENTS, warehouse.read(EVENTS))
    ingest_dates(warehouse, workspace.landing, workspace.settings, days, DAY_BEFORE)
    assert content_hash(EVENTS, warehouse.read(EVENTS)) == before, "a rebuild brings nobody back"


def test_a_dry_run_changes_no_file(home: Path, dags: dict[str, DAG]) -> None:
    person = person_with_everything(open_recommender().warehouse)
    before = {path: path.stat().st_mtime_ns for path in (home / "warehouse").rglob("*.*")}
    state, tasks = run_form(dags["forget_user"], reason="letter of 12 March", user_id=person, dry_run=True)
    assert state == "success"
    assert tasks == {"forget_user": "success", "verify_forgotten": "skipped"}
    assert {path: path.stat().st_mtime_ns for path in (home / "warehouse").rglob("*.*")} == before


def test_an_unknown_id_fails_and_records_nothing(home: Path, dags: dict[str, DAG]) -> None:
    state, tasks = run_form(
        dags["forget_user"], reason="letter of 12 March", user_id="nobody-of-this-name", dry_run=False
    )
    assert state == "failed"
    assert tasks["forget_user"] == "failed"
    assert open_recommender().warehouse.read(ERASURES).num_rows == 0


def test_published_rows_of_every_publication_are_counted(home: Path, dags: dict[str, DAG]) -> None:
    warehouse = open_recommender().warehouse
    person = person_with_everything(warehouse)
    rows = warehouse.read(USER_RECOMMENDATIONS, {"user_id": person}).num_rows
    assert rows
    run_form(dags["forget_user"], reason="letter of 12 March", user_id=keyed_hash(person, "for tests"), dry_run=False)
    assert f'"user_recommendations": {rows}' in warehouse.read(ERASURES)["rows"][0].as_py()
    assert all(warehouse.read(table).num_rows for table in PUBLISHED_TABLES)
