"""Retrains the recommender every day and publishes its lists.

**Chain**: wait for events, ingest, data checks, features; for each surface training, champion against challenger; one
publication of all.
**Surfaces**: `for_you` may repeat what a user touched before, `discover` shows only what is new to the user. Where one
fails to train, its champion serves and the other goes on.
**Readers** see all of a publication or nothing of it; whatever fails, they keep the last good one.
**Backfills** of dates older than the newest published one stage their lists and never move production.
**Parameters** are in the trigger form: another date, without training, without publishing.
"""

from collections.abc import Callable
from typing import Any

import pendulum
from airflow.sdk import Asset, Param, TaskGroup, TriggerRule, dag

from include.recommender import pipeline
from include.recommender.settings import SURFACES
from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.airflow_steps import DEFAULT_ARGS, MAPPED, PRODUCTION_POOL, step_task, wait_task
from include.retraining.alerting.log_notifier import report_failed_run

settings = settings_for_parsing()
PUBLICATION = Asset("higawari_publication")
PARAMS = {
    "as_of_date": Param(
        None, type=["null", "string"], format="date", title="As-of date",
        description="The business date to run for. Empty: the date of the run. Events before this date are used.",
    ),
    "data_checks": Param(
        "enforce", enum=["enforce", "accept"], title="Data checks",
        description="enforce: a verdict of stop ends the run. accept: go on; you have looked, and the data are right.",
    ),
    "train": Param(
        "auto", enum=["auto", "force", "skip"], title="Train",
        description="auto: reuse a model of the very same data. force: train anew. skip: publish with the champion.",
    ),
    "publish": Param(
        "auto", enum=["auto", "stage_only"], title="Publish",
        description="auto: readers get the lists where the rules allow it. stage_only: write the lists, show nobody.",
    ),
    "reason": Param(
        None, type=["null", "string"], title="Reason", description="Why you start this run; kept with its switch.",
    ),
}  # fmt: skip


def step(function: Callable[..., Any], **options: Any) -> Any:
    """A task for one step of the pipeline."""
    return step_task(function, open_recommender, **options)


@dag(
    dag_id="recommender_daily",
    dag_display_name="Recommender, daily",
    description="Data checks, features, training, champion against challenger, publication",
    doc_md=__doc__,
    schedule="0 3 * * *",
    start_date=pendulum.datetime(2010, 1, 1, tz=settings.business.timezone),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    on_failure_callback=report_failed_run,
    tags=["recommender", "daily", "publishes"],
)
def recommender_daily() -> None:
    """The order of the steps; what they do is in include/recommender/pipeline.py."""
    settings_checked = step(pipeline.check_settings, retries=0)({})

    with TaskGroup("check_data", tooltip="What came in, and whether it is fit to use"):
        waited = wait_task(pipeline.wait_for_events, open_recommender)
        ingested = step(pipeline.ingest, pool=PRODUCTION_POOL)({})
        verdict = step(pipeline.decide_data_verdict)({})
        settings_checked >> waited >> ingested >> step(pipeline.check_inputs)({}) >> verdict

    with TaskGroup("build_features", tooltip="Events become statistics, similarities and a training set"):
        versions = step(pipeline.build_item_stats)({})
        statistics = [versions, step(pipeline.build_user_stats)({}), step(pipeline.build_user_items)({})]
        similarities = step(pipeline.build_item_similarities)({})
        training_set_checked = step(pipeline.check_training_set)({})
        chosen, training_set = step(pipeline.choose_parameters)({}), step(pipeline.build_training_set)({})
        verdict >> statistics >> similarities
        verdict >> chosen >> [similarities, training_set]
        training_set >> training_set_checked

    decisions = {}
    for surface in SURFACES:
        with TaskGroup(surface, tooltip=f"Train and judge the ranker of {surface}"):
            challenger = step(pipeline.train_challenger)({"surface": surface})
            compared = step(pipeline.evaluate)({"surface": surface, "challenger": challenger})
            decide = step(pipeline.decide_promotion, pool=PRODUCTION_POOL)
            decisions[surface] = decide({"surface": surface, "challenger": challenger})
            training_set_checked >> challenger
            compared >> decisions[surface]

    # Runs without decisions too: where training failed, the champion is published.
    choose = step(pipeline.choose_rankers, trigger_rule=TriggerRule.ALL_DONE)
    rankers = choose({"decisions": decisions, "similarities": similarities})

    with TaskGroup("publish", tooltip="Lists are made, staged, checked, and shown all at once"):
        score = step(pipeline.score_users, **MAPPED).partial(inputs={"rankers": rankers})
        shards = score.expand(shard=list(range(settings.publication.shards)))
        popular, similar = step(pipeline.build_popular_items)({}), step(pipeline.build_similar_items)({})
        staged = step(pipeline.stage)({})
        checked = step(pipeline.check_publication)({"staged": staged, "rankers": rankers, "versions": versions})
        switched = step(pipeline.switch_current, pool=PRODUCTION_POOL)({"staged": staged})
        verified = step(pipeline.verify_current, outlets=[PUBLICATION])({"staged": staged})
        similarities >> [popular, similar, shards]
        [shards, popular, similar] >> staged >> checked >> switched >> verified

    announced = step(pipeline.announce_run, retries=0)({}).as_teardown()
    with TaskGroup("record_champions", tooltip="A promoted challenger takes office once its lists are out"):
        for surface in SURFACES:
            record = step(pipeline.record_champion, pool=PRODUCTION_POOL).override(task_id=surface)
            verified >> record({"surface": surface, "staged": staged, "decision": decisions[surface]}) >> announced


recommender_daily()
