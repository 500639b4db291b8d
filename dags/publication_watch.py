"""Looks whether readers have the lists of today by the deadline, and alerts where they have not.

**When**: every day at `alerts.deadline`, in the business timezone.
**Why a DAG of its own**: it asks what readers see, so it sees a paused `recommender_daily`, a run that hangs or
waits, and one that was never made. It cannot see its own scheduler die: for that there are `make freshness` and the
heartbeat.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.airflow_steps import DEFAULT_ARGS, step_task
from include.retraining.alerting.callbacks import alert_callbacks
from include.retraining.alerting.watch import check_publication_is_out

settings = settings_for_parsing()
BEFORE_EVERYTHING_ELSE = 1000


@dag(
    dag_id="publication_watch",
    dag_display_name="Publication watch",
    description="Alerts where readers have no lists of today by the deadline",
    doc_md=__doc__,
    schedule=settings.alerts.deadline_cron,
    start_date=pendulum.datetime(2010, 1, 1, tz=settings.business.timezone),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(minutes=5)},
    **alert_callbacks(open_recommender, publishes=False),
    tags=["recommender", "daily", "alerts"],
)
def publication_watch() -> None:
    """One look."""
    step_task(check_publication_is_out, open_recommender, priority_weight=BEFORE_EVERYTHING_ELSE)(
        {"dag_id": "recommender_daily"}
    )


publication_watch()
