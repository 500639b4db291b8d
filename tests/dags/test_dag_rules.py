"""Rules that every DAG we ship keeps."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from include.recommender.settings import SURFACES
from tests.dags.conftest import PROJECT

if TYPE_CHECKING:
    from airflow.sdk import DAG

DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))
# Beyond what Airflow itself has loaded: about 100 modules take 0.3 s on a quiet machine.
MOST_MODULES = 150
FORMS = ("rollback_publication", "rollback_model", "block_items", "readmit_quarantined_rows", "forget_user")
PARTS_OF_A_PAGE = ("**Does**", "**Writes**", "**If it fails**", "**What to do**")


def test_the_folder_holds_the_daily_dag_and_its_watch(dags: dict[str, DAG]) -> None:
    assert {"recommender_daily", "publication_watch"} <= set(dags)


@pytest.mark.parametrize("dag_id", FORMS)
def test_a_form_is_started_by_people_only_and_shows_before_it_does(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]
    assert [str(kind.value) for kind in dag.allowed_run_types or ()] == ["manual"]
    assert (dag.schedule, dag.max_active_runs, dag.is_paused_upon_creation) == (None, 1, False)
    assert dag.params.get_param("dry_run").value is True
    assert not dag.params.get_param("reason").has_value
    for reason in ("", "  "):
        with pytest.raises(ParamValidationError):
            dag.params.get_param("reason").resolve(reason)


@pytest.mark.parametrize("dag_id", FORMS)
def test_a_form_never_waits_behind_a_daily_run(dags: dict[str, DAG], dag_id: str) -> None:
    daily = max(len(task.get_flat_relative_ids(upstream=False)) for task in dags["recommender_daily"].tasks)
    for task in dags[dag_id].tasks:
        assert task.weight_rule == "absolute"
        assert task.priority_weight > daily + 1


def test_what_moves_readers_or_champions_goes_one_at_a_time(dags: dict[str, DAG]) -> None:
    for dag_id in ("rollback_publication", "rollback_model"):
        assert [task.pool for task in dags[dag_id].tasks] == ["production"]


def test_every_dag_can_be_serialised(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == dag.dag_id


def test_every_dag_says_what_it_is_and_reports_failures(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert dag.doc_md
        assert dag.tags
        assert dag.on_failure_callback
        assert dag.on_success_callback
        assert all(task.on_failure_callback for task in dag.tasks)
        assert all(task.owner != "airflow" for task in dag.tasks)


def test_every_task_has_a_page_with_all_its_parts(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            missing = [part for part in PARTS_OF_A_PAGE if part not in (task.doc_md or "")]
            assert not missing, (task.task_id, missing)


def test_every_task_has_a_time_limit(dags: dict[str, DAG]) -> None:
    assert all(task.execution_timeout for dag in dags.values() for task in dag.tasks)


def test_errors_that_time_may_heal_are_retried_and_the_others_are_not(dags: dict[str, DAG]) -> None:
    """Only the last task, which sends what may be sent once, is not tried again."""
    for dag in dags.values():
        assert {task.task_id for task in dag.tasks if not task.retries} <= {"announce_run"}
        assert all(task.retry_exponential_backoff for task in dag.tasks)
        for task in dag.tasks:
            (rule,) = task.retry_policy.rules
            assert (rule.exception, rule.action) == ("include.retraining.errors.PermanentError", RetryAction.FAIL)


def test_every_task_names_its_section_of_the_runbook(dags: dict[str, DAG]) -> None:
    sections = (PROJECT / "docs" / "runbook.md").read_text()
    for dag in dags.values():
        for task in dag.tasks:
            page, _, section = (task.doc or "").partition("#")
            assert page == "docs/runbook.md"
            assert f"### {section}\n" in sections, task.task_id


def test_what_decides_or_switches_goes_one_at_a_time(dags: dict[str, DAG]) -> None:
    pools = {task.task_id: task.pool for task in dags["recommender_daily"].tasks}
    groups = ("request_approval", "record_champions")
    surfaces = [f"{group}.{surface}" for surface in SURFACES for group in groups]
    decide = [f"{surface}.decide_promotion" for surface in SURFACES]
    for name in (*decide, *surfaces, "publish.switch_current"):
        assert pools[name] == "production"


def test_nobody_is_asked_before_lists_are_out_and_nothing_waits_for_an_answer_but_its_record(
    dags: dict[str, DAG],
) -> None:
    dag = dags["recommender_daily"]
    for surface in SURFACES:
        ask = dag.get_task(f"request_approval.{surface}")
        assert "publish.verify_current" in ask.upstream_task_ids
        assert ask.downstream_task_ids == {f"record_champions.{surface}"}
        assert dag.get_task(f"record_champions.{surface}").downstream_task_ids == set()
    assert dag.get_task("announce_run").upstream_task_ids == {"publish.verify_current"}


def test_rule_7_a_surface_whose_training_fails_never_holds_up_another(dags: dict[str, DAG]) -> None:
    dag = dags["recommender_daily"]
    for surface in SURFACES:
        fails = _passed_on_to(dag, f"{surface}.train_challenger")
        others = {task.task_id for task in dag.tasks if task.task_id.startswith(tuple(f"{s}." for s in SURFACES))}
        assert {name for name in fails & others if not name.startswith(f"{surface}.")} == set()
        assert not {name for name in fails if name.startswith("publish.")}


def test_nothing_is_computed_from_data_that_were_not_judged(dags: dict[str, DAG]) -> None:
    """A verdict of stop ends a run before it costs anything."""
    dag = dags["recommender_daily"]
    before = {"check_settings", *(task.task_id for task in dag.tasks if task.task_id.startswith("check_data."))}
    stopped = _passed_on_to(dag, "check_data.decide_data_verdict")
    # choose_rankers runs whatever happened before, and skips where the features of the date are missing.
    late = {"choose_rankers", "announce_run"}
    assert {task.task_id for task in dag.tasks} - before - stopped == late


def test_nothing_is_computed_with_parameters_that_were_not_chosen_yet(dags: dict[str, DAG]) -> None:
    dag = dags["recommender_daily"]
    after = _passed_on_to(dag, "build_features.choose_parameters")
    assert {"build_features.build_item_similarities", "build_features.build_training_set"} <= after
    assert {f"{surface}.train_challenger" for surface in SURFACES} <= after
    assert {"publish.build_popular_items", "publish.build_similar_items", "publish.stage"} <= after


def test_every_param_explains_itself(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for name, param in dag.params.items():
            assert dag.params.get_param(name).description, (dag.dag_id, name, param)


def test_any_failed_task_fails_the_run(dags: dict[str, DAG]) -> None:
    """A failure reaches a leaf that counts: rule 7 needs the alert as much as the lists."""
    for dag in dags.values():
        leaves = {task.task_id for task in dag.tasks if not task.is_teardown and _only_teardowns_follow(dag, task)}
        for task in dag.tasks:
            if not task.is_teardown:
                reached = {task.task_id, *_passed_on_to(dag, task.task_id)}
                assert reached & leaves, f"a failure of {task.task_id} would be hidden"


@pytest.mark.integration
@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_is_short_and_imports_nothing_heavy(path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 120
    imported = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    heavy = {"pandas", "numpy", "mlflow", "xgboost", "great_expectations", "duckdb", "deltalake", "pyarrow"}
    assert not {str(name).split(".")[0] for name in imported} & heavy
    code = (
        "import airflow.sdk, airflow.dag_processing.dagbag, airflow.providers.standard.decorators.sensor, json, sys;"
        "before = set(sys.modules);"
        f"exec(compile(open({str(path)!r}).read(), {str(path)!r}, 'exec'), {{'__name__': 'dag_file'}});"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=PROJECT)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert not heavy & {name.split(".")[0] for name in loaded}
    assert len(loaded) <= MOST_MODULES, loaded


def _only_teardowns_follow(dag: DAG, task) -> bool:
    return all(dag.get_task(name).is_teardown for name in task.downstream_task_ids)


def _passed_on_to(dag: DAG, task_id: str) -> set[str]:
    """Tasks that cannot succeed when this one fails."""
    reached: set[str] = set()
    waiting = [task_id]
    while waiting:
        for name in dag.get_task(waiting.pop()).downstream_task_ids:
            if dag.get_task(name).trigger_rule in ("all_success", "none_failed") and name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached
