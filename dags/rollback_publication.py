"""Takes readers back to an earlier publication within seconds, and holds or releases later runs.

**Form**: what to do, where to, why. *Dry run* is on at first: the log of the one task says exactly what would change.
**rollback** moves readers and sets the hold: later runs stage their lists and show nobody, until you **release** it.
**hold** and **release** move nobody.
**Champions** stay in office. Where the model is to blame, trigger `rollback_model` too.
**Record**: a row of `publication_switches` with your name and reason. A retry adds nothing.
"""

from airflow.sdk import Param, dag

from include.recommender import operations
from include.recommender.workspace import open_recommender
from include.retraining.airflow_steps import OPERATION_DAG, PRODUCTION_POOL, operation_form, operation_task
from include.retraining.alerting.callbacks import alert_callbacks

FORM = operation_form(
    action=Param(
        "rollback", enum=["rollback", "hold", "release"], title="Action",
        description="rollback: readers get the publication below. hold: later runs only stage. release: the next run "
        "publishes again.",
    ),
    publication_id=Param(
        None, type=["null", "string"], title="Publication",
        description="Where to, for example 2026-01-31-0123456789ab. Empty: what readers had before. A wrong one is "
        "answered with those that are possible. Leave it empty for hold and release.",
    ),
)  # fmt: skip


@dag(
    dag_id="rollback_publication",
    dag_display_name="Roll back publication",
    description="Readers get an earlier publication; later runs are held or released",
    doc_md=__doc__,
    params=FORM,
    tags=["recommender", "by hand"],
    **OPERATION_DAG,
    **alert_callbacks(open_recommender, publishes=False),
)
def rollback_publication() -> None:
    """One task; what it does is in include/recommender/operations.py."""
    operation_task(operations.roll_back_publication, open_recommender, pool=PRODUCTION_POOL)


rollback_publication()
