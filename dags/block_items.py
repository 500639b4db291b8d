"""Takes items or whole lists away from readers within seconds, or lets them return.

**Form**: what to do, which items or lists, why. *Dry run* is on at first: the log of the one task says exactly what
would change.
**Readers** leave blocked items out from their next read on; later publications are made without them. Nothing fills the
gap in a list until the next publication. A user whose own list is blocked gets the list for everybody.
**An unknown name** is refused, an item or segment with near ones, and then none of the others is blocked either.
**Record**: rows of `blocked_items` and `blocked_lists` with your name and reason. A retry adds nothing.
"""

from airflow.sdk import Param, dag

from include.recommender import operations
from include.recommender.settings import SURFACES
from include.recommender.workspace import open_recommender
from include.retraining.airflow_steps import OPERATION_DAG, operation_form, operation_task
from include.retraining.alerting.callbacks import alert_callbacks


def one_a_line(title: str, description: str) -> Param:
    """An optional field of names."""
    return Param(
        None, type=["null", "array"], items={"type": "string"}, minItems=1, title=title, description=description
    )


FORM = operation_form(
    action=Param(
        "block", enum=["block", "unblock"], title="Action",
        description="block: items vanish from every list, lists as a whole. unblock: they may be shown again.",
    ),
    item_ids=one_a_line("Items", "Item ids, one a line: they vanish from every list."),
    user_ids=one_a_line("Users", "User ids, one a line: their own lists vanish, and they get the list for everybody."),
    surface=Param("all", enum=["all", *SURFACES], title="Surface", description="Of the users' lists."),
    segments=one_a_line("Segments", "Of popular_items, one a line: `all` or categories. Readers find none."),
    similar_to=one_a_line("Similar to", "Item ids, one a line: what is similar to them vanishes."),
)  # fmt: skip


@dag(
    dag_id="block_items",
    dag_display_name="Block items or lists",
    description="Items or whole lists vanish, or may return",
    doc_md=__doc__,
    params=FORM,
    tags=["recommender", "by hand"],
    **OPERATION_DAG,
    **alert_callbacks(open_recommender, publishes=False),
)
def block_items() -> None:
    """One task; what it does is in include/recommender/operations.py."""
    operation_task(operations.block_items, open_recommender, secrets=["user_ids"])


block_items()
