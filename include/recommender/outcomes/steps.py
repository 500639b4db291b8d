"""The steps of a day's outcomes, in order, callable without Airflow. Each docstring is the task's page in the UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.settings import SURFACES, RecommenderSettings
from include.retraining.errors import TransientError

if TYPE_CHECKING:
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]


def check_events_are_in(run: Run, workspace: Recommender) -> str:
    """Wait for the daily run to have taken in the events of the day before, and to have found them fit to use.

    **Does**: looks for the results of `check_inputs` of the date, which follows the ingest, and whether they stop the
    date: neither what users did nor what has changed can be read off damaged events. A stop that a run accepted
    (`data_checks = accept`) counts as a pass. Tries again for some hours.
    **Writes**: nothing.
    **If it fails**: readers are not concerned; the date has no outcomes, or no drift, yet.
    **What to do**: get `recommender_daily` of the date past `decide_data_verdict`, then clear this task.
    """
    from include.recommender.checks.inputs import STAGE
    from include.retraining.quality.accepted import was_accepted
    from include.retraining.quality.history import results_of_dates
    from include.retraining.quality.verdict import verdict_of

    results = results_of_dates(workspace.warehouse, [run.as_of_date]).get(run.as_of_date, {}).get(STAGE, [])
    stopped = verdict_of(results) == "stop" and not was_accepted(workspace.warehouse, run.as_of_date)
    if not results or stopped:
        raise TransientError(
            f"the events of {run.business_day} in `events`, fit to use: a run of recommender_daily for "
            f"{run.as_of_date} that got past its data checks",
            "its data checks stop the date" if stopped else "no result of its check_inputs",
            "get that run past decide_data_verdict, then clear this task",
        )
    return f"the events of {run.business_day} are in"


def ingest_exposures(run: Run, workspace: Recommender) -> str:
    """Take in the log of what was shown, where the application delivers one.

    **Does**: types and checks the landed rows, puts those that break a rule aside. Without a log, outcomes go by lists.
    **Writes**: `exposures` and `quarantined_rows` of the deliveries.
    **If it fails**: a file is unreadable or lacks a column; readers are not concerned, the date has no outcomes yet.
    **What to do**: have the file delivered again, or take the delivery away; then clear this task.
    """
    from include.recommender.exposures import ingest_exposures as ingest

    rows = ingest(workspace.warehouse, workspace.settings, run.as_of_date)
    if rows is None:
        return "no exposures were ever delivered: outcomes go by lists alone"
    return f"{rows} exposures"


def measure_outcomes(run: Run, workspace: Recommender) -> int:
    """Compare what was published with what users then wanted.

    **Does**: for every publication whose figure is due, early or matured, by two readings: while readers had it, and as
    if they had held it for 7 days; with the offline estimate beside it.
    **Writes**: `outcome_metrics` of the date.
    **If it fails**: readers are not concerned; the date has no outcomes yet.
    **What to do**: read the log; clear the task. A rerun writes the same.
    """
    import pyarrow as pa

    from include.recommender.outcomes.due import due_when_held, due_while_current
    from include.recommender.outcomes.metric_rows import metric_rows
    from include.retraining.monitoring.credit import HELD, WHILE_CURRENT
    from include.retraining.monitoring.tables import OUTCOME_METRICS

    warehouse, settings, day = workspace.warehouse, workspace.settings, run.as_of_date
    rows = [
        *metric_rows(warehouse, settings, day, WHILE_CURRENT, due_while_current(warehouse, settings, day)),
        *metric_rows(warehouse, settings, day, HELD, due_when_held(warehouse, settings, day)),
    ]
    table = pa.Table.from_pylist(rows, schema=OUTCOME_METRICS.schema)
    return warehouse.replace(OUTCOME_METRICS, {"computed_for": day}, table).rows


def compare_arms(run: Run, workspace: Recommender) -> str:
    """Compare users who get the ranker's lists with those held back from it.

    **Does**: over the publications of the last `outcomes.window_days`, with intervals; says where there is too little
    data, where the sizes of the arms are no accident, and where the arms differ in who comes.
    **Writes**: `arm_comparisons` of the date.
    **If it fails**: readers are not concerned; the date has no comparison yet.
    **What to do**: read the log; clear the task. A rerun writes the same.
    """
    import pyarrow as pa

    from include.recommender.outcomes.arm_rows import arm_rows
    from include.retraining.monitoring.arm_comparison import who_comes
    from include.retraining.monitoring.tables import ARM_COMPARISONS

    rows = list(arm_rows(workspace.warehouse, workspace.settings, run.as_of_date))
    table = pa.Table.from_pylist(rows, schema=ARM_COMPARISONS.schema)
    workspace.warehouse.replace(ARM_COMPARISONS, {"computed_for": run.as_of_date}, table)
    told = [f"{row['surface']} {row['reading']} {row['metric']}: {row['verdict']}{who_comes(row)}" for row in rows]
    return "\n".join(told) or "readers had no publication with two arms before this date: nothing to compare yet"


def announce_outcomes(run: Run, workspace: Recommender) -> str:
    """Send a notice where outcomes stay below what was foretold, or an arm's verdict turned for the worse.

    **Does**: looks at the figures of the last days; silent in backfills, and about dates before yesterday.
    **Writes**: `alerts`, where there is something to tell.
    **If it fails**: readers are not concerned; nobody is told of this date's outcomes.
    **What to do**: read the log; clear the task.
    """
    from include.retraining.alerting.outcomes import tell_of_outcomes

    return tell_of_outcomes(run, workspace, SURFACES, workspace.settings.promotion.metric)
