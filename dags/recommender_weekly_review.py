"""Looks once a week whether the champions can be made again, and what the week cost.

**Weekly**, Mondays at 12:00 in the business timezone; also by hand.
**Readers** are not concerned: nothing is published, no alias moves.
"""

import pendulum
from airflow.sdk import Param, dag

from include.recommender import review
from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.airflow_steps import DEFAULT_ARGS, step_task
from include.retraining.alerting.callbacks import alert_callbacks

settings = settings_for_parsing()
FORM = {
    "as_of_date": Param(
        None, type=["null", "string"], format="date", title="As-of date",
        description="Champions of this date, and costs of the seven days before it. Empty: the date of the run.",
    ),
}  # fmt: skip


@dag(
    dag_id="recommender_weekly_review",
    dag_display_name="Recommender, weekly review",
    description="Champions are trained again and compared; costs of the week",
    doc_md=__doc__,
    schedule="0 12 * * 1",
    start_date=pendulum.datetime(2010, 1, 1, tz=settings.business.timezone),
    catchup=False,
    max_active_runs=1,
    params=FORM,
    default_args=DEFAULT_ARGS,
    **alert_callbacks(open_recommender, publishes=False),
    tags=["recommender", "weekly"],
)
def recommender_weekly_review() -> None:
    """Two looks that do not wait for each other."""
    step_task(review.reproduce_champions, open_recommender)({})
    step_task(review.summarise_costs, open_recommender)({})


recommender_weekly_review()
