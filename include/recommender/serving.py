"""From the state of a date to what readers get: the snapshot that is served, drafts, lineage, reading back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.past_date import PastDate
from include.recommender.settings import ALLOWS_REPEATS, SURFACES
from include.recommender.similarities import settings_of
from include.recommender.snapshot import EVERYBODY, methods_in_use, methods_to_make, read_snapshot, users_of_shard
from include.recommender.tables import (
    DRAFT_OF,
    DRAFT_USER_RECOMMENDATIONS,
    ITEM_STATS,
    PUBLISHED_TABLES,
    USER_RECOMMENDATIONS,
    USER_STATS,
)
from include.recommender.tuning import tuned
from include.retraining.code_version import code_version
from include.retraining.errors import PublicationCheckError
from include.retraining.publication.blocked import blocked_items
from include.retraining.publication.reader import read_publication
from include.retraining.publication.stage import Lineage
from include.retraining.publication.switch_log import as_of_date_of, read_switch_log
from include.retraining.warehouse.protocol import Pieces
from include.retraining.warehouse.table import in_order

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Part, Snapshot
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table
    from include.retraining.workspace import Workspace


def serving_snapshot(
    workspace: Workspace[RecommenderSettings],
    settings: RecommenderSettings,
    as_of_date: date,
    part: Part = EVERYBODY,
    methods: Collection[str] | None = None,
) -> Snapshot:
    """The state of as_of_date without blocked items, as a contender with these settings sees it.

    With pairs of a part of the users, and these methods of similarity: by default those that its sources read. It is
    read where the run has built it with the same settings. Else it is made from events: rows of this part alone, and
    what all parts need once on a machine, as for a past date.
    """
    todays = tuned(workspace.warehouse, workspace.settings, as_of_date)
    methods = methods_in_use(settings) if methods is None else methods
    if settings.features == todays.features and all(_is_built(method, settings, todays) for method in methods):
        snapshot = read_snapshot(workspace.warehouse, as_of_date, part, methods)
    else:
        snapshot = PastDate(workspace.warehouse, settings, as_of_date, as_of_date, methods).of_part(part)
    return snapshot.without(blocked_items(workspace.warehouse))


def _is_built(method: str, settings: RecommenderSettings, todays: RecommenderSettings) -> bool:
    """Whether a run with the settings `todays` builds what the method makes with other ones."""
    return method in methods_to_make(todays) and settings_of(method, settings) == settings_of(method, todays)


def middle_users(warehouse: Warehouse, as_of_date: date, least: int) -> tuple[Part, NDArray[np.int64]]:
    """A part of the users, by id from the middle, that holds at least so many of them, or all; and their positions."""
    known = warehouse.read(USER_STATS, {"as_of_date": as_of_date}, ["user_id"]).num_rows
    parts = max(known // least, 1)
    part = (parts // 2, parts)
    return part, users_of_shard(known, *part)


def drafts_to_publish(workspace: Workspace[RecommenderSettings], as_of_date: date) -> dict[Table, pa.Table | Pieces]:
    """The drafts of as_of_date as rows of the published tables, without publication_id; lists of users in pieces."""
    _refuse_missing_users(workspace, as_of_date)
    others = [table for table in PUBLISHED_TABLES if table is not USER_RECOMMENDATIONS]
    return {
        USER_RECOMMENDATIONS: Pieces(lambda: (drafted_lists(workspace, as_of_date, name) for name in sorted(SURFACES))),
        **{
            table: workspace.warehouse.read(DRAFT_OF[table.name], {"as_of_date": as_of_date}, _without_id(table))
            for table in others
        },
    }


def drafted_lists(workspace: Workspace[RecommenderSettings], as_of_date: date, surface: str) -> pa.Table:
    """The drafts of one surface as rows of USER_RECOMMENDATIONS, by user and rank, without publication_id."""
    where = _of_this_try(workspace, as_of_date) | {"surface": surface}
    rows = workspace.warehouse.read(DRAFT_USER_RECOMMENDATIONS, where, _without_id(USER_RECOMMENDATIONS))
    return in_order(rows, ["user_id", "rank"])


def _of_this_try(workspace: Workspace[RecommenderSettings], as_of_date: date) -> dict[str, object]:
    """Drafts of an earlier try with more shards may lie beside: they are not part of this one."""
    return {"as_of_date": as_of_date, "shard": list(range(workspace.settings.publication.shards))}


def _without_id(table: Table) -> list[str]:
    return [name for name in table.columns if name != "publication_id"]


def _refuse_missing_users(workspace: Workspace[RecommenderSettings], as_of_date: date) -> None:
    """A change of publication.shards in the middle of a run would leave users without a draft."""
    import pyarrow.compute as pc

    users = workspace.warehouse.read(USER_STATS, {"as_of_date": as_of_date}, ["user_id", "items"])
    shown = _items_to_show(workspace, as_of_date)
    for surface in SURFACES:
        # Who touched as many items as there are to show may have nothing new left.
        known = users if ALLOWS_REPEATS[surface] else users.filter(pc.less(users["items"], shown))
        known = known["user_id"]
        firsts = _of_this_try(workspace, as_of_date) | {"surface": surface, "rank": 1}
        drafted = workspace.warehouse.read(DRAFT_USER_RECOMMENDATIONS, firsts, ["user_id"])["user_id"]
        missing = known.length() - (pc.sum(pc.is_in(known, drafted)).as_py() or 0)
        if missing:
            raise PublicationCheckError(
                f"a draft on {surface} for each of {known.length()} users",
                f"{missing} users without one",
                "clear score_users and what follows it; change publication.shards between runs only",
            )


def _items_to_show(workspace: Workspace[RecommenderSettings], as_of_date: date) -> int:
    """At least so many items may be shown."""
    import pyarrow.compute as pc

    items = workspace.warehouse.read(ITEM_STATS, {"as_of_date": as_of_date}, ["is_active", "events"])
    active = items.filter(pc.and_(items["is_active"], pc.greater(items["events"], 0))).num_rows
    return int(active - len(blocked_items(workspace.warehouse)))


def published_before(workspace: Workspace[RecommenderSettings], as_of_date: date) -> str | None:
    """The last publication of the newest earlier date that readers had, and nobody took away.

    Not the current one: in a rerun that may be the very publication to compare, in a backfill one of a later date.
    """
    log = read_switch_log(workspace.warehouse)
    published = [switch.to_publication_id for switch in log.switches if switch.kind == "publish"]
    earlier = [name for name in published if as_of_date_of(name) < as_of_date and name not in log.rolled_back]
    return max(reversed(earlier), key=as_of_date_of, default=None)


def lineage_of(rankers: Mapping[str, Mapping[str, str]], versions: Mapping[str, int]) -> Lineage:
    """What a publication was made from. `versions` are the table versions its statistics read."""
    return Lineage(
        model_versions={surface: ranker["model"] for surface, ranker in rankers.items()},
        training_sets={surface: ranker["training_set"] for surface, ranker in rankers.items()},
        table_versions=dict(versions),
        code_version=code_version(),
    )


def read_back(workspace: Workspace[RecommenderSettings]) -> tuple[str | None, dict[Table, pa.Table]]:
    """The current publication and its tables through the pointer, blocked items included."""
    current = read_switch_log(workspace.warehouse).current
    if current is None:
        return None, {}
    return current, {table: read_publication(workspace.warehouse, table, current) for table in PUBLISHED_TABLES}
