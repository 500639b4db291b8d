"""What is looked at after publishing: drift daily, champions and costs weekly. Docstrings are the task's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.errors import StepSkipped

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]


def measure_distributions(run: Run, workspace: Recommender) -> dict[str, int]:
    """Count the day's events, taste, features, scores and lists in fixed bins.

    **Does**: reduces them to counts that name nobody: those of the last `ingest.lookback_days` days anew, as they may
    have been delivered again, and those of earlier days that a comparison needs and lack them.
    **Writes**: `distributions` of these days.
    **If it fails**: nobody looks for drift today; lists are not concerned.
    **What to do**: read the log; clear the task. Days left out are caught up by the next run.
    """
    from include.recommender.drift import measure

    return measure(workspace, run.as_of_date)


def compare_distributions(run: Run, workspace: Recommender) -> str:
    """Say whether the day, or the last week, lies farther from the past than usual.

    **Does**: compares the day with the same weekday of the last weeks (short), and the last week with the champion's
    training window (long). Advisory: it stops nothing. Drift of `drift.notice_days` days in a row sends a notice, in no
    backfill and of no date before yesterday.
    **Writes**: `drift_metrics` of as_of_date; `alerts` with a notice.
    **If it fails**: nobody looks for drift today; lists are not concerned.
    **What to do**: the registry does not answer: clear the task once it is up; else read the log.
    """
    import pyarrow as pa

    from include.recommender.drift import SUBJECTS, compare, persistent
    from include.retraining.alerting.findings import tell_of_drift
    from include.retraining.monitoring.not_compared import not_compared
    from include.retraining.monitoring.tables import DRIFT_METRICS

    rows = compare(workspace, run.as_of_date)
    table = pa.Table.from_pylist(rows, schema=DRIFT_METRICS.schema)
    workspace.warehouse.replace(DRIFT_METRICS, {"as_of_date": run.as_of_date}, table)
    if told := persistent(rows, workspace.settings.drift.notice_days):
        tell_of_drift(run, workspace, told)
    drifted = [f"{row['horizon']} {row['subject']} {row['name']}" for row in rows if row["drifted"]]
    said = f"{len(drifted)} of {len(rows)} measures drifted: {', '.join(drifted) or 'none'}"
    nothing = not_compared(workspace.warehouse, run.as_of_date, SUBJECTS, {row["subject"] for row in rows})
    return "; ".join([said if rows else "nothing could be compared", *nothing])


def reproduce_champions(run: Run, workspace: Recommender) -> str:
    """Train each champion again from what was kept of it, and compare.

    **Does**: training set, training settings and features of the champion, with today's code; compares the model's
    bytes, and the lists that both make for a sample of users. Sends a notice where they differ.
    **Writes**: `reproductions`; `alerts` with a notice.
    **If it fails**: nobody knows this week whether champions can be made again; lists are not concerned.
    **What to do**: the registry does not answer: clear the task once it is up; else read the log.
    """
    from include.recommender.reproduction import reproduce
    from include.recommender.settings import SURFACES
    from include.retraining.alerting.findings import tell_of_differing_models

    found = [row for surface in SURFACES if (row := reproduce(workspace, run, surface))]
    if not found:
        raise StepSkipped("no surface has a champion yet")
    lines = [f"{row['surface']}: {row['model_version']} {row['verdict']}: {row['why']}" for row in found]
    if differing := [line for line, row in zip(lines, found, strict=True) if row["verdict"] == "differs"]:
        tell_of_differing_models(run, workspace, differing)
    return "\n".join(lines)


def summarise_costs(run: Run, workspace: Recommender) -> str:
    """Add up what the last seven days took, by DAG, task and publication.

    **Does**: hours, the highest memory, rows and bytes written, bytes billed; money where `[costs]` names prices.
    **Writes**: its log; `alerts` where `costs.summary = "notice"`.
    **If it fails**: there is no summary this week; `run_costs` has the rows.
    **What to do**: read the log; clear the task.
    """
    from include.retraining.alerting.findings import tell_of_costs
    from include.retraining.monitoring.cost_summary import summary_of_week

    lines = summary_of_week(workspace.warehouse, run.as_of_date)
    if workspace.settings.costs.summary == "notice":
        tell_of_costs(run, workspace, lines)
    return "\n".join(lines)
