"""Experiment arms are policies: most users get the ranker's lists, those held back from it the best baseline's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.contenders import by_candidate_settings, by_state, contender_of, methods_of
from include.recommender.drafts import lists_of
from include.recommender.explained_lists import explained_lists
from include.recommender.serving import serving_snapshot
from include.recommender.snapshot import users_of_shard
from include.retraining.experiment import BASELINE, RANKER, held_back

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from include.recommender.contenders import Contender
    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.retraining.registry import ModelRegistry
    from include.retraining.workspace import Workspace

    Policy = tuple[str, str]


def contenders_by_policy(
    rankers: Mapping[str, Mapping[str, str]], registry: ModelRegistry, settings: RecommenderSettings
) -> dict[Policy, Contender]:
    """What makes the lists of each arm on each surface, by (arm, surface); `rankers` are those of choose_rankers.

    Where a baseline serves a surface anyway, nobody can be held back from a ranker: both policies are that baseline.
    """
    serving = {surface: contender_of(chosen["model"], registry, settings) for surface, chosen in rankers.items()}
    policies = {(RANKER, surface): contender for surface, contender in serving.items()}
    for surface, contender in serving.items() if settings.experiment.hold_back_share else ():
        rule = contender_of(rankers[surface]["baseline"], registry, settings) if contender.ranker else contender
        policies[BASELINE, surface] = rule
    return policies


def shard_lists(
    workspace: Workspace[RecommenderSettings],
    settings: RecommenderSettings,
    as_of_date: date,
    rankers: Mapping[str, Mapping[str, str]],
    shard: int,
) -> tuple[pa.Table, pa.Table]:
    """The same two tables of a shard, by whatever serves: contenders of other settings may see another state.

    No snapshot outlives its lists: to sort and write them takes as much memory again.
    """
    import pyarrow as pa

    part = (shard, settings.publication.shards)

    def made_by(alike: Mapping[Policy, Contender]) -> tuple[pa.Table, pa.Table]:
        own = next(iter(alike.values())).settings
        snapshot = serving_snapshot(workspace, own, as_of_date, part, methods_of(alike))
        return arm_lists(snapshot, alike, settings, shard)

    groups = by_state(contenders_by_policy(rankers, workspace.registry, settings))
    lists, reasons = zip(*map(made_by, groups), strict=True)
    return pa.concat_tables(lists), pa.concat_tables(reasons)


def arm_lists(
    snapshot: Snapshot, contenders: Mapping[Policy, Contender], settings: RecommenderSettings, shard: int
) -> tuple[pa.Table, pa.Table]:
    """Rows of DRAFT_USER_RECOMMENDATIONS and LIST_EXPLANATIONS of one shard, each user's by the policy of their arm.

    The contenders see the same snapshot. Shard 0 also has the lists for everybody else.
    """
    import pyarrow as pa

    users = users_of_shard(snapshot.shape[0], shard, settings.publication.shards)
    aside = held_back(snapshot.user_ids[users], settings.experiment.salt, settings.experiment.hold_back_share)
    lists, reasons = [], []
    for arm, whose in ((RANKER, users[~aside]), (BASELINE, users[aside])):
        own = {surface: contender for (policy, surface), contender in contenders.items() if policy == arm}
        everybody = shard == 0 and arm == RANKER
        lists += [
            lists_of(snapshot, alike, settings.publication.list_size, whose, shard, everybody)
            for alike in by_candidate_settings(own)
        ]
        for surface, contender in own.items():
            reasons.append(explained_lists(snapshot, whose, contender, surface, shard, settings))
    return pa.concat_tables(lists), pa.concat_tables(reasons)
