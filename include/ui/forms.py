"""Where operators act: Airflow's own trigger forms, with Airflow's own rights. No page of ours changes anything.

Airflow has no address for a form itself: its DAG's page has the Trigger button.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """A form's DAG, what it is called, what it does for readers."""

    dag_id: str
    name: str
    does: str


ROLL_BACK = Form(
    "rollback_publication", "Roll back, hold or release", "readers get an earlier publication, within seconds"
)
ROLL_BACK_MODEL = Form("rollback_model", "Roll back a model", "an earlier model makes the lists from the next run on")
BLOCK = Form("block_items", "Block items or lists", "they vanish from live lists at once, or may return")
READMIT = Form("readmit_quarantined_rows", "Readmit rows", "rows in quarantine that are right after all are let in")
BACKFILL = Form("recommender_daily", "Run or backfill dates", "Trigger, then Backfill: past dates are run (again)")
FORMS = (ROLL_BACK, ROLL_BACK_MODEL, BLOCK, READMIT, BACKFILL)
FORM_OF = {form.dag_id: form for form in FORMS}
# Our other DAGs, each with the page that shows what it leaves behind; none where no page does.
PAGE_OF = {
    "recommender_outcomes": "outcomes", "recommender_drift": "drift", "recommender_weekly_review": "champions",
    "publication_watch": "publications", "maintenance_weekly": None, "forget_user": None,
}  # fmt: skip
