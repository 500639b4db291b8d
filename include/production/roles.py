"""Who may do what in a production Airflow: permissions of Flask AppBuilder, as pairs of action and resource.

Connections and variables may hold secrets: no role here reads or writes them, only Airflow's own Admin does.
"""

from __future__ import annotations

from itertools import product

Permissions = frozenset[tuple[str, str]]

VIEWER, ON_CALL, OPERATOR = "viewer", "on_call", "operator"
# What the runbook has on-call press at night. Other forms change data or erase people: those wait for an operator.
DAGS_OF_ON_CALL = ("recommender_daily", "rollback_publication", "rollback_model", "block_items")


def _pairs(actions: str, *resources: str) -> Permissions:
    return frozenset(product(actions.split(), resources))


SEE = _pairs(
    "can_read", "Asset Aliases", "Assets", "Backfills", "Cluster Activity", "DAG Code", "DAG Dependencies", "DAG Runs",
    "DAG Versions", "DAG Warnings", "DAGs", "HITL Detail", "ImportError", "Jobs", "Plugins", "Pools", "Task Instances",
    "Task Logs", "Website", "XComs",
) | _pairs(
    "menu_access", "Assets", "Browse", "Cluster Activity", "DAG Dependencies", "DAG Runs", "DAGs", "Docs",
    "Documentation", "HITL Detail", "Jobs", "Task Instances",
) | _pairs("can_read can_edit", "My Password", "My Profile")  # fmt: skip
# Clear tasks, mark them, pause a DAG, answer an approval.
REPAIR = _pairs("can_edit", "DAG Runs", "DAGs", "HITL Detail", "Task Instances")
START = _pairs("can_create", "DAG Runs") | _pairs("can_create can_edit", "Backfills")

ROLES: dict[str, Permissions] = {
    VIEWER: SEE,
    ON_CALL: SEE | REPAIR | _pairs("can_create", *(f"DAG Run:{dag_id}" for dag_id in DAGS_OF_ON_CALL)),
    OPERATOR: SEE | REPAIR | START,
}
