"""The tables of the machinery: quality, decisions, publications."""

from include.retraining.warehouse.table import Table

QUARANTINED_ROWS = Table(
    "quarantined_rows",
    "Landed rows that broke a row rule, kept with the reason. Values that look personal are keyed hashes.",
    {
        "arrival_date": "date", "source": "string", "row_id": "string", "event_date": "date", "reason": "string",
        "landed_row": "string", "file": "string",
    },
    key=("arrival_date", "source", "row_id"),
    partition=("arrival_date", "source"),
)  # fmt: skip

READMISSIONS = Table(
    "readmissions",
    "Quarantined rows that a person or a named rule let in; every rebuild honours them.",
    {
        "row_id": "string", "arrival_date": "date", "event_date": "date", "reason": "string", "who": "string",
        "readmitted_at": "timestamp",
    },
    key=("row_id",),
)  # fmt: skip

DATA_QUALITY_RESULTS = Table(
    "data_quality_results",
    "The result of every check of a run's date and stage.",
    {
        "as_of_date": "date", "stage": "string", "check_name": "string", "severity": "string", "outcome": "string",
        "expected": "string", "observed": "string", "rows_checked": "int64", "rows_failed": "int64",
        "sample_keys": "strings",
    },
    key=("as_of_date", "stage", "check_name"),
    partition=("as_of_date", "stage"),
)  # fmt: skip

EVALUATION_RESULTS = Table(
    "evaluation_results",
    "Metrics of each contender on past weeks, and paired differences (versus is empty for plain metrics).",
    {
        "as_of_date": "date", "surface": "string", "contender": "string", "versus": "string", "segment": "string",
        "metric": "string", "model_version": "string", "mean": "float64", "low": "float64", "high": "float64",
        "users": "int64",
    },
    key=("as_of_date", "surface", "contender", "versus", "segment", "metric"),
    partition=("as_of_date", "surface"),
    unhashed=("model_version",),
)  # fmt: skip

PROMOTION_DECISIONS = Table(
    "promotion_decisions",
    "Audit: what was decided about a challenger (`decided`), and that it took office (`applied`).",
    {
        "as_of_date": "date", "surface": "string", "kind": "string", "decision_id": "string", "choice": "string",
        "model_version": "string", "champion_version": "string", "baseline": "string", "reasons": "strings",
        "evidence": "string", "publication_id": "string", "who": "string", "run_id": "string",
        "recorded_at": "timestamp",
    },
    key=("as_of_date", "surface", "kind", "decision_id"),
    unhashed=("model_version", "champion_version", "who", "run_id", "recorded_at"),
)  # fmt: skip

PUBLICATIONS = Table(
    "publications",
    "Audit: one row per complete, immutable publication and check result, with all one needs to trace it.",
    {
        "publication_id": "string", "as_of_date": "date", "model_versions": "string", "table_versions": "string",
        "training_set": "string", "settings_hash": "string", "code_version": "string", "run_id": "string",
        "row_counts": "string", "content_hash": "string", "check_result": "string", "created_at": "timestamp",
        "valid_until": "timestamp",
    },
    key=("publication_id", "check_result"),
    unhashed=("model_versions", "table_versions", "code_version", "run_id", "created_at"),
)  # fmt: skip

PUBLICATION_SWITCHES = Table(
    "publication_switches",
    "Audit: the pointer. The last row names the current publication.",
    {
        "number": "int64", "from_publication_id": "string", "to_publication_id": "string", "kind": "string",
        "who": "string", "why": "string", "run_id": "string", "switched_at": "timestamp",
    },
    key=("number",),
    unhashed=("who", "why", "run_id", "switched_at"),
)  # fmt: skip

BLOCKED_ITEMS = Table(
    "blocked_items",
    "Audit: items that must vanish from live lists (`block`) or may return (`unblock`); an item's last row counts.",
    {
        "item_id": "string", "number": "int64", "kind": "string", "who": "string", "why": "string",
        "recorded_at": "timestamp",
    },
    key=("item_id", "number"),
)  # fmt: skip

MACHINERY_TABLES = (
    QUARANTINED_ROWS, READMISSIONS, DATA_QUALITY_RESULTS, EVALUATION_RESULTS, PROMOTION_DECISIONS, PUBLICATIONS,
    PUBLICATION_SWITCHES, BLOCKED_ITEMS,
)  # fmt: skip
