"""What operators do by a form, and the weekly clean-up. Each docstring is the task's page in the Airflow UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.errors import OperationError, StepSkipped
from include.retraining.operation import perform, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.operation import Operation, Plan
    from include.retraining.publication import blocking, roll_back
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]


def roll_back_publication(
    operation: Operation, workspace: Recommender, action: roll_back.Action, publication_id: str | None
) -> str:
    """Move readers to another publication, hold later runs, or release them.

    **Does**: says what readers see and would see; with `dry_run` off appends one row, which is the switch.
    **Writes**: `publication_switches`. In a dry run nothing.
    **If it fails**: readers keep what they see.
    **What to do**: the message lists what readers can be moved to; trigger again. A lost race: clear the task.
    """
    from include.recommender.tables import PUBLISHED_TABLES
    from include.retraining.publication.roll_back import plan_switch

    after_rollback = workspace.settings.publication.after_rollback
    plan = plan_switch(workspace.warehouse, operation, action, publication_id, after_rollback, PUBLISHED_TABLES)
    return perform(operation, plan)


def roll_back_model(operation: Operation, workspace: Recommender, surface: str, model: str | None) -> str:
    """Put an earlier ranker of a surface back in office, or none.

    **Does**: says who is champion and would be; with `dry_run` off later runs take that one for champion.
    **Writes**: an `applied` row in `promotion_decisions`; the MLflow alias `champion`. In a dry run nothing.
    **If it fails**: the champion stays; where only the alias failed, the row is recorded and counts.
    **What to do**: the message lists who can take office; trigger again. MLflow unreachable: clear the task once it is
    up.
    """
    from include.recommender.contenders import feature_names_of
    from include.retraining.promotion.roll_back import plan_model_rollback

    plan = plan_model_rollback(
        workspace.warehouse, workspace.registry, operation, surface, model, refuse_unusable=feature_names_of
    )
    return perform(operation, plan)


def block_items(
    operation: Operation,
    workspace: Recommender,
    action: blocking.Action,
    item_ids: Sequence[str] | None,
    surface: str,
    user_ids: Sequence[str] | None,
    segments: Sequence[str] | None,
    similar_to: Sequence[str] | None,
) -> str:
    """Take items or whole lists away from readers now, or let them return.

    **Does**: says which rows vanish; with `dry_run` off readers do not get them from their next read on.
    **Writes**: `blocked_items`, `blocked_lists`. In a dry run nothing.
    **If it fails**: nothing was blocked or unblocked; after a lost race perhaps the items, and not yet the lists.
    **What to do**: an unknown item or segment: the message names near ones; trigger again. A lost race: clear the task.
    """
    from include.recommender.blocked_lists import plan_list_blocking

    plans = []
    if item_ids:
        plans.append(_plan_item_blocking(operation, workspace, action, item_ids))
    if user_ids or segments or similar_to:
        lists = (surface, user_ids or (), segments or (), similar_to or ())
        plans.append(plan_list_blocking(workspace.warehouse, operation, action, *lists))
    if not plans:
        raise OperationError(
            "items, users, segments or items with a list of similar ones", "an empty form", "fill one of these fields"
        )
    return perform(operation, together(*plans))


def _plan_item_blocking(
    operation: Operation, workspace: Recommender, action: blocking.Action, item_ids: Sequence[str]
) -> Plan:
    from datetime import date
    from functools import partial

    from include.recommender.statistics import items_snapshot
    from include.recommender.tables import ITEMS, POPULAR_ITEMS, SIMILAR_ITEMS, USER_RECOMMENDATIONS
    from include.recommender.user_ids import users_among
    from include.retraining.publication.blocking import plan_blocking

    newest = {"snapshot_date": items_snapshot(workspace.warehouse, date.max, date.max)}
    catalogue = set(workspace.warehouse.read(ITEMS, newest, ["item_id"])["item_id"].to_pylist())
    columns = {
        USER_RECOMMENDATIONS: ("item_id",),
        POPULAR_ITEMS: ("item_id",),
        SIMILAR_ITEMS: ("item_id", "similar_item_id"),
    }
    users = partial(users_among, workspace.warehouse)
    return plan_blocking(workspace.warehouse, operation, action, item_ids, catalogue, columns, users)


def readmit_quarantined_rows(
    operation: Operation,
    workspace: Recommender,
    row_ids: str | None,
    rule: str | None,
    arrived_from: str | None,
    arrived_until: str | None,
) -> str:
    """Let quarantined events in.

    **Does**: finds the rows by id, or by the rule they broke and when they arrived; says which dates to rebuild.
    **Writes**: `readmissions`, which every rebuild of events honours. With `dry_run` nothing.
    **If it fails**: nothing was written; the rows stay in quarantine.
    **What to do**: the message names the valid ids or rules; trigger again.
    """
    from include.recommender.readmission import readmit

    return readmit(operation, workspace, row_ids, rule, arrived_from, arrived_until)


def forget_user(operation: Operation, workspace: Recommender, user_id: str) -> str:
    """Remove a person from every table and every version of it.

    **Does**: records the request, from which on ingestion leaves the person out; deletes their rows, published lists
    too; removes earlier table versions, whoever is named in them. Lists the landed files that hold the person.
    **Writes**: `erasures`, `erased_rows`; every table with a user_id; `quarantined_rows`, `readmissions`,
    `data_quality_results`. With `dry_run` nothing.
    **If it fails**: readers keep what they have; some rows of the person may be left.
    **What to do**: clear the task: it goes on where it ended. It waits while a run of `recommender_daily` is active.
    """
    from include.recommender.forgetting import forget

    return forget(operation, workspace, user_id)


def verify_forgotten(operation: Operation, workspace: Recommender, user_id: str) -> str:
    """Look for what is left of the person.

    **Does**: searches every table again, as a run that was active meanwhile may have written the person back.
    **Writes**: nothing.
    **If it fails**: rows of the person are left; the message names the tables.
    **What to do**: once no run is active, clear `forget_user` and this task.
    """
    from include.recommender.forgetting import refuse_traces

    if operation.dry_run:
        raise StepSkipped("a dry run removes nothing, so there is nothing to verify")
    return refuse_traces(workspace, user_id)


def remove_expired(operation: Operation, workspace: Recommender) -> str:
    """Remove what is older than the settings keep.

    **Does**: deletes partitions older than the limits of `[retention]`; never the current publication, the last ones
    that readers saw, or the training sets of kept publications and of champions. Samples of rows in check results go
    with the quarantine.
    **Writes**: deletes from the published, draft, feature and training tables, `list_explanations`, `quarantined_rows`,
    `data_quality_results`, `distributions` and `drift_metrics`. With `dry_run` nothing.
    **If it fails**: less was removed than could be; readers see no difference.
    **What to do**: clear the task. It waits while a run of `recommender_daily` is active.
    """
    from include.recommender.expiry import remove_expired_rows

    return remove_expired_rows(workspace, operation.dry_run)


def vacuum_tables(operation: Operation, workspace: Recommender) -> str:
    """Free the space of table versions that nobody needs any more.

    **Does**: removes files that no version of the last `retention.history_days` days names, and no kept publication;
    old log entries likewise.
    **Writes**: no row. With `dry_run` nothing.
    **If it fails**: the space is not free yet; nobody sees a difference.
    **What to do**: clear the task.
    """
    from include.recommender.expiry import remove_old_files

    return remove_old_files(workspace, operation.dry_run)
