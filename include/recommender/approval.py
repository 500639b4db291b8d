"""Whether a person is asked about the challenger of a surface, and with which evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.recommender.approval_request import Request, question_of
from include.recommender.evaluation_rows import evidence_from
from include.recommender.list_changes import list_changes
from include.recommender.office import registered
from include.retraining.errors import StepSkipped
from include.retraining.promotion.decisions import answer_of_a_person, champion_version
from include.retraining.promotion.policy import why_ask
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import EVALUATION_RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from include.recommender.settings import RecommenderSettings
    from include.retraining.promotion.approval import Question
    from include.retraining.run import Run
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]


def question_about(
    run: Run,
    workspace: Recommender,
    surface: str,
    publication_id: str,
    decision: Mapping[str, str],
    closes_at: datetime | None,
) -> Question:
    """What a person is asked about a challenger; StepSkipped, which says why, where nobody is."""
    if reason := why_nobody_is_asked(run, workspace.warehouse, surface, publication_id, decision):
        raise StepSkipped(reason)
    if closes_at is None:
        raise StepSkipped("the next run starts too soon to ask anybody: the challenger stays out")
    warehouse, promotion = workspace.warehouse, workspace.settings.promotion
    rows = warehouse.read(EVALUATION_RESULTS, {"as_of_date": run.as_of_date, "surface": surface})
    evidence, model = evidence_from(rows, surface, promotion), registered(workspace, decision["model"])
    request = Request(
        surface=surface,
        as_of_date=run.as_of_date,
        model=model.label,
        mlflow_run=workspace.registry.run_id(model),
        evidence=evidence,
        rows=rows,
        reasons=tuple(why_ask(evidence, promotion)),
        promotion=promotion,
        changes=list_changes(workspace, publication_id, surface, model.label),
        closes_at=closes_at.astimezone(ZoneInfo(workspace.settings.business.timezone)),
        champion=champion_version(warehouse, surface, run.as_of_date) is not None,
    )
    return question_of(request)


def why_nobody_is_asked(
    run: Run, warehouse: Warehouse, surface: str, publication_id: str, decision: Mapping[str, str]
) -> str | None:
    """Why a challenger stays without a question; None where a person is asked.

    Rule 5: only the run whose lists readers see asks. That leaves out older dates, holds and runs that only stage.
    """
    if decision["choice"] != "ask":
        return f"the policy decided: {decision['choice']}"
    if run.why == "backfill":
        return "a backfill asks nobody: the challenger needs approval, and stays out"
    if run.approval == "skip":
        return "the run was asked not to ask: the challenger needs approval, and stays out"
    if read_switch_log(warehouse).current != publication_id:
        return "readers see other lists than those of this run: its challenger stays out"
    if answer := answer_of_a_person(warehouse, run.as_of_date, surface, decision["decision_id"]):
        return f"{answer['kind']} by {answer['who']} at {answer['answered_at']:%Y-%m-%d %H:%M} UTC"
    return None
