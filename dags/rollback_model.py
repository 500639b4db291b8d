"""Puts an earlier ranker of a surface back in office, or none, so that later runs start from it.

**Form**: which surface, which model, why. *Dry run* is on at first: the log of the one task says exactly what would
change.
**Readers** see the same lists until the next publication: `recommender_daily` with `train = skip` makes one now. To
take bad lists away at once, trigger `rollback_publication` first.
**Record**: an `applied` row of `promotion_decisions` with your name and reason; the MLflow alias `champion` follows. A
retry adds nothing.
"""

from airflow.sdk import Param, dag

from include.recommender import operations
from include.recommender.settings import SURFACES
from include.recommender.workspace import open_recommender
from include.retraining.airflow_steps import OPERATION_DAG, PRODUCTION_POOL, operation_form, operation_task
from include.retraining.alerting.callbacks import alert_callbacks

FORM = operation_form(
    surface=Param(
        type="string", enum=list(SURFACES), title="Surface", description="Each surface has a champion of its own."
    ),
    model=Param(
        None, type=["null", "string"], title="Model",
        description="For example recommender_for_you/3. Empty: the champion before the present one. none: the best "
        "baseline serves. A wrong one is answered with those that are possible.",
    ),
)  # fmt: skip


@dag(
    dag_id="rollback_model",
    dag_display_name="Roll back model",
    description="An earlier champion takes office again, or none",
    doc_md=__doc__,
    params=FORM,
    tags=["recommender", "by hand"],
    **OPERATION_DAG,
    **alert_callbacks(open_recommender, publishes=False),
)
def rollback_model() -> None:
    """One task; what it does is in include/recommender/operations.py."""
    operation_task(operations.roll_back_model, open_recommender, pool=PRODUCTION_POOL)


rollback_model()
