"""Forgets a person who asked for it: no table and no table version holds their id afterwards.

**Manual only.** `dry_run` is on at first: the log then lists rows and landed files; nothing changes.
**Readers** keep the current publication; the person gets the list for everybody from then on.
**Not undone**: there is no way back. Backups, landed files and this run's form are left to you: docs/operate.md.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from include.recommender import operations
from include.recommender.workspace import open_recommender
from include.retraining.airflow_steps import (
    OPERATION_DAG,
    PRODUCTION_POOL,
    WAIT_FOR_RUNS,
    operation_form,
    operation_task,
)
from include.retraining.alerting.callbacks import alert_callbacks

FORM = operation_form(
    user_id=Param(
        type="string", minLength=1, title="User id",
        description="The id as landed, or better its keyed hash (h:...), which leaves no trace in Airflow itself.",
    ),
)  # fmt: skip
HOURS = {"execution_timeout": timedelta(hours=2)}


@dag(
    dag_id="forget_user",
    dag_display_name="Forget a user",
    description="A person's erasure request: every row, in every table and table version",
    doc_md=__doc__,
    params=FORM,
    tags=["recommender", "by hand"],
    **OPERATION_DAG,
    **alert_callbacks(open_recommender, publishes=False),
)
def forget_user() -> None:
    """Remove, then look whether anything is left."""
    removed = operation_task(
        operations.forget_user, open_recommender, secrets=["user_id"], not_beside="recommender_daily",
        pool=PRODUCTION_POOL, **WAIT_FOR_RUNS, **HOURS,
    )  # fmt: skip
    removed >> operation_task(operations.verify_forgotten, open_recommender, secrets=["user_id"], **HOURS)


forget_user()
