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
from include.retraining.errors import StepSkipped, TrainingDataError
from include.retraining.promotion.decisions import (
    DecidedChallenger,
    answer_of_a_person,
    champion_version,
    record_answer,
    record_applied,
    record_approved,
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
    from include.retraining.promotion.approval import Answer
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
    model = registered(workspace, challenger)
    decided = _decided(run, workspace, surface, {"model": challenger, "best_baseline": evidence.best_baseline})
    decision = decide(evidence, promotion, has_champion=bool(decided.champion_version))
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
    """What serves a surface: the promoted challenger, else the champion, else the best (or the fallback) baseline.

    That `baseline` is named in any case: whoever is held back from the ranker gets it.
    """
    fallback = next(name for name in settings.lists.fallback + baselines_of(surface) if name in baselines_of(surface))
    best = BASELINE_PREFIX + (decision["best_baseline"] if decision else fallback)
    champion = champion_version(workspace.warehouse, surface, run.as_of_date)
    if decision and decision["choice"] == "promote":
        serving = _serving(workspace, decision["model"])
    elif champion:
        serving = _serving(workspace, champion)
    else:
        serving = {"model": best, "training_set": ""}
    return {**serving, "baseline": best}


def apply_decision(
    run: Run,
    workspace: Recommender,
    surface: str,
    publication_id: str,
    decision: Mapping[str, str],
    answer: Answer | None = None,
) -> str:
    """Let a challenger take office that was promoted, or approved by a person; says what was done.

    A promoted one where readers see its lists, an approved one unless a newer date was published since (rule 5);
    StepSkipped, which says why, otherwise. An answer is recorded in any case.
    """
    if decision["choice"] == "ask":
        return _apply_answer(run, workspace, surface, decision, answer)
    if decision["choice"] != "promote":
        return "the challenger was not promoted"
    if read_switch_log(workspace.warehouse).current != publication_id:
        raise StepSkipped("its lists are not the current ones: nothing moves")
    decided = _decided(run, workspace, surface, decision)
    record_applied(workspace.warehouse, run, decided, decision["decision_id"], publication_id)
    return _crown(run, workspace, decided)


def _apply_answer(
    run: Run, workspace: Recommender, surface: str, decision: Mapping[str, str], answer: Answer | None
) -> str:
    warehouse, decision_id = workspace.warehouse, decision["decision_id"]
    decided = _decided(run, workspace, surface, decision)
    if answer:
        record_answer(warehouse, run, decided, decision_id, answer)
    first = answer_of_a_person(warehouse, run.as_of_date, surface, decision_id)
    if first is None:
        raise StepSkipped(f"{decision['model']} needs approval, and nobody answered: nothing moves")
    if first["kind"] == "rejected":
        raise StepSkipped(f"{first['who']} rejected {decision['model']}: nothing moves")
    newest = read_switch_log(warehouse).newest_date
    if newest and newest > run.as_of_date:
        raise StepSkipped(f"{newest} was published since: nothing moves. To put it in office use rollback_model")
    record_approved(warehouse, run, decided, decision_id, first["who"])
    return f"{_crown(run, workspace, decided)}, approved by {first['who']}: it serves from the next day's lists on"


def _decided(run: Run, workspace: Recommender, surface: str, decision: Mapping[str, str]) -> DecidedChallenger:
    model = registered(workspace, decision["model"])
    champion = champion_version(workspace.warehouse, surface, run.as_of_date) or ""
    return DecidedChallenger(surface, model.label, champion, decision["best_baseline"], model.tags["model_sha256"])


def _crown(run: Run, workspace: Recommender, decided: DecidedChallenger) -> str:
    """Move the alias, unless somebody else was put in office since."""
    in_office = champion_version(workspace.warehouse, decided.surface, run.as_of_date + timedelta(days=1))
    if in_office != decided.model_version:
        put = f"{in_office or 'none'} was put in its place since"
        return f"{decided.model_version} took office before, and {put}: nothing moves"
    workspace.registry.crown(registered(workspace, decided.model_version))
    return f"{decided.model_version} is champion"


def registered(workspace: Recommender, label: str) -> RegisteredModel:
    """The registered model that a model_version names."""
    name, version = label.rsplit("/", 1)
    return workspace.registry.get(name, version)


def _serving(workspace: Recommender, label: str) -> dict[str, str]:
    return {"model": label, "training_set": registered(workspace, label).tags["training_set"]}
