"""The tables of what follows a publication: outcomes, arms, drift, reproduction."""

from include.retraining.warehouse.table import Table

OUTCOME_METRICS = Table(
    "outcome_metrics",
    "What users did with what was published, by publication, surface, arm and group; every computation is kept.",
    {
        "computed_for": "date", "publication_id": "string", "as_of_date": "date", "reading": "string",
        "stage": "string", "days": "int64", "surface": "string", "arm": "string", "model_version": "string",
        "dimension": "string", "group_name": "string", "metric": "string", "users": "int64", "mean": "float64",
        "low": "float64", "high": "float64", "offline_mean": "float64", "offline_low": "float64",
        "offline_high": "float64",
    },
    key=(
        "computed_for", "publication_id", "reading", "surface", "arm", "model_version", "dimension", "group_name",
        "metric",
    ),
    partition=("computed_for",),
    unhashed=("model_version",),
)  # fmt: skip

ARM_COMPARISONS = Table(
    "arm_comparisons",
    "What each experiment arm did against the reference arm over the last days, with intervals.",
    {
        "computed_for": "date", "surface": "string", "arm": "string", "reference_arm": "string", "reading": "string",
        "metric": "string", "days": "int64", "users": "int64", "reference_users": "int64", "mean": "float64",
        "reference_mean": "float64", "difference": "float64", "low": "float64", "high": "float64",
        "verdict": "string", "sample_ratio_p": "float64", "came_ratio_p": "float64",
    },
    key=("computed_for", "surface", "arm", "reference_arm", "reading", "metric"),
    partition=("computed_for",),
    schema_version=2,
)  # fmt: skip

DISTRIBUTIONS = Table(
    "distributions",
    "Shares of fixed bins of one day's events, features, scores and lists: what drift is measured on.",
    {
        "day": "date", "subject": "string", "name": "string", "bin": "string", "count": "int64",
    },
    key=("day", "subject", "name", "bin"),
    partition=("day", "subject"),
)  # fmt: skip

DRIFT_METRICS = Table(
    "drift_metrics",
    "How far one day or week lies from its reference: short (the same weekdays) and long (the champion's training).",
    {
        "as_of_date": "date", "horizon": "string", "subject": "string", "name": "string", "statistic": "string",
        "value": "float64", "threshold": "float64", "drifted": "bool", "days_in_a_row": "int64", "rows": "int64",
        "reference_rows": "int64", "reference": "string",
    },
    key=("as_of_date", "horizon", "subject", "name"),
    partition=("as_of_date",),
)  # fmt: skip

REPRODUCTIONS = Table(
    "reproductions",
    "Audit: a champion trained again from its kept training set, settings and code, and whether it came out the same.",
    {
        "as_of_date": "date", "surface": "string", "model_version": "string", "kept_sha256": "string",
        "again_sha256": "string", "same_model": "bool", "users_compared": "int64", "same_lists": "int64",
        "max_score_difference": "float64", "verdict": "string", "why": "string", "run_id": "string",
        "recorded_at": "timestamp",
    },
    key=("as_of_date", "surface", "model_version"),
    unhashed=("model_version", "run_id", "recorded_at"),
)  # fmt: skip

MONITORING_TABLES = (OUTCOME_METRICS, ARM_COMPARISONS, DISTRIBUTIONS, DRIFT_METRICS, REPRODUCTIONS)
