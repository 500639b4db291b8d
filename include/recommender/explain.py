"""Why an item is in a list: `python -m include.recommender.explain --help`.

From one published row to its publication, run, settings, code, chosen parameters, model, training set and decision, and
to the features that moved its score most.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from include.recommender.explained_row import Question, published_row
from include.recommender.settings import SURFACES, RecommenderSettings
from include.retraining.errors import HigawariError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from include.recommender.explained_row import PublishedRow
    from include.recommender.explained_score import Reasons
    from include.retraining.registry import RegisteredModel
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]
    Lines = Iterator[tuple[str, str]]


def explanation(workspace: Recommender, question: Question) -> str:
    """The whole story as text; OperationError where there is no such row. A landed id will do where ids are hashed."""
    from include.recommender.contenders import BASELINE_PREFIX
    from include.recommender.explained_score import reasons_of
    from include.recommender.user_ids import stored_id

    user_id = stored_id(workspace.settings, question.user_id)
    published = published_row(workspace.warehouse, replace(question, user_id=user_id))
    lines = [*_row(workspace, published), *_publication(workspace, published)]
    label = published.row["model_version"]
    lines += [("model", f"{label}: a rule")] if label.startswith(BASELINE_PREFIX) else _model(workspace, published)
    lines += _why(reasons_of(workspace, published))
    return "\n".join(f"{name:<13}{text}".rstrip() for name, text in lines)


def _row(workspace: Recommender, published: PublishedRow) -> Lines:
    from include.recommender.tables import BLOCKED_LISTS, USER_ITEMS
    from include.retraining.publication.blocked import blocked_items, blocked_names

    row = published.row
    yield "row", f"{row['surface']}, user {row['user_id']}, rank {row['rank']}: item {row['item_id']}"
    yield "score", f"{row['score']:.4f}"
    yield "proposed by", ", ".join(row["sources"])
    yield "fallback", row["fallback_reason"] or "none: the list is personal"
    pair = {name: row[name] for name in ("as_of_date", "user_id", "item_id")}
    for found in workspace.warehouse.read(USER_ITEMS, pair).to_pylist():
        times = f"{_counted(found['events'], 'event')} on {_counted(found['active_days'], 'day')}"
        yield "history", f"the user had {times} with the item, the last on {found['last_date']}"
    names = blocked_names(workspace.warehouse, BLOCKED_LISTS)
    if row["item_id"] in blocked_items(workspace.warehouse) or (row["surface"], row["user_id"], "", "") in names:
        yield "blocked", "readers do not get this row any more"


def _publication(workspace: Recommender, published: PublishedRow) -> Lines:
    from include.recommender.tables import CHOSEN_PARAMETERS

    of = published.publication
    seen = "readers see it now" if published.current else "readers do not see it now"
    yield "publication", f"{of['publication_id']}: as_of_date {of['as_of_date']}, check {of['check_result']}, {seen}"
    yield "run", of["run_id"]
    yield "settings", of["settings_hash"]
    yield "code", of["code_version"]
    yield "tables read", _listed(json.loads(of["table_versions"]), " version ")
    rows = workspace.warehouse.read(CHOSEN_PARAMETERS, {"as_of_date": of["as_of_date"]}).to_pylist()
    chosen = {row["parameter"]: json.loads(row["value"]) for row in rows if row["chosen"]}
    yield "run chose", _listed(chosen, " ") or f"the choices of {of['as_of_date']} are gone"


def _model(workspace: Recommender, published: PublishedRow) -> Lines:
    from include.recommender.office import registered
    from include.retraining.registry import CARD_PAGE

    model = registered(workspace, published.row["model_version"])
    tags = model.tags
    yield "model", f"{model.label}: trained for {tags.get('as_of_date')} by code {tags.get('code_version')}"
    yield "MLflow run", f"{workspace.registry.run_id(model)}; its model card is the artifact {CARD_PAGE}"
    yield "model chose", f"{tags.get('chosen_snapshots')} snapshots, {tags.get('chosen_rounds')} rounds"
    yield "training set", _training_set(published, model)
    yield "snapshots", f"{_snapshots(workspace, model)}; it knows nothing from {tags.get('learnt_until')} on"
    yield from _decisions(workspace, model)


def _training_set(published: PublishedRow, model: RegisteredModel) -> str:
    digest = model.tags["training_set"]
    return (
        digest if digest == published.training_set else f"{digest}, but the publication says {published.training_set}"
    )


def _snapshots(workspace: Recommender, model: RegisteredModel) -> str:
    """Those that the model learnt from, latest last."""
    from include.recommender.tables import TRAINING_SET

    where = {"as_of_date": _date(model), "surface": model.tags.get("surface")}
    days = sorted(set(workspace.warehouse.read(TRAINING_SET, where, ["snapshot_date"])["snapshot_date"].to_pylist()))
    chosen = int(model.tags.get("chosen_snapshots", 0)) or len(days)
    return ", ".join(str(day) for day in days[-chosen:]) or f"the training set of {where['as_of_date']} is gone"


def _date(model: RegisteredModel) -> Any:
    from datetime import date

    return date.fromisoformat(model.tags["as_of_date"])


def _decisions(workspace: Recommender, model: RegisteredModel) -> Lines:
    from include.retraining.tables import PROMOTION_DECISIONS

    where = {"model_version": model.label, "kind": ["decided", "approved", "rejected", "timed_out"]}
    for row in workspace.warehouse.read(PROMOTION_DECISIONS, where).to_pylist():
        said = row["choice"] if row["kind"] == "decided" else f"{row['kind']} by {row['who']}"
        yield "decision", f"{row['as_of_date']} {said}: {'; '.join(row['reasons'])}"


def _why(reasons: Reasons) -> Lines:
    from include.recommender.contributions import BASE
    from include.recommender.features import FEATURES

    docs = {feature.name: feature.doc for feature in FEATURES}
    yield "why", reasons.origin
    for found in reasons.contributions:
        if found.feature == BASE:
            yield "", f"{found.contribution:+8.3f}  what every candidate starts from"
        else:
            value = "missing" if math.isnan(found.value) else f"{found.value:.4g}"
            yield "", f"{found.contribution:+8.3f}  {found.feature} = {value}: {docs.get(found.feature, 'retired')}"
    if reasons.contributions:
        rest = reasons.score - sum(found.contribution for found in reasons.contributions)
        yield "", f"{rest:+8.3f}  all other features together"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _listed(values: Mapping[str, object], between: str) -> str:
    return ", ".join(f"{name}{between}{value}" for name, value in values.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain one row of the configured home; 1 where there is none."""
    from include.recommender.workspace import recommender_to_read

    question = _question(arguments)
    try:
        text = explanation(recommender_to_read(), question)
    except HigawariError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    return 0


def _question(arguments: Sequence[str] | None) -> Question:
    parser = argparse.ArgumentParser(prog="python -m include.recommender.explain", description=__doc__)
    parser.add_argument("--surface", default=SURFACES[0], help=f"one of {', '.join(SURFACES)} (default {SURFACES[0]})")
    parser.add_argument("--user", required=True, help="user_id; '*' for the list for everybody")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--rank", type=int, help="the place in the list, from 1")
    which.add_argument("--item", help="the item_id instead of the place")
    parser.add_argument("--publication", help="publication_id (default: the one readers see)")
    parsed = parser.parse_args(arguments)
    return Question(parsed.surface, parsed.user, parsed.rank, parsed.item, parsed.publication)


if __name__ == "__main__":
    sys.exit(main())
