"""What a challenger would change for readers: its lists of a sample of users against those they have now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.recommender.contenders import contender_of
from include.recommender.drafts import lists_of
from include.recommender.serving import middle_users, serving_snapshot
from include.recommender.tables import EVERYBODY, USER_RECOMMENDATIONS
from include.recommender.tuning import tuned
from include.retraining.experiment import held_back
from include.retraining.publication.reader import read_publication
from include.retraining.publication.switch_log import as_of_date_of

if TYPE_CHECKING:
    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.workspace import Workspace

SAMPLE = 500
TOP = 10


@dataclass(frozen=True)
class ListChanges:
    """Of so many sampled users: the share whose first place changes, and the mean share of others in the first TOP."""

    users: int
    first_place: float
    others: float


def list_changes(
    workspace: Workspace[RecommenderSettings], publication_id: str, surface: str, model: str
) -> ListChanges | None:
    """Compare for about SAMPLE users; None where none of them has a list of their own in both.

    Without those held back from rankers, for whom no challenger changes anything.
    """
    as_of_date = as_of_date_of(publication_id)
    settings = tuned(workspace.warehouse, workspace.settings, as_of_date)
    contender = contender_of(model, workspace.registry, settings)
    part, users = middle_users(workspace.warehouse, as_of_date, SAMPLE)
    snapshot = serving_snapshot(workspace, contender.settings, as_of_date, part)
    users = users[~held_back(snapshot.user_ids[users], settings.experiment.salt, settings.experiment.hold_back_share)]
    after = lists_of(snapshot, {surface: contender}, TOP, users, shard=0, everybody=False)
    where = {"surface": surface, "user_id": sorted(set(after["user_id"].to_pylist()))}
    before = read_publication(workspace.warehouse, USER_RECOMMENDATIONS, publication_id, where)
    return compared(before, after)


def compared(before: pa.Table, after: pa.Table) -> ListChanges | None:
    """Compare the lists of the users that have one in both."""
    old, new = _tops(before), _tops(after)
    users = sorted(old.keys() & new.keys() - {EVERYBODY})
    if not users:
        return None
    first = sum(old[user][:1] != new[user][:1] for user in users)
    others = sum(len(set(new[user]) - set(old[user])) / len(new[user]) for user in users)
    return ListChanges(len(users), first / len(users), others / len(users))


def _tops(lists: pa.Table) -> dict[str, list[str]]:
    """The first TOP items by user, in order."""
    tops: dict[str, list[str]] = {}
    for row in sorted(lists.select(["user_id", "rank", "item_id"]).to_pylist(), key=lambda row: row["rank"]):
        if row["rank"] <= TOP:
            tops.setdefault(row["user_id"], []).append(row["item_id"])
    return tops
