"""Who is in office on a surface: contenders of a run, the decision about the challenger, and its application."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from include.recommender.baselines import baselines_of
from include.recommender.contenders import BASELINE_PREFIX, baseline, contender_from, contender_of, learnt_until
from include.recommender.evaluation import CHALLENGER, CHAMPION, Week, evaluation_weeks
from include.recommender.evaluation_rows import evidence_from
from include.recommender.ranker import train_ranker
from include.recommender.tables import TRAINING_SET
from include.retraining.errors import TrainingDataError
from include.retraining.promotion.decisions import (
    DecidedChallenger,
    champion_version,
    record_applied,
    record_decision,
)
from include.retraining.promotion.policy import decide
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import EVALUATION_RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    import pyarrow as pa

    from include.recommender.ranker import Ranker
    from include.recommender.settings import RecommenderSettings
    from include.retraining.registry import RegisteredModel
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]


def weeks_of(
    run: Run, workspace: Recommender, settings: RecommenderSettings, surface: str, challenger: str
) -> Iterator[Week]:
    """Each evaluated week with those who have not learnt from it: baselines, champion and challenger.

    In the weeks before the holdout a predecessor stands in for the challenger: trained the same way on what was known
    when that week began. The champion takes part from the week on in which its own training labels had ended.
    """
    champion = champion_version(workspace.warehouse, surface, run.as_of_date)
    rows = workspace.warehouse.read(TRAINING_SET, {"as_of_date": run.as_of_date, "surface": surface})
    for first in evaluation_weeks(run.as_of_date, settings):
        contenders = {name: baseline(name, settings) for name in baselines_of(surface)}
        if champion and learnt_until(registered(workspace, champion)) <= first:
            contenders[CHAMPION] = contender_of(champion, workspace.registry, settings)
        if first == run.as_of_date - timedelta(days=settings.training.holdout_days):
            contenders[CHALLENGER] = contender_of(challenger, workspace.registry, settings)
        else:
            predecessor = _predecessor(rows, settings, first)
            if predecessor is None:
                continue
            contenders[CHALLENGER] = contender_from(f"predecessor/{first}", predecessor, settings)
        yield Week(first, contenders)


def _predecessor(rows: pa.Table, settings: RecommenderSettings, first: date) -> Ranker | None:
    """What the run of that week would have trained; None where there was too little to learn from."""
    try:
        return train_ranker(rows, settings.training, first - timedelta(days=settings.training.label_days))
    except TrainingDataError:
        return None


def decide_and_record(run: Run, workspace: Recommender, surface: str, challenger: str) -> dict[str, str]:
    """Apply the policy to the evidence and record the decision; returns what later steps need to know."""
    where, promotion = {"as_of_date": run.as_of_date, "surface": surface}, workspace.settings.promotion
    evidence = evidence_from(workspace.warehouse.read(EVALUATION_RESULTS, where), surface, promotion)
    decision = decide(evidence, promotion)
    model = registered(workspace, challenger)
    champion = champion_version(workspace.warehouse, surface, run.as_of_date) or ""
    decided = DecidedChallenger(surface, challenger, champion, evidence.best_baseline, model.tags["model_sha256"])
    decision_id = record_decision(workspace.warehouse, run, decided, decision, asdict(evidence))
    workspace.registry.tag(model, {"decision": decision.choice, "decision_reasons": "; ".join(decision.reasons)})
    return {
        "choice": decision.choice,
        "decision_id": decision_id,
        "model": challenger,
        "best_baseline": evidence.best_baseline,
    }


def chosen_for(
    run: Run,
    workspace: Recommender,
    settings: RecommenderSettings,
    surface: str,
    decision: Mapping[str, str] | None,
) -> dict[str, str]:
    """What serves a surface: the promoted challenger, else the champion, else the best (or the fallback) baseline."""
    if decision and decision["choice"] == "promote":
        return _serving(workspace, decision["model"])
    champion = champion_version(workspace.warehouse, surface, run.as_of_date)
    if champion:
        return _serving(workspace, champion)
    fallback = next(name for name in settings.lists.fallback + baselines_of(surface) if name in baselines_of(surface))
    best = decision["best_baseline"] if decision else fallback
    return {"model": BASELINE_PREFIX + best, "training_set": ""}


def apply_decision(
    run: Run, workspace: Recommender, surface: str, publication_id: str, decision: Mapping[str, str]
) -> str:
    """Let a promoted challenger take office, where readers see its lists; says what was done."""
    if decision["choice"] != "promote":
        return "the challenger was not promoted"
    if read_switch_log(workspace.warehouse).current != publication_id:
        return "its lists are not the current ones: nothing moves"
    model = registered(workspace, decision["model"])
    champion = champion_version(workspace.warehouse, surface, run.as_of_date) or ""
    decided = DecidedChallenger(surface, model.label, champion, decision["best_baseline"], model.tags["model_sha256"])
    record_applied(workspace.warehouse, run, decided, decision["decision_id"], publication_id)
    workspace.registry.crown(model)
    return f"{model.label} is champion"


def registered(workspace: Recommender, label: str) -> RegisteredModel:
    """The registered model that a model_version names."""
    name, version = label.rsplit("/", 1)
    return workspace.registry.get(name, version)


def _serving(workspace: Recommender, label: str) -> dict[str, str]:
    return {"model": label, "training_set": registered(workspace, label).tags["training_set"]}
