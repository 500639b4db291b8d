"""The links that every task of ours has in the Airflow UI. Airflow asks for them when somebody looks at a task.

What cannot be there has no link: a task of somebody else's DAG, a date of a DAG that has none, a publication that is
not staged yet, a model that was not trained.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from include.retraining.errors import RUNBOOK, AsOfDateError, SettingsError
from include.ui.addresses import page

if TYPE_CHECKING:
    from datetime import date

    from airflow.models.taskinstancekey import TaskInstanceKey

    from include.retraining.settings import Alerts

NOWHERE = ""
DATE_FIELD, STAGING_TASK, TRAINING_TASK = "as_of_date", "stage", "train_challenger"


class OurLink(BaseOperatorLink):
    """A link of our own tasks: those whose `doc` names a section of the runbook."""

    name = ""

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]
        """Where it leads; NOWHERE where there is nothing to show."""
        return self.address(operator, ti_key) if section_of(operator) else NOWHERE

    @abstractmethod
    def address(self, operator: Any, ti_key: TaskInstanceKey) -> str:
        """Where it leads for one of our tasks."""


class RunbookLink(OurLink):
    """The task's section of the runbook, at `alerts.runbook_url` where that is an address."""

    name = "Runbook"

    def address(self, operator: Any, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Never nowhere."""
        section, elsewhere = section_of(operator), _alert_settings().runbook_url
        if elsewhere.startswith(("https://", "http://")):
            return f"{elsewhere}#{section}"
        return page(f"documents/{RUNBOOK}", section)


class DataQualityLink(OurLink):
    """The data checks of the run's as_of_date."""

    name = "Data quality"

    def address(self, operator: Any, ti_key: TaskInstanceKey) -> str:
        """Nowhere for a DAG that has no as_of_date."""
        day = as_of_date_of(ti_key) if DATE_FIELD in operator.dag.params else None
        return page(f"quality/{day}") if day else NOWHERE


class PublicationLink(OurLink):
    """What the run staged; for DAGs that stage nothing, all publications and what readers see."""

    name = "Publication"

    def address(self, operator: Any, ti_key: TaskInstanceKey) -> str:
        """Nowhere until the run has staged something."""
        staging = [task_id for task_id in operator.dag.task_ids if _is(task_id, STAGING_TASK)]
        if not staging:
            return page("publications")
        staged = returned_by(ti_key, staging)
        return page(f"publications/{staged['publication_id']}") if isinstance(staged, dict) else NOWHERE


class MlflowRunLink(OurLink):
    """The model that was trained in the task's group, in MLflow where `alerts.mlflow_url` says where that is."""

    name = "MLflow run"

    def address(self, operator: Any, ti_key: TaskInstanceKey) -> str:
        """Nowhere unless it was trained."""
        wanted = {f"{part}.{TRAINING_TASK}" for part in operator.task_id.split(".")}
        trained = returned_by(ti_key, sorted(wanted.intersection(operator.dag.task_ids)))
        return model_address(trained, _alert_settings().mlflow_url) if isinstance(trained, str) else NOWHERE


TASK_LINKS = [RunbookLink(), DataQualityLink(), PublicationLink(), MlflowRunLink()]


def section_of(operator: Any) -> str:
    """The section of the runbook that a task of ours names; empty for others. A mapped task keeps its own apart."""
    doc = getattr(operator, "partial_kwargs", {}).get("doc") or getattr(operator, "doc", None) or ""
    runbook, _, section = doc.partition("#")
    return section if runbook == RUNBOOK else ""


def model_address(label: str, mlflow_url: str) -> str:
    """Where the model `name/version` is shown."""
    name, _, version = label.rpartition("/")
    return f"{mlflow_url.rstrip('/')}/#/models/{name}/versions/{version}" if mlflow_url else page(f"models/{label}")


def as_of_date_of(ti_key: TaskInstanceKey) -> date | None:
    """The date that a task's run is for; None where it could not decide."""
    return date_of_run(ti_key.dag_id, ti_key.run_id)


def date_of_run(dag_id: str, run_id: str) -> date | None:
    """The date that a run is for, as the run itself decides it; None where it could not, or is not there."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from include.retraining.publication.freshness import MachinerySettings
    from include.retraining.run import decide_as_of_date
    from include.retraining.settings import load_settings

    columns = select(DagRun.conf, DagRun.logical_date, DagRun.run_after)
    with create_session() as session:
        found = session.execute(columns.where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one_or_none()
    if found is None:
        return None
    try:
        timezone = load_settings(MachinerySettings).business.timezone
        param = (found.conf or {}).get(DATE_FIELD)
        return decide_as_of_date(param, found.logical_date, found.run_after, timezone, datetime.now(UTC))
    except (AsOfDateError, SettingsError):
        return None


def returned_by(ti_key: TaskInstanceKey, task_ids: list[str]) -> Any:
    """What the first of some tasks of the same run returned; None before it has."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    if not task_ids:
        return None
    wanted = XComModel.get_many(
        run_id=ti_key.run_id, key="return_value", dag_ids=ti_key.dag_id, task_ids=task_ids, limit=1
    )
    with create_session() as session:
        found = session.execute(wanted.with_only_columns(XComModel.value)).first()
    return XComModel.deserialize_value(found) if found else None


def _is(task_id: str, name: str) -> bool:
    return task_id.rpartition(".")[2] == name


def _alert_settings() -> Alerts:
    """Those of the links; the defaults where the settings are broken, as links matter most then."""
    from include.retraining.settings import Alerts, AlertSettings, load_settings

    try:
        return load_settings(AlertSettings).alerts
    except SettingsError:
        return Alerts()
