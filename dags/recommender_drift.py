"""Looks every day whether events, taste, features, scores and lists have drifted.

**Short**: the last day against the same weekday of the last weeks; it sees what changes suddenly.
**Long**: the last week against the training window of the champion; it sees what changes slowly.
**Advisory**: it stops nothing. Drift that stays for days sends a notice.
**When**: every day at `drift.run_at`, once `recommender_daily` found the events of the day before fit to use. Backfill
old dates oldest first: days in a row are counted from the day before.
"""

import pendulum
from airflow.sdk import Param, dag

from include.recommender import review
from include.recommender.outcomes.steps import check_events_are_in
from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.airflow_steps import DEFAULT_ARGS, WAIT_FOR_RUNS, step_task
from include.retraining.alerting.callbacks import alert_callbacks

settings = settings_for_parsing()
FORM = {
    "as_of_date": Param(
        None, type=["null", "string"], format="date", title="As-of date",
        description="The business date to look at. Empty: the date of the run. Events before this date are used.",
    ),
}  # fmt: skip


@dag(
    dag_id="recommender_drift",
    dag_display_name="Recommender, drift",
    description="Has anything changed: events, taste, features, scores, lists",
    doc_md=__doc__,
    schedule=settings.drift.run_cron,
    start_date=pendulum.datetime(2010, 1, 1, tz=settings.business.timezone),
    catchup=False,
    max_active_runs=1,
    params=FORM,
    default_args=DEFAULT_ARGS,
    **alert_callbacks(open_recommender, publishes=False),
    tags=["recommender", "daily"],
)
def recommender_drift() -> None:
    """Wait for the events, count, then compare."""
    events_are_in = step_task(check_events_are_in, open_recommender, **WAIT_FOR_RUNS)({})
    measured = step_task(review.measure_distributions, open_recommender)({})
    events_are_in >> measured >> step_task(review.compare_distributions, open_recommender)({})


recommender_drift()
