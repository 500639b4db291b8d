"""Lets quarantined events in: a row in `readmissions`, which every rebuild of events honours.

**Manual only.** `dry_run` is on at first: the log then lists the rows, the dates and the trigger; nothing changes.
**Readers** see a difference once `recommender_daily` has rebuilt the dates and published.
"""

from airflow.sdk import Param, dag

from include.recommender import operations
from include.recommender.workspace import open_recommender
from include.retraining.airflow_steps import OPERATION_DAG, PRODUCTION_POOL, operation_form, operation_task
from include.retraining.alerting.callbacks import alert_callbacks

FORM = operation_form(
    row_ids=Param(
        None, type=["null", "string"], format="multiline", title="Row ids",
        description="row_id of quarantined events, one a line. Leave empty to choose by rule.",
    ),
    rule=Param(
        None, type=["null", "string"], title="Rule",
        description="Instead of row ids: the rule that rows broke, as in quarantined_rows.reason, e.g. too_late.",
    ),
    arrived_from=Param(
        None, type=["null", "string"], format="date", title="Arrived from",
        description="With a rule: the first arrival date. Empty: from the beginning.",
    ),
    arrived_until=Param(
        None, type=["null", "string"], format="date", title="Arrived until",
        description="With a rule: the last arrival date. Empty: until now.",
    ),
)  # fmt: skip


@dag(
    dag_id="readmit_quarantined_rows",
    dag_display_name="Readmit quarantined rows",
    description="Quarantined events that are right after all count as events",
    doc_md=__doc__,
    params=FORM,
    tags=["recommender", "by hand"],
    **OPERATION_DAG,
    **alert_callbacks(open_recommender, publishes=False),
)
def readmit_quarantined_rows() -> None:
    """One task: find, refuse or record, report."""
    operation_task(operations.readmit_quarantined_rows, open_recommender, pool=PRODUCTION_POOL)


readmit_quarantined_rows()
