"""Every step of a day, each in a process of its own: of a first day, and of a day after eight weeks of days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.scale_step import Site, Spent, run_step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.recommender.settings import RecommenderSettings
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

SURFACES = ("for_you", "discover")


def measure_day(site: Site) -> dict[str, Spent]:
    """What each step took, in the order of the day, in a home without an earlier try: a retry finds what is there."""
    spent: dict[str, Spent] = {}

    def step(name: str, **inputs: Any) -> Any:
        label = " ".join([name, *(str(inputs[key]) for key in ("surface", "shard") if key in inputs)])
        spent[label] = run_step(site, f"include.recommender.pipeline:{name}", **inputs)
        return spent[label].result

    shards = int(run_step(site, "benchmarks.scale_day:installed").result)
    for name in ("check_settings", "wait_for_events", "ingest", "check_inputs", "decide_data_verdict"):
        step(name)
    versions = step("build_item_stats")
    for name in ("build_user_stats", "build_user_items", "choose_parameters"):
        step(name)
    similarities = step("build_item_similarities")
    step("build_training_set")
    step("check_training_set")
    decisions = {}
    for surface in SURFACES:
        challenger = step("train_challenger", surface=surface)
        step("evaluate", surface=surface, challenger=challenger)
        decisions[surface] = step("decide_promotion", surface=surface, challenger=challenger)
    rankers = step("choose_rankers", decisions=decisions, similarities=similarities)
    for shard in range(shards):
        step("score_users", shard=shard, rankers=rankers)
    step("build_popular_items")
    step("build_similar_items")
    staged = step("stage")
    step("check_publication", staged=staged, rankers=rankers, versions=versions)
    step("switch_current", staged=staged)
    step("verify_current", staged=staged)
    return spent


def measure_later_day(site: Site) -> dict[str, Spent]:
    """The same where a first day left its past dates: of all but the latest, a run of a week before had left them."""
    run_step(site, "benchmarks.scale_day:forget_latest")
    return measure_day(site)


def forget_latest(run: Run, workspace: Workspace[RecommenderSettings]) -> None:
    """Remove what is kept of the holdout's first day, which no run has looked at before."""
    import shutil

    from include.recommender.evaluation import evaluation_weeks
    from include.recommender.past_date import PastDate

    day = evaluation_weeks(run.as_of_date, workspace.settings)[0]
    kept = PastDate(workspace.warehouse, workspace.settings, day, run.as_of_date).kept_files()
    if kept is None or not kept.folder.is_dir():
        raise SystemExit(f"the first day kept nothing of {day}: no figure")
    shutil.rmtree(kept.folder)


def best_of(days: Iterable[dict[str, Spent]]) -> dict[str, Spent]:
    """The least seconds of each step over several days, and the most memory."""
    first, *others = days
    best = {}
    for name, spent in first.items():
        tries = [spent, *(day[name] for day in others)]
        seconds, cpu = min(of.seconds for of in tries), min(of.cpu for of in tries)
        best[name] = Spent(seconds, cpu, max(of.peak_mib for of in tries), spent.rows, spent.mib)
    return best


def installed(_: Run, workspace: Workspace[RecommenderSettings]) -> int:
    """Make the MLflow store, as an installation does once; how many parts of the users the settings name."""
    from include.embedded.prepare import make_mlflow_store
    from include.retraining.workspace import tracking_uri

    make_mlflow_store(tracking_uri())
    return workspace.settings.publication.shards
