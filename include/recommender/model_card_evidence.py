"""What a model card says in numbers: the rows of a run's tables about one challenger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from include.recommender.contenders import feature_names_of
from include.recommender.contributions import Contributions, sampled_contributions
from include.recommender.evaluation import CHALLENGER, CHAMPION
from include.recommender.evaluation_rows import EVERYBODY, evidence_from
from include.recommender.office import registered
from include.recommender.ranker import Ranker
from include.recommender.segments import ACTIVITY
from include.recommender.tables import CHOSEN_PARAMETERS, TRAINING_SET
from include.retraining.promotion.paired_bootstrap import Interval
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from include.recommender.settings import RecommenderSettings
    from include.retraining.promotion.policy import Evidence
    from include.retraining.registry import RegisteredModel
    from include.retraining.settings import Promotion
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

WEEK = "week "
NEWNESS = ("new users", "known users")


@dataclass(frozen=True)
class TrainingSummary:
    """What there was to learn from. `lists` are users at a snapshot."""

    snapshots: tuple[date, ...]
    rows: int
    positives: int
    lists: int
    users: int


@dataclass(frozen=True)
class CardEvidence:
    """Everything a card is made from; no user is in it. `settings` are those the run chose."""

    model: RegisteredModel
    surface: str
    as_of_date: date
    choice: str
    reasons: tuple[str, ...]
    settings: RecommenderSettings
    settings_hash: str
    policy_evidence: Evidence
    intervals: Mapping[tuple[str, str, str, str], Interval]
    training: TrainingSummary
    parameters: list[dict[str, Any]]
    importances: Mapping[str, float]
    contributions: Contributions

    @property
    def promotion(self) -> Promotion:
        """The policy."""
        return self.settings.promotion

    def measured(self, contender: str, metric: str, segment: str = EVERYBODY, versus: str = "") -> Interval | None:
        """One measurement; None where it was not made."""
        return self.intervals.get((contender, versus, segment, metric))

    def segments(self, contender: str, versus: str = "") -> dict[str, Interval]:
        """The policy's metric by segment, weeks included."""
        return {
            segment: interval
            for (of, against, segment, metric), interval in self.intervals.items()
            if (of, against, metric) == (contender, versus, self.promotion.metric) and segment != EVERYBODY
        }

    def weekly(self, contender: str) -> dict[str, Interval]:
        """The policy's metric by the first day of each week, oldest first."""
        found = self.segments(contender)
        return {name.removeprefix(WEEK): found[name] for name in sorted(found) if name.startswith(WEEK)}

    @cached_property
    def weeks(self) -> list[str]:
        """First days of the weeks on which the challenger was measured, oldest first."""
        return list(self.weekly(CHALLENGER))

    @cached_property
    def groups(self) -> dict[str, Interval]:
        """The challenger minus the incumbent by group of people: by activity, by newness, then the largest category."""
        found = self.segments(CHALLENGER, self.incumbent)
        named = [name for name in (*ACTIVITY.values(), *NEWNESS) if name in found]
        others = [name for name in found if not (name.startswith(WEEK) or name in named)]
        return {name: found[name] for name in [*named, *sorted(others, key=lambda name: (-found[name].users, name))]}

    @cached_property
    def contenders(self) -> list[str]:
        """Challenger, champion where there is one, baselines: whoever's lists were measured."""
        others = {versus for _, versus, _, _ in self.intervals if versus}
        return [CHALLENGER, *sorted(others, key=lambda name: (name != CHAMPION, name))]

    @cached_property
    def incumbent(self) -> str:
        """Whom the challenger would replace."""
        return CHAMPION if CHAMPION in self.contenders else self.policy_evidence.best_baseline

    @cached_property
    def left_out(self) -> list[str]:
        """Features that were the same in every row."""
        return list(json.loads(self.model.tags.get("features_left_out", "[]")))


def card_evidence(
    workspace: Workspace[RecommenderSettings],
    settings: RecommenderSettings,
    as_of_date: date,
    surface: str,
    decision: Mapping[str, str],
) -> CardEvidence:
    """Read it. `decision` is what decide_and_record returned."""
    warehouse, model = workspace.warehouse, registered(workspace, decision["model"])
    where = {"as_of_date": as_of_date, "surface": surface}
    rows = warehouse.read(EVALUATION_RESULTS, where)
    # By id, not by model: a model trained again into the same bytes shares the decision about the first.
    recorded = warehouse.read(PROMOTION_DECISIONS, {**where, "kind": "decided", "decision_id": decision["decision_id"]})
    training = _training_summary(warehouse, where)
    ranker = Ranker(workspace.registry.load(model), feature_names_of(model))
    latest = warehouse.read(TRAINING_SET, {**where, "snapshot_date": list(training.snapshots[-1:])})
    return CardEvidence(
        model=model,
        surface=surface,
        as_of_date=as_of_date,
        choice=decision["choice"],
        reasons=tuple(reason for reasons in recorded["reasons"].to_pylist()[:1] for reason in reasons),
        settings=settings,
        settings_hash=workspace.settings.hash,
        policy_evidence=evidence_from(rows, surface, settings.promotion),
        intervals=_intervals(rows.to_pylist()),
        training=training,
        parameters=[row for row in _parameters(warehouse, as_of_date) if row["chosen"]],
        importances=ranker.importances(),
        contributions=sampled_contributions(ranker, latest, settings.training.seed),
    )


def _intervals(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str, str], Interval]:
    """What was measured on somebody: the mean over nobody is not a number."""
    return {
        (row["contender"], row["versus"], row["segment"], row["metric"]): Interval(
            row["mean"], row["low"], row["high"], row["users"]
        )
        for row in rows
        if row["users"]
    }


def _training_summary(warehouse: Warehouse, where: Mapping[str, object]) -> TrainingSummary:
    rows = warehouse.read(TRAINING_SET, where, ["snapshot_date", "user_id", "label"])
    lists = rows.group_by(["snapshot_date", "user_id"]).aggregate([])
    return TrainingSummary(
        tuple(sorted(set(rows["snapshot_date"].to_pylist()))),
        rows.num_rows,
        int((rows["label"].to_numpy() > 0).sum()),
        lists.num_rows,
        len(lists["user_id"].unique()),
    )


def _parameters(warehouse: Warehouse, as_of_date: date) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.read(CHOSEN_PARAMETERS, {"as_of_date": as_of_date}).to_pylist()
    return rows
