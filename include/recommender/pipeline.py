"""The steps of a daily run, in order, callable without Airflow. Each docstring is the task's page in the Airflow UI."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from include.recommender.settings import SURFACES, RecommenderSettings
from include.retraining.errors import PublicationCheckError, StepSkipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pyarrow as pa

    from include.retraining.promotion.approval import Question
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]


def check_settings(run: Run, workspace: Recommender) -> str:
    """Check the settings before anything costs money.

    **Does**: reads every setting, checks folders and column mappings, and that the champion's features still exist.
    **Writes**: nothing (makes missing, empty tables).
    **If it fails**: readers keep the last publication; nothing was computed.
    **What to do**: the message names the key and the allowed values; mend it, then clear this task.
    """
    from include.recommender.settings_check import check_workspace

    check_workspace(workspace, run.as_of_date)
    return workspace.settings.hash


def wait_for_events(run: Run, workspace: Recommender) -> bool:
    """Wait until the events of the day before have landed.

    **Does**: looks for `landing/events/<as_of_date>/_SUCCESS`.
    **Writes**: nothing.
    **If it fails**: the delivery did not come in time; readers keep the last publication.
    **What to do**: ask the sender; once the marker is there, clear this task.
    """
    return workspace.landing.is_ready("events", run.as_of_date)


def ingest(run: Run, workspace: Recommender) -> dict[str, int]:
    """Turn landed files into events and items.

    **Does**: rebuilds the event dates that this delivery may have changed, and those never ingested; collapses
    duplicates, puts rows that break a rule aside.
    **Writes**: `events`, `items`, `quarantined_rows`.
    **If it fails**: a file is unreadable or lacks a column; earlier partitions stay as they were.
    **What to do**: have the file delivered again or map its new column name, then clear this task.
    """
    from include.recommender.ingest import ingest_day

    return asdict(ingest_day(workspace.warehouse, workspace.landing, workspace.settings, run.as_of_date))


def check_inputs(run: Run, workspace: Recommender) -> str:
    """Check events and items of the day.

    **Does**: volume against the same weekday, share quarantined, unknown items, freshness, schema and ranges.
    **Writes**: `data_quality_results` of the stage `inputs`.
    **If it fails**: the checks themselves could not run; a bad result does not fail this task but the next one.
    **What to do**: read the log; clear the task once the cause is gone.
    """
    from include.recommender.checks.inputs import check_inputs as check

    return check(workspace.warehouse, workspace.settings, run.as_of_date)


def decide_data_verdict(run: Run, workspace: Recommender) -> str:
    """Let the run go on, or stop it before it costs anything.

    **Does**: turns the severities of failed checks into pass, warn or stop.
    **Writes**: nothing.
    **If it fails**: the data are not fit to train on or publish from; readers keep the last publication.
    **What to do**: the message shows the failed checks and sample keys. Have the data mended, then clear from `ingest`
    on. If the data are right after all (a holiday, a campaign), trigger the date again with `data_checks = accept`.
    """
    from include.recommender.checks.inputs import STAGE, what_to_do
    from include.retraining.quality.verdict import refuse_stop

    accept = run.data_checks == "accept"
    next_step = what_to_do(workspace.warehouse, run.as_of_date)
    return refuse_stop(workspace.warehouse, run.as_of_date, [STAGE], next_step, accept)


def build_item_stats(run: Run, workspace: Recommender) -> dict[str, int]:
    """Count what happened to each item before as_of_date.

    **Does**: reduces events to users, trends and recency weights per item.
    **Writes**: `item_stats` of as_of_date. Returns the table versions read.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.tables import EVENTS, ITEM_STATS, ITEMS

    versions = {table.name: workspace.warehouse.version(table) for table in (EVENTS, ITEMS)}
    _build_statistics(run, workspace, ITEM_STATS)
    return versions


def build_user_stats(run: Run, workspace: Recommender) -> int:
    """Count what each user did before as_of_date.

    **Does**: reduces events to activity per user.
    **Writes**: `user_stats` of as_of_date.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.tables import USER_STATS

    return _build_statistics(run, workspace, USER_STATS)


def build_user_items(run: Run, workspace: Recommender) -> int:
    """Count what each user did with each item before as_of_date.

    **Does**: reduces events to pairs with recency weights of three half-lives.
    **Writes**: `user_items` of as_of_date.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.tables import USER_ITEMS

    return _build_statistics(run, workspace, USER_ITEMS)


