"""Retrains the recommender every day and publishes its lists.

**Chain**: wait for events, ingest, data checks, features; for each surface training, champion against challenger; one
publication of all.
**Surfaces**: `for_you` may repeat what a user touched before, `discover` shows only what is new to the user. Where one
fails to train, its champion serves and the other goes on.
**Readers** see all of a publication or nothing of it; whatever fails, they keep the last good one.
**Approval**: where `promotion.approval` says so, a person is asked about a new model after its run has published.
**Backfills** of dates older than the newest published one stage their lists and never move production.
**Parameters** are in the trigger form: another date, without training, without publishing.
"""

from functools import partial

import pendulum
from airflow.sdk import Asset, TaskGroup, TriggerRule, dag

from include.recommender import pipeline
from include.recommender.settings import SURFACES
from include.recommender.workspace import open_recommender, settings_for_parsing
from include.retraining.airflow_steps import DEFAULT_ARGS, MAPPED, PRODUCTION_POOL, step_task, wait_task
from include.retraining.alerting.callbacks import alert_callbacks
from include.retraining.approval_task import approval_task
from include.retraining.run_form import RUN_FORM

settings = settings_for_parsing()
PUBLICATION = Asset("higawari_publication")
step = partial(step_task, open_workspace=open_recommender)


@dag(
    dag_id="recommender_daily",
    dag_display_name="Recommender, daily",
    description="Data checks, features, training, champion against challenger, publication",
    doc_md=__doc__,
    schedule=settings.business.run_cron,
    start_date=pendulum.datetime(2010, 1, 1, tz=settings.business.timezone),
    catchup=False,
    max_active_runs=1,
    params=RUN_FORM,
    default_args=DEFAULT_ARGS,
    **alert_callbacks(open_recommender),
    tags=["recommender", "daily", "publishes"],
)
def recommender_daily() -> None:
    """The order of the steps; what they do is in include/recommender/pipeline.py."""
    settings_checked = step(pipeline.check_settings)({})

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

    # Does not wait for an answer: the heartbeat says that lists are out.
    verified >> step(pipeline.announce_run, retries=0)({}).as_teardown()

    about = {s: {"surface": s, "staged": staged, "decision": decisions[s]} for s in SURFACES}
    with TaskGroup("request_approval", tooltip="A person is asked about a challenger, where the policy says so"):
        ask = partial(approval_task, pipeline.request_approval, open_recommender, pool=PRODUCTION_POOL)
        answers = {surface: ask(about[surface], task_id=surface) for surface in SURFACES}
        verified >> list(answers.values())

    with TaskGroup("record_champions", tooltip="A promoted or approved challenger takes office, once lists are out"):
        record = step(pipeline.record_champion, pool=PRODUCTION_POOL, trigger_rule=TriggerRule.NONE_FAILED)
        for surface in SURFACES:
            record.override(task_id=surface)({**about[surface], "answer": answers[surface].output})


recommender_daily()
