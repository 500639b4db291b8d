"""Every task of every DAG has its links, also when Airflow knows it only from its database."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow import plugins_manager
from airflow.models import DagRun
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.session import create_session
from airflow.utils.types import DagRunType

from include.ui.addresses import airflow_path, page
from include.ui.forms import FORMS, PAGE_OF
from include.ui.task_links import (
    DataQualityLink,
    MlflowRunLink,
    PublicationLink,
    RunbookLink,
    as_of_date_of,
    date_of_run,
    model_address,
)
from tests.docs.test_docs import RUNBOOK, sections

if TYPE_CHECKING:
    from airflow.sdk import DAG

DAILY = "recommender_daily"
MOMENT = datetime(2026, 1, 10, 3, tzinfo=UTC)


def stored(dag: DAG) -> Any:
    """A DAG as the API server has it."""
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def key(task_id: str, dag_id: str = DAILY, run_id: str = "r") -> TaskInstanceKey:
    return TaskInstanceKey(dag_id, task_id, run_id, 1, -1)


def run_of(
    run_id: str, conf: dict[str, Any] | None, logical_date: datetime | None = MOMENT, dag_id: str = DAILY
) -> str:
    with create_session() as session:
        session.add(
            DagRun(
                dag_id=dag_id, run_id=run_id, run_type=DagRunType.MANUAL, logical_date=logical_date, run_after=MOMENT,
                conf=conf,
            )
        )  # fmt: skip
    return run_id


def test_airflow_finds_the_plugin_and_nothing_in_it_fails() -> None:
    _, errors = plugins_manager._get_plugins()
    assert errors == {}
    names = {type(link).__name__ for link in plugins_manager.get_global_operator_extra_links()}
    assert names == {"RunbookLink", "DataQualityLink", "PublicationLink", "MlflowRunLink"}
    (app,) = [each for each in plugins_manager.get_fastapi_plugins()[0] if each["name"] == "higawari"]
    assert app["url_prefix"] == "/higawari"


def test_the_pages_are_in_the_navigation_and_on_dags_and_runs() -> None:
    views = [view for plugin in plugins_manager._get_plugins()[0] for view in plugin.external_views]
    assert {view["destination"]: view["href"] for view in views} == {
        "nav": "higawari/", "dag": "higawari/dags/{DAG_ID}", "dag_run": "higawari/dags/{DAG_ID}/runs/{RUN_ID}",
    }  # fmt: skip
    assert len({view["url_route"] for view in views}) == 3


def test_every_form_that_the_pages_lead_to_exists(dags: dict[str, DAG]) -> None:
    assert {form.dag_id for form in FORMS} <= set(dags)


def test_the_tab_of_every_dag_of_ours_knows_it(dags: dict[str, DAG]) -> None:
    assert {form.dag_id for form in FORMS} | set(PAGE_OF) == set(dags)


def test_every_task_of_every_dag_leads_to_its_section_of_the_runbook(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for task in stored(dag).tasks:
            address, _, section = RunbookLink().get_link(task, ti_key=key(task.task_id, dag.dag_id)).partition("#")
            assert address == "/plugin/recommender/higawari/documents/docs/runbook.md", task.task_id
            assert section in sections(RUNBOOK), task.task_id


@pytest.mark.usefixtures("migrated")
def test_a_dag_with_a_date_leads_to_its_data_quality_and_the_others_to_the_publications(dags: dict[str, DAG]) -> None:
    run_id = "links"
    for dag in dags.values():
        run_of(run_id, None, dag_id=dag.dag_id)
        dated, stages = "as_of_date" in dag.params, dag.dag_id == DAILY
        for task in stored(dag).tasks:
            ti_key = key(task.task_id, dag.dag_id, run_id)
            quality = DataQualityLink().get_link(task, ti_key=ti_key)
            publication = PublicationLink().get_link(task, ti_key=ti_key)
            assert quality == (page("quality/2026-01-10") if dated else ""), task.task_id
            # Nothing is staged yet.
            assert publication == ("" if stages else page("publications")), task.task_id
            assert MlflowRunLink().get_link(task, ti_key=ti_key) == "", "nothing is trained yet"


def test_a_task_of_somebody_else_has_no_link_of_ours() -> None:
    from airflow.sdk import DAG, task

    @task(doc="docs of ours")
    def theirs() -> None: ...

    with DAG("elsewhere") as dag:
        theirs()
    (only,) = stored(dag).tasks
    for link in (RunbookLink(), DataQualityLink(), PublicationLink(), MlflowRunLink()):
        assert link.get_link(only, ti_key=key("theirs", "elsewhere")) == ""


@pytest.mark.usefixtures("migrated")
def test_the_date_is_the_one_the_run_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_of_date_of(key("t", run_id=run_of("by_form", {"as_of_date": "2026-01-05"}, None))) == date(2026, 1, 5)
    assert as_of_date_of(key("t", run_id=run_of("by_hand", {}, None))) == date(2026, 1, 10)
    assert as_of_date_of(key("t", run_id=run_of("wrong", {"as_of_date": "2999-01-01"}, None))) is None
    assert date_of_run(DAILY, "a run that is not there") is None
    monkeypatch.setenv("HIGAWARI_BUSINESS__TIMEZONE", "Pacific/Honolulu")
    assert as_of_date_of(key("t", run_id=run_of("in_Hawaii", None, None))) == date(2026, 1, 9)


def test_settings_say_where_the_runbook_and_mlflow_are_instead(
    dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAWARI_ALERTS__RUNBOOK_URL", "https://wiki.example.com/runbook")
    task = stored(dags[DAILY]).get_task("publish.score_users")
    assert RunbookLink().get_link(task, ti_key=key(task.task_id)) == "https://wiki.example.com/runbook#score_users"
    assert model_address("ranker/3", "") == page("models/ranker/3")
    assert model_address("ranker/3", "https://mlflow.example.com/") == (
        "https://mlflow.example.com/#/models/ranker/versions/3"
    )


def test_broken_settings_leave_the_links(dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_ALERTS__DEADLINE", "25:00")
    task = stored(dags[DAILY]).get_task("check_settings")
    assert RunbookLink().get_link(task, ti_key=key("check_settings")).endswith("runbook.md#check_settings")


def test_addresses_hold_behind_a_proxy_that_puts_a_path_before_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert airflow_path() == "/"
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.com/team/airflow")
    assert page("quality/2026-01-10") == "/team/airflow/plugin/recommender/team/airflow/higawari/quality/2026-01-10"
    assert page("models/a b/1", "x") == "/team/airflow/plugin/recommender/team/airflow/higawari/models/a%20b/1#x"