def choose_parameters(run: Run, workspace: Recommender) -> int:
    """Choose what the settings leave open, by past weeks.

    **Does**: tries every value of each short list (EASE's regularisation, the popularity window, the fallback baseline,
    the method of similar items) on weeks that end before any evaluated one.
    **Writes**: `chosen_parameters` of as_of_date.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.tables import CHOSEN_PARAMETERS
    from include.recommender.tuning import choose_parameters as choose

    rows = choose(workspace.warehouse, workspace.settings, run.as_of_date)
    return workspace.warehouse.replace(CHOSEN_PARAMETERS, {"as_of_date": run.as_of_date}, rows).rows


def build_item_similarities(run: Run, workspace: Recommender) -> int:
    """Find which items are alike.

    **Does**: recency-weighted cosine over users and over baskets, and EASE; the nearest of each item.
    **Writes**: `item_similarities` of as_of_date, by method.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: out of memory: lower `ease.max_items` or `similarities.neighbours`; else read the log and clear the
    task.
    """
    from include.recommender.similarities import each_similarity, warn_of_ease_cap
    from include.recommender.snapshot import methods_to_make, read_touched, similarity_rows
    from include.recommender.tables import ITEM_SIMILARITIES
    from include.retraining.warehouse.protocol import Pieces

    settings = _tuned(run, workspace)
    snapshot = read_touched(workspace.warehouse, run.as_of_date)
    warn_of_ease_cap(snapshot, settings)

    def made() -> Iterator[pa.Table]:
        # One method is written while the next ones are computed: all of them at once would be more than a task needs.
        methods = methods_to_make(settings)
        return similarity_rows(snapshot, each_similarity(snapshot, settings, methods, settings.training.threads))

    return workspace.warehouse.replace(ITEM_SIMILARITIES, {"as_of_date": run.as_of_date}, Pieces(made)).rows


def build_training_set(run: Run, workspace: Recommender) -> dict[str, int]:
    """Collect what the rankers learn from.

    **Does**: candidates at earlier dates, labelled with what users wanted in the week that followed; never the holdout.
    **Writes**: `training_set` of as_of_date, per surface.
    **If it fails**: no challenger today; the champion is published and the run stays failed.
    **What to do**: read the log; clear the task, the run goes on from there.
    """
    from include.recommender.tables import TRAINING_SET
    from include.recommender.training_set import build_training_sets

    if run.train == "skip":
        raise StepSkipped("the run was asked to publish without training")
    counts = {}
    for surface, rows in build_training_sets(workspace.warehouse, _tuned(run, workspace), run.as_of_date).items():
        partition = {"as_of_date": run.as_of_date, "surface": surface}
        counts[surface] = workspace.warehouse.replace(TRAINING_SET, partition, rows).rows
    return counts


def check_training_set(run: Run, workspace: Recommender) -> str:
    """Check what the rankers are about to learn from.

    **Does**: labels, lists per snapshot, dates before the holdout, missing values.
    **Writes**: `data_quality_results` of the stage `training_set_<surface>`.
    **If it fails**: the checks themselves could not run; a bad result fails `train_challenger` of its surface.
    **What to do**: read the log; clear the task once the cause is gone.
    """
    from include.recommender.checks.training_set import check_training_set as check

    verdicts = {
        surface: check(workspace.warehouse, workspace.settings, run.as_of_date, surface) for surface in SURFACES
    }
    return ", ".join(f"{surface} {verdict}" for surface, verdict in verdicts.items())


def train_challenger(run: Run, workspace: Recommender, surface: str) -> str:
    """Train this surface's ranker and register it as challenger.

    **Does**: XGBoost LambdaMART; snapshots and rounds are chosen on the latest snapshot. A retry finds its version.
    **Writes**: an MLflow run and a model version with parameters, metrics, importances and lineage.
    **If it fails**: no challenger today; the champion is published and the run stays failed.
    **What to do**: a check of the training set failed: the message shows it; mend the data, then clear from
    `build_training_set` on. Too little data: wait. MLflow unreachable: clear the task once it is up.
    """
    from include.recommender.checks.training_set import WHAT_TO_DO, stage_of
    from include.recommender.contenders import model_name
    from include.recommender.model_package import lineage_of_ranker, package_of
    from include.recommender.ranker import train_ranker
    from include.recommender.tables import TRAINING_SET
    from include.retraining.content_hash import content_hash
    from include.retraining.quality.verdict import refuse_stop

    refuse_stop(workspace.warehouse, run.as_of_date, [stage_of(surface)], WHAT_TO_DO)
    settings = _tuned(run, workspace)
    rows = workspace.warehouse.read(TRAINING_SET, {"as_of_date": run.as_of_date, "surface": surface})
    lineage = lineage_of_ranker(run, surface, settings, content_hash(TRAINING_SET, rows))
    found = workspace.registry.find(model_name(surface), lineage)
    if found is None:
        ranker = train_ranker(rows, settings.training)
        found = workspace.registry.register(package_of(ranker, lineage, settings, workspace.settings.hash))
    return found.label


def evaluate(run: Run, workspace: Recommender, surface: str, challenger: str) -> int:
    """Compare challenger, champion and baselines on the holdout and on weeks before it.

    **Does**: lists as they would have been published then, for the same users, against what they then wanted. Nobody is
    judged on a week it learnt from: before the holdout, predecessors trained the same way stand in for the challenger.
    **Writes**: `evaluation_results` of as_of_date and surface: metrics and paired differences with intervals, also by
    segment; what each candidate source brought.
    **If it fails**: no challenger today; the champion is published and the run stays failed.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.evaluation import CHALLENGER, CHAMPION, evaluate_weeks
    from include.recommender.evaluation_rows import result_rows
    from include.recommender.office import weeks_of
    from include.retraining.promotion.decisions import champion_version
    from include.retraining.tables import EVALUATION_RESULTS

    settings = _tuned(run, workspace)
    weeks = weeks_of(run, workspace, settings, surface, challenger)
    results = evaluate_weeks(workspace.warehouse, settings, run.as_of_date, surface, weeks)
    champion = champion_version(workspace.warehouse, surface, run.as_of_date) or ""
    labels = {CHALLENGER: challenger, CHAMPION: champion}
    rows = result_rows(results, labels, run.as_of_date, surface, settings)
    partition = {"as_of_date": run.as_of_date, "surface": surface}
    return workspace.warehouse.replace(EVALUATION_RESULTS, partition, rows).rows


