"""Removes what is older than `[retention]` keeps, then frees the space.

**Weekly**, Sundays at 12:00 in the business timezone, while no daily run is active; also by hand, first with `dry_run`.
**Never removed**: the current publication, the last ones that readers saw, training sets of kept publications and of
champions, table versions that kept publications name, audit tables.
**Airflow's own database** is not touched: `airflow db clean`, docs/operate.md.
"""

import pendulum
from airflow.sdk import Param, dag

from include.recommender import operations
from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.airflow_steps import DEFAULT_ARGS, PRODUCTION_POOL, WAIT_FOR_RUNS, operation_task
from include.retraining.alerting.callbacks import alert_callbacks

settings = settings_for_parsing()
PARAMS = {
    "dry_run": Param(
        False, type="boolean", title="Dry run",
        description="On: only say what would go. Off, as every week: remove it.",
    ),
    "reason": Param(None, type=["null", "string"], title="Reason", description="Needed when you start it by hand."),
}  # fmt: skip


@dag(
    dag_id="maintenance_weekly",
    dag_display_name="Maintenance, weekly",
    description="Old partitions and table versions are removed",
    doc_md=__doc__,
    schedule="0 12 * * 0",
    start_date=pendulum.datetime(2010, 1, 1, tz=settings.business.timezone),
    catchup=False,
    max_active_runs=1,
    allowed_run_types=["scheduled", "manual"],
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["recommender", "weekly"],
    **alert_callbacks(open_recommender, publishes=False),
)
def maintenance_weekly() -> None:
    """First rows, then files."""
    pool = {"pool": PRODUCTION_POOL}
    removed = operation_task(
        operations.remove_expired, open_recommender, not_beside="recommender_daily", **pool, **WAIT_FOR_RUNS
    )
    removed >> operation_task(operations.vacuum_tables, open_recommender)


maintenance_weekly()
