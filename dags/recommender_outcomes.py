"""Measures every day what users did with what was published.

**Chain**: the events of the day before are in, the log of what was shown (where there is one), outcomes, arms, notices.
**Readings**: `while_current` credits a publication with what happened while readers had it; `held_7_days` as if they
had held it for 7 days, as the offline scorer does. A figure is early first, and matured once late events are in.
**Arms**: users held back from the ranker (`experiment.hold_back_share`) show what it is worth over the best baseline.
**Readers** are not concerned: nothing here makes or moves lists.
**Backfill**: any past date, as long as its publications are kept; each sees only what was known on its date.
"""

from functools import partial

import pendulum
from airflow.sdk import dag

from include.recommender.outcomes import steps
from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.airflow_steps import DEFAULT_ARGS, WAIT_FOR_RUNS, step_task
from include.retraining.alerting.callbacks import alert_callbacks
from include.retraining.run_form import DATE_FORM

settings = settings_for_parsing()
step = partial(step_task, open_workspace=open_recommender)


@dag(
    dag_id="recommender_outcomes",
    dag_display_name="Recommender, outcomes",
    description="What users did with what was published, and what the ranker is worth over the baseline",
    doc_md=__doc__,
    schedule=settings.outcomes.run_cron,
    start_date=pendulum.datetime(2010, 1, 1, tz=settings.business.timezone),
    catchup=False,
    max_active_runs=1,
    params=DATE_FORM,
    default_args=DEFAULT_ARGS,
    **alert_callbacks(open_recommender, publishes=False),
    tags=["recommender", "daily", "outcomes"],
)
def recommender_outcomes() -> None:
    """The order of the steps; what they do is in include/recommender/outcomes/steps.py."""
    events_are_in = step(steps.check_events_are_in, **WAIT_FOR_RUNS)({})
    measured, compared = step(steps.measure_outcomes)({}), step(steps.compare_arms)({})
    events_are_in >> step(steps.ingest_exposures)({}) >> [measured, compared]
    [measured, compared] >> step(steps.announce_outcomes)({})


recommender_outcomes()