def decide_promotion(run: Run, workspace: Recommender, surface: str, challenger: str) -> dict[str, str]:
    """Decide whether the challenger takes office.

    **Does**: applies the policy of `[promotion]` to the evidence, then draws the model card. Where a person is to be
    asked, that is done after publishing (`request_approval`), and the champion serves meanwhile.
    **Writes**: a row in `promotion_decisions`; tags on the model version, and the card among its artifacts. The alias
    moves only after publishing.
    **If it fails**: no challenger today, as none takes office without a card; the champion is published and the run
    stays failed.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.model_card import model_card
    from include.recommender.office import decide_and_record, registered

    decision = decide_and_record(run, workspace, surface, challenger)
    card = model_card(workspace, _tuned(run, workspace), run.as_of_date, surface, decision)
    workspace.registry.attach(registered(workspace, challenger), card)
    return decision


def choose_rankers(
    run: Run, workspace: Recommender, decisions: Mapping[str, dict[str, str] | None], similarities: int | None
) -> dict[str, dict[str, str]]:
    """Choose what serves each surface: the challenger where promoted, else the champion, else a baseline.

    **Does**: applies the decisions; where training or evaluation failed there is none, and the champion serves.
    **Writes**: nothing.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: the registry does not answer: clear the task once it is up.
    """
    from include.recommender.office import chosen_for

    if similarities is None:
        raise StepSkipped("the features of this date were not built, so there is nothing to serve")
    settings = _tuned(run, workspace)
    return {surface: chosen_for(run, workspace, settings, surface, decisions.get(surface)) for surface in SURFACES}


def score_users(run: Run, workspace: Recommender, shard: int, rankers: Mapping[str, dict[str, str]]) -> int:
    """Rank candidates for one shard of the users.

    **Does**: candidates, features, scores and the top of each list, for every surface; for a sample of users also why.
    Users held back from the ranker (`experiment.hold_back_share`) get the best baseline.
    **Writes**: `draft_user_recommendations` and `list_explanations` of as_of_date and shard.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: out of memory: smaller `candidates.user_block`; else read the log and clear the task.
    """
    from include.recommender.arms import shard_lists
    from include.recommender.tables import DRAFT_USER_RECOMMENDATIONS, LIST_EXPLANATIONS

    lists, reasons = shard_lists(workspace, _tuned(run, workspace), run.as_of_date, rankers, shard)
    partition = {"as_of_date": run.as_of_date, "shard": shard}
    workspace.warehouse.replace(LIST_EXPLANATIONS, partition, reasons)
    return workspace.warehouse.replace(DRAFT_USER_RECOMMENDATIONS, partition, lists).rows


def build_popular_items(run: Run, workspace: Recommender) -> int:
    """List what is popular, in all and per category.

    **Does**: users of the last days per item; the window is the one that foretold past weeks best.
    **Writes**: `draft_popular_items` of as_of_date.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.drafts import popular_items
    from include.recommender.serving import serving_snapshot
    from include.recommender.tables import DRAFT_POPULAR_ITEMS

    settings = _tuned(run, workspace)
    rows = popular_items(serving_snapshot(workspace, settings, run.as_of_date, None, ()), settings)
    return workspace.warehouse.replace(DRAFT_POPULAR_ITEMS, {"as_of_date": run.as_of_date}, rows).rows


def build_similar_items(run: Run, workspace: Recommender) -> int:
    """List the items most like each item.

    **Does**: the nearest neighbours that may be shown, by the method that foretold past weeks best.
    **Writes**: `draft_similar_items` of as_of_date.
    **If it fails**: nothing is published today; readers keep the last publication.
    **What to do**: read the log; clear the task.
    """
    from include.recommender.drafts import similar_items
    from include.recommender.serving import serving_snapshot
    from include.recommender.tables import DRAFT_SIMILAR_ITEMS

    settings = _tuned(run, workspace)
    shown = serving_snapshot(workspace, settings, run.as_of_date, None, settings.lists.similar_method)
    rows = similar_items(shown, settings)
    return workspace.warehouse.replace(DRAFT_SIMILAR_ITEMS, {"as_of_date": run.as_of_date}, rows).rows


def stage(run: Run, workspace: Recommender) -> dict[str, Any]:
    """Write the complete publication under an id that is the hash of its content; nobody reads it yet.

    **Does**: copies the drafts, once every user has one; an identical publication is left alone.
    **Writes**: `user_recommendations`, `popular_items`, `similar_items` of the new publication_id.
    **If it fails**: nothing is published today; readers keep the last publication, and never see a part of this one.
    **What to do**: storage trouble: clear the task, it starts anew. Users without a draft: clear `score_users`.
    """
    from include.recommender.serving import drafts_to_publish
    from include.retraining.publication.stage import stage as stage_tables

    rows_of = drafts_to_publish(workspace, run.as_of_date)
    return asdict(stage_tables(workspace.warehouse, run.as_of_date, rows_of, workspace.settings.storage.spill_folder))


def check_publication(
    run: Run,
    workspace: Recommender,
    staged: Mapping[str, Any],
    rankers: Mapping[str, dict[str, str]],
    versions: Mapping[str, int],
) -> str:
    """Check the staged publication as a reader would find it.

    **Does**: full lists without holes, no duplicate, inactive or blocked item, scores that vary, rows and coverage near
    the previous publication's.
    **Writes**: `data_quality_results` of the stage `publication`; the publication's row in `publications`.
    **If it fails**: readers keep the last publication; this one stays staged and is marked `stop`.
    **What to do**: the message shows the failed checks; mend the cause, then clear `choose_rankers` and the whole group
    `publish`; for `items.inactive` and `items.not_in_catalogue` clear `build_item_stats` with *Downstream*.
    """
    from include.recommender.checks.publication import check_publication as check
    from include.recommender.serving import lineage_of, published_before
    from include.retraining.publication.stage import Staged, record_publication
    from include.retraining.quality.verdict import describe, verdict_of

    publication = Staged(**staged)
    previous = published_before(workspace, run.as_of_date)
    results = check(workspace.warehouse, workspace.settings, run.as_of_date, publication.publication_id, previous)
    verdict, lineage = verdict_of(results), lineage_of(rankers, versions)
    record_publication(workspace.warehouse, run, workspace.settings, publication, lineage, verdict)
    if verdict == "stop":
        raise PublicationCheckError(
            "a publication without critical faults",
            "\n- ".join(["", *describe(results)]),
            "mend the cause, then clear choose_rankers and the whole group publish; for items.inactive and "
            "items.not_in_catalogue clear build_item_stats with Downstream, which keeps the catalogue of its time",
        )
    return verdict


def switch_current(run: Run, workspace: Recommender, staged: Mapping[str, Any]) -> dict[str, Any]:
    """Move readers to the new publication, where the rules allow it.

    **Does**: one append to the switches log; never for an older date, under a hold, or when asked to stage only.
    **Writes**: `publication_switches`.
    **If it fails**: readers keep the last publication; the new one stays staged.
    **What to do**: clear the task; a repeated switch adds nothing.
    """
    from include.retraining.publication.switch import switch_current as switch

    after_rollback = workspace.settings.publication.after_rollback
    return asdict(switch(workspace.warehouse, run, staged["publication_id"], after_rollback))


def verify_current(run: Run, workspace: Recommender, staged: Mapping[str, Any]) -> str:
    """Read the publication back the way applications do.

    **Does**: compares what readers get with what was staged, and switches back by itself where it differs.
    **Writes**: nothing, or an `auto_revert` in `publication_switches`.
    **If it fails**: readers are back on the publication before; this one counts as rejected.
    **What to do**: check the storage, then clear from `stage` on.
    """
    from include.recommender.serving import read_back
    from include.retraining.publication.switch import refuse_rejected
    from include.retraining.publication.switch import verify_current as verify

    publication_id = staged["publication_id"]
    refuse_rejected(workspace.warehouse, publication_id)
    current, tables = read_back(workspace)
    if current != publication_id:
        raise StepSkipped(f"staged only: readers see {current or 'nothing'}")
    verify(workspace.warehouse, run, publication_id, staged["content_hash"], tables)
    return f"readers see {publication_id}"


def request_approval(
    run: Run,
    workspace: Recommender,
    surface: str,
    staged: Mapping[str, Any],
    decision: Mapping[str, str],
    closes_at: datetime | None,
) -> Question:
    """Ask a person about the challenger, where `promotion.approval` says so. Readers have their lists already.

    **Does**: shows the evidence under *Required Actions* and waits for Approve or Reject; sends a notice. Skipped where
    there is nothing to ask, and in backfills.
    **Writes**: nothing but `alerts`; `record_champions` keeps the answer.
    **If it fails**: lists are out and stay; nobody was asked, and the champion stays.
    **What to do**: to answer, open the task and press Approve or Reject before the time it names. Red: clear it, and
    the question is asked again.
    """
    from include.recommender.approval import question_about
    from include.retraining.alerting.approval import tell_of_question

    question = question_about(run, workspace, surface, staged["publication_id"], decision, closes_at)
    tell_of_question(run, workspace, surface, question)
    return question


def record_champion(
    run: Run,
    workspace: Recommender,
    surface: str,
    staged: Mapping[str, Any],
    decision: Mapping[str, str] | None,
    answer: dict[str, str] | None = None,
) -> str:
    """Record the answer of whoever was asked, and that a promoted or approved challenger took office.

    **Does**: nothing unless the challenger was promoted and readers see its lists, or a person was asked about it.
    Moves the champion alias. Sends a notice where nobody answered in time.
    **Writes**: `approved`, `rejected` or `timed_out`, and `applied`, in `promotion_decisions`; the MLflow alias
    `champion`.
    **If it fails**: lists are out and stay; the next run still takes the old champion for champion.
    **What to do**: clear the task, without `request_approval`; a repeated record adds nothing.
    """
    from include.recommender.office import apply_decision
    from include.retraining.alerting.approval import tell_of_time_out
    from include.retraining.promotion.approval import Answer

    if decision is None:
        raise StepSkipped("there is no challenger of this run")
    given = Answer.from_xcom(answer) if answer else None
    if given and given.kind == "timed_out":
        tell_of_time_out(run, workspace, surface, decision["model"])
    return apply_decision(run, workspace, surface, staged["publication_id"], decision, given)


def announce_run(run: Run, workspace: Recommender) -> str:
    """Say in a few lines how the run ended and what readers see now; send notices and the heartbeat.

    **Does**: runs whatever happened before, and never hides a failure.
    **Writes**: its log, and `alerts` where something is worth a notice.
    **If it fails**: nothing else is affected.
    **What to do**: look at the switches log for what readers see.
    """
    from include.recommender.announcement import announcement
    from include.retraining.alerting.notices import announce

    announce(run, workspace, SURFACES)
    return announcement(workspace, run)


def _build_statistics(run: Run, workspace: Recommender, table: Any) -> int:
    from include.recommender.statistics import statistics_query

    query = statistics_query(workspace.warehouse, workspace.settings, table, run.as_of_date, run.as_of_date)
    return workspace.warehouse.replace(table, {"as_of_date": run.as_of_date}, query).rows


def _tuned(run: Run, workspace: Recommender) -> RecommenderSettings:
    from include.recommender.tuning import tuned

    return tuned(workspace.warehouse, workspace.settings, run.as_of_date)
